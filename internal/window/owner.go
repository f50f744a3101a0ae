package window

import "sync"

// An owned counts the keys of owners.
type owned struct {
	mu   sync.Mutex
	keys map[uint64]int // by the owner's hash
}

// own counts a new key for its owners, or for none if one of them has as many as
// it may.
func (l *Limiter[K]) own(key K) bool {
	if l.owners == nil {
		return true
	}
	all := l.owners(l.seed, key)
	for i, o := range all {
		if o.Max > 0 && !l.owned[o.ID%shards].add(o) {
			l.release(all[:i])
			return false
		}
	}
	return true
}

// disown takes back what own has counted.
func (l *Limiter[K]) disown(key K) {
	if l.owners != nil {
		all := l.owners(l.seed, key)
		l.release(all[:])
	}
}

func (l *Limiter[K]) release(all []Owner) {
	for _, o := range all {
		if o.Max > 0 {
			l.owned[o.ID%shards].remove(o.ID)
		}
	}
}

func (s *owned) add(o Owner) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[o.ID] >= o.Max {
		return false
	}
	if s.keys == nil {
		s.keys = map[uint64]int{}
	}
	s.keys[o.ID]++
	return true
}

func (s *owned) remove(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[id]--; s.keys[id] <= 0 {
		delete(s.keys, id)
	}
}

// Owners is how many owners have keys.
func (l *Limiter[K]) Owners() (n int) {
	for i := range l.owned {
		s := &l.owned[i]
		s.mu.Lock()
		n += len(s.keys)
		s.mu.Unlock()
	}
	return n
}
