package cache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
)

// A record is as large as a session that a guard keeps.
type record [208]byte

// A looker is what the cache is compared with.
type looker interface {
	put(k digest, v *record)
	get(k *digest) (*record, bool)
}

type ours struct{ *Cache[digest, record] }

func (o ours) put(k digest, v *record) {
	_, _ = o.Load(context.Background(), k, func(_ context.Context, to *record) error { *to = *v; return nil })
}
func (o ours) get(k *digest) (*record, bool) { return o.Get(*k, 1, math.MinInt64) }

type lockedMap struct {
	mu sync.RWMutex
	m  map[digest]*record
}

func (l *lockedMap) put(k digest, v *record) { l.mu.Lock(); l.m[k] = v; l.mu.Unlock() }
func (l *lockedMap) get(k *digest) (*record, bool) {
	l.mu.RLock()
	v, ok := l.m[*k]
	l.mu.RUnlock()
	return v, ok
}

type syncMap struct{ sync.Map }

func (s *syncMap) put(k digest, v *record) { s.Store(k, v) }
func (s *syncMap) get(k *digest) (*record, bool) {
	v, ok := s.Load(*k)
	if !ok {
		return nil, false
	}
	return v.(*record), true
}

func newOurs(n int) ours {
	return ours{New[digest, record](Options{
		Entries: n + n/4,
		Clock:   func() (int64, int64) { return 0, math.MinInt64 },
	})}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkHit compares a hit with the plainest maps there are. Its figure
// B/entry counts the value of 208 bytes as well.
func BenchmarkHit(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		keys := make([]digest, n)
		for i := range keys {
			keys[i] = key(i)
		}
		for _, impl := range []struct {
			name string
			make func() looker
		}{
			{"cache", func() looker { return newOurs(n) }},
			{"map+RWMutex", func() looker { return &lockedMap{m: make(map[digest]*record)} }},
			{"sync.Map", func() looker { return new(syncMap) }},
		} {
			before := heap()
			l := impl.make()
			for _, k := range keys {
				l.put(k, new(record))
			}
			perEntry := float64(heap()-before) / float64(n)
			b.Run(fmt.Sprintf("%s/%d/serial", impl.name, n), func(b *testing.B) {
				b.ReportAllocs()
				x := uint32(1)
				for b.Loop() {
					x = x*1664525 + 1013904223
					if _, ok := l.get(&keys[int(uint64(x)*uint64(n)>>32)]); !ok {
						b.Fatal("missed")
					}
				}
				b.ReportMetric(perEntry, "B/entry")
			})
			b.Run(fmt.Sprintf("%s/%d/parallel", impl.name, n), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					x := uint32(1)
					for pb.Next() {
						x = x*1664525 + 1013904223
						if _, ok := l.get(&keys[int(uint64(x)*uint64(n)>>32)]); !ok {
							b.Error("missed")
						}
					}
				})
			})
			runtime.KeepAlive(l)
		}
	}
}

// BenchmarkHitOne is the case of one busy token.
func BenchmarkHitOne(b *testing.B) {
	c := newOurs(1000)
	k := key(1)
	c.put(k, new(record))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.get(&k)
		}
	})
}

// BenchmarkMiss is what a load costs beyond the store's work.
func BenchmarkMiss(b *testing.B) {
	c := newOurs(1000)
	v := new(record)
	load := func(_ context.Context, to *record) error { *to = *v; return nil }
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = c.Load(ctx, key(i), load)
	}
}

// BenchmarkUnknown is a flood of keys that are not in the store.
func BenchmarkUnknown(b *testing.B) {
	c := newOurs(1000)
	c.opts.Negative = func(error) bool { return true }
	err := errors.New("no such row")
	load := func(context.Context, *record) error { return err }
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = c.Load(b.Context(), key(i), load)
	}
}

// BenchmarkDropIf looks at 100,000 values.
func BenchmarkDropIf(b *testing.B) {
	c := newOurs(100_000)
	for i := range 100_000 {
		c.put(key(i), new(record))
	}
	for b.Loop() {
		c.DropIf(func(r *record) bool { return r[0] == 1 })
	}
}
