package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// A row is a token in a model of the store. Its version grows with each change.
type row struct {
	key   digest
	now   atomic.Int64 // the version that the store has; endedVersion when gone
	acked atomic.Int64 // the version that callers rely on: its cache was told
}

const endedVersion = 1 << 40

type version struct{ row, version int64 }

// A model is a cache with a store behind it, and everything that may go wrong
// between them, in random order.
type model struct {
	cache *Cache[digest, version]
	clock *clock
	wrong atomic.Int64
	rng   func(n int) int
}

func newModel(broken bool) *model {
	cl := newClock()
	return &model{
		clock: cl,
		rng:   rand.IntN, // safe for concurrent use
		cache: New[digest, version](cl.of(Options{
			Entries: 500, Ended: errEnded, breakLoads: broken,
			Negative: func(err error) bool { return errors.Is(err, errAbsent) },
		})),
	}
}

// dawdle lets the others run for a while, or not.
func (m *model) dawdle() {
	for range m.rng(4) {
		runtime.Gosched()
	}
}

func (m *model) load(id int64, r *row) func(context.Context, *version) error {
	return func(_ context.Context, found *version) error {
		m.dawdle()
		*found = version{id, r.now.Load()}
		m.dawdle()
		switch {
		case found.version == endedVersion && m.rng(2) == 0:
			// A replica that lags has the row still.
			*found = version{id, r.acked.Load() &^ endedVersion}
		case found.version == endedVersion:
			return errAbsent
		}
		return nil
	}
}

// read checks a token the way a guard does and compares with what was
// acknowledged before it began.
func (m *model) read(ctx context.Context, id int64, r *row) {
	m.dawdle()
	least := r.acked.Load()
	now, trusted := m.clock.read()
	v, ok := m.cache.Get(r.key, now, trusted)
	if !ok {
		var err error
		if v, err = m.cache.Load(ctx, r.key, m.load(id, r)); err != nil {
			return
		}
	}
	if v.row != id || v.version < least {
		m.wrong.Add(1)
	}
}

// change changes the row and tells the cache, as a guard does.
func (m *model) change(id int64, r *row) {
	m.dawdle()
	kind := m.rng(5)
	next := r.now.Load() + 1
	if kind < 2 {
		next = endedVersion
	}
	r.now.Store(next)
	m.dawdle()
	switch kind {
	case 0, 1:
		m.cache.End(r.key)
	case 2:
		m.cache.Drop(r.key)
	case 3:
		m.cache.DropIf(func(v *version) bool { return v.row == id })
	case 4:
		m.cache.Flush()
	}
	r.acked.Store(next)
}

// interleave runs rounds of readers against changes, each round with a token of
// its own, and returns how many answers were older than what was acknowledged.
func interleave(ctx context.Context, broken bool, rounds int) int64 {
	m := newModel(broken)
	for id := range rounds {
		r := &row{key: key(id)}
		r.now.Store(1)
		r.acked.Store(1)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for range 1 + m.rng(3) {
					m.read(ctx, int64(id), r)
				}
			})
		}
		all.Go(func() {
			for range 1 + m.rng(2) {
				if r.now.Load() < endedVersion {
					m.change(int64(id), r)
				}
			}
		})
		all.Wait()
		for range 2 {
			m.read(ctx, int64(id), r)
		}
		if m.rng(100) == 0 {
			m.clock.add(1000)
			m.clock.distrust()
		}
	}
	return m.wrong.Load()
}

func TestNothingInvalidatedComesBack(t *testing.T) {
	rounds := 10_000
	if testing.Short() {
		rounds = 1000
	}
	if n := interleave(t.Context(), false, rounds); n != 0 {
		t.Errorf("%d answers were older than an acknowledged change", n)
	}
}

// TestStaleLoadsAreNoticed proves that the test above would find a cache that
// stores loads which began before an invalidation.
func TestStaleLoadsAreNoticed(t *testing.T) {
	if n := interleave(t.Context(), true, 2000); n == 0 {
		t.Error("a cache that stores stale loads passes the test")
	}
}

func TestReadersNeverSeeTheWrongValue(t *testing.T) {
	cl := newClock()
	c := New[digest, version](cl.of(Options{Entries: 64}))
	var stop atomic.Bool
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for !stop.Load() {
				id := rand.IntN(200)
				now, trusted := cl.read()
				if v, ok := c.Get(key(id), now, trusted); ok && v.row != int64(id) {
					t.Error("Get answered with the value of another key")
					return
				}
			}
		})
	}
	for range 5000 {
		id := rand.IntN(200)
		_, err := c.Load(t.Context(), key(id), func(_ context.Context, to *version) error {
			*to = version{row: int64(id)}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if rand.IntN(3) == 0 {
			c.Drop(key(rand.IntN(200)))
		}
	}
	stop.Store(true)
	all.Wait()
}
