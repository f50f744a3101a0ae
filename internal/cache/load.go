package cache

import (
	"context"
	"errors"
	"fmt"
)

// ErrUnsettled is what Load returns when every one of its loads was made void
// by an invalidation: the key changes faster than it can be read.
var ErrUnsettled = errors.New("cache: invalidated during every load")

// maxLoads is how often a call of Load loads.
const maxLoads = 10

// A flight is one load and all who wait for it. The shard's lock guards it until
// done is closed.
type flight[V any] struct {
	begun     int64
	done      chan struct{}   // nil while nobody but the one who loads waits
	gone      []func(*V) bool // classes invalidated since it began
	stale     bool            // its result is void
	abandoned bool            // the one who loaded gave up: its result says nothing
	value     *V              // nil with an err
	err       error
}

// Load returns the value of key: from memory, or by load, which calls for the
// same key share. Its errors go to all who wait; none but those that
// Options.Negative names is remembered. A key that was ended is answered with
// Options.Ended.
//
// The first caller calls load itself, with its own context; the others wait for it
// until their own contexts end. When the first caller's context ends before its
// load is over, it alone gets the cause, and another of them loads. load must
// return soon after its context has ended. It fills in the value that it is given,
// which is zero at first and stays where it is.
func (c *Cache[K, V]) Load(ctx context.Context, key K, load func(context.Context, *V) error) (*V, error) {
	s, h := c.shard(&key)
	for loads := 0; loads < maxLoads; {
		f, wait, value, err := c.join(s, h, &key)
		switch {
		case f == nil:
			return value, err
		case wait == nil:
			c.fly(ctx, s, h, key, f, load)
			if f.abandoned {
				return nil, context.Cause(ctx)
			}
		default:
			select {
			case <-wait:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			if f.abandoned {
				continue
			}
		}
		if !f.stale {
			return f.value, f.err
		}
		loads++
	}
	return nil, ErrUnsettled
}

// join answers from memory, or returns a flight and what tells its end; for the
// one who is to load that is nil.
func (c *Cache[K, V]) join(s *shard[K, V], h uint64, key *K) (*flight[V], <-chan struct{}, *V, error) {
	now, trusted := c.opts.Clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.has(*key, now, c.ttl) {
		s.counts.NegativeHits++
		return nil, nil, nil, c.opts.Ended
	}
	if e := s.live.find(h, key); e != nil && !older(now-e.loadedAt, c.ttl) && e.loadedAt >= trusted {
		e.use()
		s.counts.Hits++
		return nil, nil, &e.value, nil
	}
	if e := s.absent.find(h, key); e != nil && !older(now-e.loadedAt, c.negativeTTL) && e.loadedAt >= trusted {
		e.use()
		s.counts.NegativeHits++
		return nil, nil, nil, e.value
	}
	s.counts.Misses++
	if f := s.flights[*key]; f != nil && f.begun >= trusted {
		if f.done == nil {
			f.done = make(chan struct{})
		}
		return f, f.done, nil, nil
	}
	s.counts.Loads++
	f := &flight[V]{begun: now}
	s.flights[*key] = f
	return f, nil, nil, nil
}

// fly runs a load to its end, whatever that is.
func (c *Cache[K, V]) fly(ctx context.Context, s *shard[K, V], h uint64, key K, f *flight[V], load func(context.Context, *V) error) {
	f.err = errors.New("cache: the load did not return")
	e := &entry[K, V]{key: key, loadedAt: f.begun}
	defer func() {
		if p := recover(); p != nil {
			f.err = fmt.Errorf("cache: the load panicked: %v", p)
		}
		f.abandoned = f.err != nil && ctx.Err() != nil
		c.land(s, h, e, f)
	}()
	if f.err = load(ctx, &e.value); f.err == nil {
		f.value = &e.value
	}
}

// land stores what a flight brought and wakes those who wait. The result is void
// when the key was invalidated meanwhile, or another flight took its place.
func (c *Cache[K, V]) land(s *shard[K, V], h uint64, e *entry[K, V], f *flight[V]) {
	now, _ := c.opts.Clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.done != nil {
		defer close(f.done)
	}
	f.stale = s.flights[e.key] != f
	if !f.stale {
		delete(s.flights, e.key)
	}
	for _, gone := range f.gone {
		f.stale = f.stale || f.err != nil || gone(f.value)
	}
	if c.opts.breakLoads {
		f.stale = false
	}
	if f.stale {
		s.counts.Stale++
		return
	}
	if !s.ended.full(now) {
		c.store(s, h, e, f.err, now)
	}
}

func (c *Cache[K, V]) store(s *shard[K, V], h uint64, e *entry[K, V], err error, now int64) {
	if err == nil {
		s.absent.remove(h, &e.key)
		s.counts.Evictions += uint64(s.live.put(h, e, now-c.ttl))
		return
	}
	if c.opts.Negative != nil && c.opts.Negative(err) {
		s.live.remove(h, &e.key)
		s.absent.put(h, &entry[K, error]{key: e.key, loadedAt: e.loadedAt, value: err}, now-c.negativeTTL)
	}
}
