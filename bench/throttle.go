package main

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/throttle"
)

// f9 measures the throttle of users and clients, in this process's memory, beside
// the least that counts requests of a pair: a number in a map behind a lock. With
// many pairs both wait for memory.
func (s *suite) f9() error {
	for _, pairs := range []int{s.size / 100, s.size} {
		if err := s.f9With(pairs); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) f9With(pairs int) error {
	limits := make([]throttle.Limit, pairs)
	for i := range limits {
		limits[i] = throttle.Limit{
			Key:  throttle.Key{Name: durin.DefaultThrottle, UserID: strconv.Itoa(i/dataset.TokensPerUser + 1), ClientID: int64(i%dataset.TokensPerUser + 1)},
			Rate: durin.Rate{N: 100, Period: time.Minute},
		}
	}
	var failed error
	take := func(l throttle.Limiter, now time.Time, i int, states []throttle.State) {
		if _, err := l.Take(s.ctx, now, limits[i:i+1], states); err != nil {
			failed = err
		}
	}
	limiter, states, i := throttle.New(), make([]throttle.State, 1), 0
	work := func(i uint64) {
		var states [1]throttle.State
		take(limiter, time.Now(), measure.Scatter(i, pairs), states[:])
	}
	var lock sync.Mutex
	counts := make(map[throttle.Key]*int64, pairs)
	for i := range limits {
		counts[limits[i].Key] = new(int64)
	}
	count := func(i uint64) {
		now := time.Now().UnixNano()
		key := limits[measure.Scatter(i, pairs)].Key
		lock.Lock()
		*counts[key] = now
		lock.Unlock()
	}
	all, err := measure.Interleave(s.rounds,
		measure.Each("1", 1, s.long, work), measure.Each("2", 2, s.long, work),
		measure.Each("count, 1", 1, s.long, count), measure.Each("count, 2", 2, s.long, count))
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	of := ", " + thousands(pairs) + " pairs in turn"
	s.value("F9", "throttle check"+of+", 1 goroutine", all[0], "ns", 300)
	s.value("F9", "throttle check"+of+", 2 goroutines", all[1], "ns", 300)
	s.ratio("F9", "the same / one number in a locked map, 1 goroutine", all[0], all[2], "ns", 0, false)
	s.ratio("F9", "the same / one number in a locked map, 2 goroutines", all[1], all[3], "ns", 0, false)
	if pairs < s.size {
		return nil
	}
	allocs := testing.AllocsPerRun(10_000, func() { take(limiter, time.Now(), i%100, states); i++ })
	s.add(row{Figure: "F9", What: "allocations of a throttle check", Value: measure.Short(allocs), Aim: "0", Met: yes(allocs == 0)})
	for _, held := range []int{1, 10, 100} {
		before, now, fresh := measure.Heap(), time.Now(), throttle.New()
		for range held {
			for i := range pairs {
				take(fresh, now, i, states)
			}
		}
		per := measure.Series{float64(measure.Heap()-before) / float64(pairs)}
		s.value("F9", "memory of a pair with "+thousands(held)+" of 100 requests in its window", per, "bytes", 0)
		s.curve("memory", fmt.Sprintf("Durin: a pair, %d in its window", held), float64(pairs), per)
		runtime.KeepAlive(fresh)
	}
	return failed
}
