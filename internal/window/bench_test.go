package window

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// benchKey is a key like a guard's.
type benchKey struct {
	scope  string
	user   string
	client int64
	period time.Duration
}

func benchKeys(n int) []benchKey {
	keys := make([]benchKey, n)
	for i := range keys {
		keys[i] = benchKey{"user_per_client", strconv.Itoa(i), int64(i % 5), time.Minute}
	}
	return keys
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkTake lets users in turn ask at 100 a minute, each about as often as
// it may. B/key is what a key with 4 requests in its window takes, without the
// bytes of its user's id.
func BenchmarkTake(b *testing.B) {
	for _, n := range []int{1, 10_000, 1_000_000} {
		keys := benchKeys(n)
		before := heap()
		l := New(start, Options[benchKey]{Keys: 2*n + 6400})
		for range 4 {
			for _, k := range keys {
				take(l, start, k, Rate{100, time.Minute})
			}
		}
		perKey := float64(heap()-before) / float64(n)
		b.Run(fmt.Sprintf("%d/serial", n), func(b *testing.B) {
			b.ReportAllocs()
			now, x := start, uint32(1)
			for b.Loop() {
				x = x*1664525 + 1013904223
				now = now.Add(time.Minute / time.Duration(100*n))
				take(l, now, keys[int(uint64(x)*uint64(n)>>32)], Rate{100, time.Minute})
			}
			if n > 1 {
				b.ReportMetric(perKey, "B/key")
			}
		})
		b.Run(fmt.Sprintf("%d/parallel", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				now, x := start, uint32(1)
				for pb.Next() {
					x = x*1664525 + 1013904223
					now = now.Add(time.Minute / time.Duration(100*n))
					take(l, now, keys[int(uint64(x)*uint64(n)>>32)], Rate{100, time.Minute})
				}
			})
		})
	}
}

// BenchmarkRefused is a caller far beyond its rate.
func BenchmarkRefused(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			l := New(start, Options[string]{})
			for range n {
				take(l, start, "ada", Rate{n, time.Hour})
			}
			b.ReportAllocs()
			for b.Loop() {
				take(l, start, "ada", Rate{n, time.Hour})
			}
		})
	}
}

// BenchmarkTwoLimits is a request under two rates.
func BenchmarkTwoLimits(b *testing.B) {
	l := New(start, Options[string]{})
	limits := []Limit[string]{{"ada", Rate{100, time.Minute}}, {"ada daily", Rate{5000, 24 * time.Hour}}}
	states := make([]State, 2)
	now := start
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		l.Take(now, limits, states)
	}
}
