// Package measure compares ways of doing a thing in one run: they take turns, so
// that whatever else the machine does meets all of them alike.
package measure

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Case is one of the ways. Round does it for a while and returns a figure of
// it: a time or a rate.
type Case struct {
	Name  string
	Round func() (float64, error)
}

// A Series is a Case's figures, one of each round.
type Series []float64

// Interleave runs all cases rounds times, in turn, every second time backwards,
// after one round that does not count.
func Interleave(rounds int, cases ...Case) ([]Series, error) {
	all := make([]Series, len(cases))
	for round := range rounds + 1 {
		for i := range cases {
			if round%2 == 1 {
				i = len(cases) - 1 - i
			}
			v, err := cases[i].Round()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", cases[i].Name, err)
			}
			if round > 0 {
				all[i] = append(all[i], v)
			}
		}
	}
	return all, nil
}

// Median is the middle one.
func (s Series) Median() float64 { return s.at(0.5) }

// Range is the lowest and the highest.
func (s Series) Range() (low, high float64) { return slices.Min(s), slices.Max(s) }

func (s Series) at(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	place := q * float64(len(sorted)-1)
	low := int(place)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (place-float64(low))*(sorted[high]-sorted[low])
}

// Over is s divided by floor, round by round.
func (s Series) Over(floor Series) Series {
	ratios := make(Series, min(len(s), len(floor)))
	for i := range ratios {
		ratios[i] = s[i] / floor[i]
	}
	return ratios
}

// Times is s with every figure multiplied.
func (s Series) Times(factor float64) Series {
	scaled := make(Series, len(s))
	for i, v := range s {
		scaled[i] = v * factor
	}
	return scaled
}

// String is the median, with the range: "0.93 (0.91-0.95)".
func (s Series) String() string {
	if len(s) == 0 {
		return "none"
	}
	low, high := s.Range()
	return fmt.Sprintf("%s (%s-%s)", Short(s.Median()), Short(low), Short(high))
}

// Short writes v with three digits that matter, or all before the point.
func Short(v float64) string {
	switch {
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Each is a Case of the nanoseconds of processor time that work takes: it is
// called over and over by as many goroutines, for about as long, with a number
// that is never the same. Processor time, unlike time on the wall, does not count
// what other programs do meanwhile; it does count waiting in a spin.
func Each(name string, goroutines int, long time.Duration, work func(i uint64)) Case {
	return Case{name, turns(goroutines, 256, long, work, cpuTime)}
}

// EachOnWall is Each in time on the wall, of one goroutine: for work that waits,
// and takes microseconds at least.
func EachOnWall(name string, goroutines int, long time.Duration, work func(i uint64)) Case {
	return Case{name, turns(goroutines, 1, long, work, wallTime)}
}

var began = time.Now()

func wallTime() time.Duration { return time.Since(began) }

func turns(goroutines, batch int, long time.Duration, work func(i uint64), clock func() time.Duration) func() (float64, error) {
	next := make([]uint64, goroutines)
	for g := range next {
		next[g] = uint64(g) << 32
	}
	return func() (float64, error) {
		var done sync.WaitGroup
		var all atomic.Uint64
		before := clock()
		for g := range goroutines {
			done.Go(func() {
				i, first, start := next[g], next[g], time.Now()
				for time.Since(start) < long {
					for range batch {
						work(i)
						i++
					}
				}
				next[g] = i
				all.Add(i - first)
			})
		}
		done.Wait()
		return float64(clock()-before) / float64(all.Load()), nil
	}
}

// Heap is the bytes on the heap that are in use.
func Heap() int64 {
	var m runtime.MemStats
	for range 3 { // finalizers and pools take more than one
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Scatter maps 0, 1, 2, … to numbers below n as if by chance, the same each time.
func Scatter(i uint64, n int) int {
	x := (i + 1) * 0x9e3779b97f4a7c15
	x ^= x >> 31
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 29
	return int((x >> 32) * uint64(n) >> 32)
}
