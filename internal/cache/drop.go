package cache

// End forgets keys for good: loads that still find them, now or later, are
// answered with Options.Ended. Use it for tokens whose row is gone: no other
// token ever gets the same digest.
func (c *Cache[K, V]) End(keys ...K) {
	now, _ := c.opts.Clock()
	for i := range keys {
		s, h := c.shard(&keys[i])
		s.mu.Lock()
		s.drop(h, &keys[i])
		s.ended.add(keys[i], now, c.ttl, c.tombstones)
		s.mu.Unlock()
	}
}

// Drop forgets keys whose rows have changed: the next use reads them afresh.
func (c *Cache[K, V]) Drop(keys ...K) {
	for i := range keys {
		s, h := c.shard(&keys[i])
		s.mu.Lock()
		s.drop(h, &keys[i])
		s.mu.Unlock()
	}
}

// DropIf forgets the values that gone names, and all remembered errors. It looks
// at every value, one part of the cache after the other, while hits go on; loads
// that run meanwhile are asked when they end. So gone must be safe for
// concurrent use and depend only on what never changes in a value, like the id
// of its user.
func (c *Cache[K, V]) DropIf(gone func(*V) bool) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.counts.Invalidations += uint64(s.live.removeIf(gone))
		s.absent.clear()
		for _, f := range s.flights {
			f.gone = append(f.gone, gone)
		}
		s.mu.Unlock()
	}
}

// Flush forgets all values and remembered errors. What was ended stays ended.
func (c *Cache[K, V]) Flush() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.counts.Invalidations += uint64(s.live.n)
		s.live.clear()
		s.absent.clear()
		clear(s.flights)
		s.mu.Unlock()
	}
}

func (s *shard[K, V]) drop(h uint64, key *K) {
	if s.live.remove(h, key) {
		s.counts.Invalidations++
	}
	s.absent.remove(h, key)
	delete(s.flights, *key) // a flight that is not found here is void
}

// tombstones remember ended keys in two generations: each key for one life time
// of an entry at least, and for two at most while the shard is in use.
type tombstones[K ~[32]byte] struct {
	young, old map[K]struct{}
	turnAt     int64 // when young becomes old
	fullUntil  int64
	everFull   bool
}

func (t *tombstones[K]) len() int { return len(t.young) + len(t.old) }

func (t *tombstones[K]) turn(now, ttl int64) {
	if t.len() == 0 || now < t.turnAt {
		return
	}
	t.old, t.young = t.young, nil
	if now-t.turnAt >= ttl {
		t.old = nil
	}
	t.turnAt = now + ttl
}

func (t *tombstones[K]) add(key K, now, ttl int64, limit int) {
	t.turn(now, ttl)
	if t.len() >= limit {
		t.fullUntil, t.everFull = now+ttl, true
		return
	}
	if t.young == nil {
		t.young = make(map[K]struct{})
		if t.old == nil {
			t.turnAt = now + ttl
		}
	}
	t.young[key] = struct{}{}
}

func (t *tombstones[K]) has(key K, now, ttl int64) bool {
	t.turn(now, ttl)
	if _, ok := t.young[key]; ok {
		return true
	}
	_, ok := t.old[key]
	return ok
}

// full reports whether some key ended of late found no room.
func (t *tombstones[K]) full(now int64) bool {
	return t.everFull && now < t.fullUntil
}
