package main

import (
	"context"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/measure"
)

// f9 measures the throttle of users and clients, in this process's memory.
func (s *suite) f9() error {
	const pairs = 100_000
	rate := durin.Rate{N: 100, Period: time.Minute}
	limiter := durin.NewLimiter()
	limits := make([]durin.Limit, pairs)
	for i := range limits {
		limits[i] = durin.Limit{Key: durin.LimitKey{Scope: durin.DefaultScope, UserID: dataset.UserName(i / 5), ClientID: int64(i%5 + 1)}, Rate: rate}
	}
	ctx := context.Background()
	var failed error
	take := func(now time.Time, i int, states []durin.LimitState) {
		if _, err := limiter.Take(ctx, now, limits[i:i+1], states); err != nil {
			failed = err
		}
	}
	for _, held := range []int{1, 4, 100} {
		limiter = durin.NewLimiter()
		before, now := measure.Heap(), time.Now()
		for range held {
			for i := range pairs {
				take(now, i, make([]durin.LimitState, 1))
			}
		}
		per := measure.Series{float64(measure.Heap()-before) / pairs}
		s.value("F9", "memory of a pair with "+thousands(held)+" of 100 requests in its window", per, "bytes", 0)
		s.curve("memory", "throttled pair, "+thousands(held)+" requests in its window", pairs, per)
	}
	limiter = durin.NewLimiter()
	work := func(i uint64) {
		var states [1]durin.LimitState
		take(time.Now(), measure.Scatter(i, pairs), states[:])
	}
	all, err := measure.Interleave(s.rounds, measure.Each("1", 1, s.long, work), measure.Each("2", 2, s.long, work))
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	s.value("F9", "throttle check, 100,000 pairs, 1 goroutine", all[0], "ns", 300)
	s.value("F9", "throttle check, 100,000 pairs, 2 goroutines", all[1], "ns", 300)
	states, i := make([]durin.LimitState, 1), 0
	allocs := testing.AllocsPerRun(10_000, func() { take(time.Now(), i%1000, states); i++ })
	s.add(row{Figure: "F9", What: "allocations of a throttle check", Value: measure.Short(allocs), Aim: "0", Met: yes(allocs == 0)})
	return nil
}
