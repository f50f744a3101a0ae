package cache

import "sync/atomic"

// A table is a hash table with open addressing that is read without a lock and
// written under the shard's. Readers may overlook an entry that is being moved,
// never see one that was removed before they began. It evicts by second chance:
// the hand of the clock goes round the slots.
type table[K ~[32]byte, T any] struct {
	slots atomic.Pointer[slots[K, T]]
	n     int // entries
	max   int
	hand  uint64
	hash  func(*K) uint64
}

// slots are a power of two in number, at least half of them empty.
type slots[K ~[32]byte, T any] struct {
	mask uint64
	at   []atomic.Pointer[entry[K, T]]
}

// An entry is never changed after it was stored, its use aside; the value may
// have parts that may be. It is in one piece: what a hit looks at lies together.
type entry[K ~[32]byte, T any] struct {
	key      K
	loadedAt int64 // when its load began
	used     atomic.Bool
	value    T
}

const minSlots = 8

// use gives e a second chance. It writes only when it must: entries that are
// used all the time stay shared between the cores.
func (e *entry[K, T]) use() {
	if !e.used.Load() {
		e.used.Store(true)
	}
}

func newSlots[K ~[32]byte, T any](n int) *slots[K, T] {
	return &slots[K, T]{mask: uint64(n - 1), at: make([]atomic.Pointer[entry[K, T]], n)}
}

func (t *table[K, T]) init(limit int, hash func(*K) uint64) {
	t.max, t.hash = limit, hash
	t.clear()
}

// clear forgets everything.
func (t *table[K, T]) clear() {
	t.slots.Store(newSlots[K, T](minSlots))
	t.n, t.hand = 0, 0
}

// find returns the entry of key, whose hash is h, or nil.
func (t *table[K, T]) find(h uint64, key *K) *entry[K, T] {
	s := t.slots.Load()
	for i := h; ; i++ {
		e := s.at[i&s.mask].Load()
		if e == nil || e.key == *key {
			return e
		}
	}
}

// put stores e in the place of an entry with its key, or anew. It returns how
// many others had to give way; those older than expired go first.
func (t *table[K, T]) put(h uint64, e *entry[K, T], expired int64) (evicted int) {
	t.sweep(expired)
	s := t.slots.Load()
	i := h & s.mask
	for old := s.at[i].Load(); old != nil; old = s.at[i].Load() {
		if old.key == e.key {
			s.at[i].Store(e)
			return 0
		}
		i = (i + 1) & s.mask
	}
	if t.n >= t.max {
		t.evict(expired)
		evicted++
	} else if 2*(t.n+1) > len(s.at) {
		t.grow()
	}
	t.n++
	t.slots.Load().insert(h, e)
	return evicted
}

func (s *slots[K, T]) insert(h uint64, e *entry[K, T]) {
	i := h & s.mask
	for s.at[i].Load() != nil {
		i = (i + 1) & s.mask
	}
	s.at[i].Store(e)
}

func (t *table[K, T]) grow() {
	old := t.slots.Load()
	s := newSlots[K, T](2 * len(old.at))
	for i := range old.at {
		if e := old.at[i].Load(); e != nil {
			s.insert(t.hash(&e.key), e)
		}
	}
	t.slots.Store(s)
}

// sweep looks at a few slots and removes what has expired there, so that the
// table holds little more than what is in use.
func (t *table[K, T]) sweep(expired int64) {
	s := t.slots.Load()
	for range 4 {
		i := t.hand & s.mask
		if e := s.at[i].Load(); e != nil && e.loadedAt <= expired {
			t.removeAt(s, i)
		} else {
			t.hand++
		}
	}
}

// evict removes one entry: the next that has expired or was not used since the
// hand passed it.
func (t *table[K, T]) evict(expired int64) {
	s := t.slots.Load()
	for step := 0; ; t.hand, step = t.hand+1, step+1 {
		i := t.hand & s.mask
		e := s.at[i].Load()
		if e == nil {
			continue
		}
		if e.loadedAt <= expired || !e.used.Load() || step > 2*len(s.at) {
			t.removeAt(s, i)
			return
		}
		e.used.Store(false)
	}
}

// remove removes the entry of key and reports whether there was one.
func (t *table[K, T]) remove(h uint64, key *K) bool {
	s := t.slots.Load()
	for i := h & s.mask; ; i = (i + 1) & s.mask {
		e := s.at[i].Load()
		if e == nil {
			return false
		}
		if e.key == *key {
			t.removeAt(s, i)
			return true
		}
	}
}

// removeIf removes the entries whose value gone names and returns their number.
func (t *table[K, T]) removeIf(gone func(*T) bool) (removed int) {
	s := t.slots.Load()
	for i := uint64(0); i <= s.mask; {
		if e := s.at[i].Load(); e != nil && gone(&e.value) {
			// What follows moves up to i: look at i again. An entry
			// that moves from the beginning of the table to its end
			// is looked at twice.
			t.removeAt(s, i)
			removed++
			continue
		}
		i++
	}
	return removed
}

// removeAt empties slot i and moves up the entries behind it that would not be
// found any more.
func (t *table[K, T]) removeAt(s *slots[K, T], i uint64) {
	for j := (i + 1) & s.mask; ; j = (j + 1) & s.mask {
		e := s.at[j].Load()
		if e == nil {
			break
		}
		if home := t.hash(&e.key); (j-home)&s.mask >= (j-i)&s.mask {
			s.at[i].Store(e)
			i = j
		}
	}
	s.at[i].Store(nil)
	t.n--
}
