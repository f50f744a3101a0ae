package attempts

import "container/list"

// A table is what is remembered of all pairs, accounts or addresses.
type table struct {
	limit   int   // failures that lock
	window  int64 // nanoseconds, as all instants and spans here
	lock    int64
	maxLock int64
	max     int // entries
	entries map[uint64]*list.Element
	byUse   list.List // of *entry, the one used least lately in front
}

// An entry is what is remembered of one pair, account or address.
type entry struct {
	key      uint64
	failures []failure // the latest, at most limit
	locks    int       // how many there were, one after the other
	until    int64     // end of the latest lock
	pending  int       // attempts that run
	used     int64     // the latest admission or end of an attempt
	// waiting are the *waiter that an end here may let in, the first in front;
	// nil: none ever was.
	waiting *list.List
	// last is the attempt that locked; nil: none has. Names are not kept
	// before: some who fail have typed a password where the name belongs.
	last *Attempt
}

// A failure remembers the other side: the address where it is kept for an
// account or a pair, the account where it is kept for an address.
type failure struct {
	at    int64
	other uint64
}

func (t *table) init(n Numbers, limit int) {
	t.limit, t.max = limit, n.Entries
	t.window, t.lock, t.maxLock = int64(n.Window), int64(n.Lock), int64(n.MaxLock)
	t.entries = make(map[uint64]*list.Element)
}

// ask tells whether one more may be tried now.
func (t *table) ask(now int64, key uint64) (verdict, *entry) {
	t.sweep(now)
	at := t.entries[key]
	switch {
	case at != nil:
		e := t.refresh(now, at.Value.(*entry))
		return e.ask(now, t.limit), e
	case t.room(now):
		return admitted, nil
	}
	return refused, nil
}

func (e *entry) ask(now int64, limit int) verdict {
	switch {
	case now < e.until:
		return refused
	case e.locks > 0 && e.pending == 0, e.locks == 0 && len(e.failures)+e.pending < limit:
		return admitted
	case e.pending > 0:
		return later
	}
	return refused
}

// busy reports whether attempts run or wait here.
func (e *entry) busy() bool { return e.pending > 0 || e.waiting != nil && e.waiting.Len() > 0 }

// refresh forgets what does not count any more.
func (t *table) refresh(now int64, e *entry) *entry {
	if now-e.used >= t.window {
		e.pending = 0 // nobody told their ends
	}
	if e.locks > 0 {
		if now-max(e.used, e.until) >= t.window {
			e.locks, e.failures, e.last = 0, nil, nil
		}
		return e
	}
	old := 0
	for old < len(e.failures) && now-e.failures[old].at >= t.window {
		old++
	}
	e.failures = append(e.failures[:0], e.failures[old:]...)
	return e
}

// begin counts an attempt that was admitted.
func (t *table) begin(now int64, key uint64) {
	t.touch(now, key).pending++
}

// end counts how an attempt ended.
func (t *table) end(now int64, s side, outcome Outcome, a Attempt) {
	e := t.refresh(now, t.touch(now, s.key))
	e.pending = max(0, e.pending-1)
	switch outcome {
	case Wrong:
		if t.fail(now, e, s.other); e.locks > 0 {
			e.last = a.short()
		}
	case Right:
		e.forgive(s.other, t.limit)
	}
	if !e.busy() && e.locks == 0 && len(e.failures) == 0 {
		t.forget(t.entries[s.key])
	}
}

// fail adds a failure, and locks when there are too many.
func (t *table) fail(now int64, e *entry, other uint64) {
	if len(e.failures) == t.limit {
		copy(e.failures, e.failures[1:])
		e.failures = e.failures[:t.limit-1]
	}
	e.failures = append(e.failures, failure{now, other})
	if e.locks == 0 && len(e.failures) < t.limit {
		return
	}
	span := t.lock
	for i := 0; i < e.locks && span < t.maxLock; i++ {
		span *= 2
	}
	e.until = now + min(span, t.maxLock)
	e.locks++
}

// forgive takes back the failures of one other side, and with them the locks that
// would not have come to be. The failures of an address that is not known may be
// anybody's.
func (e *entry) forgive(other uint64, limit int) {
	if other == 0 {
		return
	}
	kept := e.failures[:0]
	for _, f := range e.failures {
		if f.other != other {
			kept = append(kept, f)
		}
	}
	e.failures = kept
	if len(kept) < limit {
		e.locks, e.until, e.last = 0, 0, nil
	}
}

// touch returns the entry of key, a new one if need be, as the one used last.
func (t *table) touch(now int64, key uint64) *entry {
	at := t.entries[key]
	if at == nil {
		at = t.byUse.PushBack(&entry{key: key})
		t.entries[key] = at
	}
	t.byUse.MoveToBack(at)
	e := at.Value.(*entry)
	e.used = now
	return e
}

func (t *table) forget(at *list.Element) {
	delete(t.entries, at.Value.(*entry).key)
	t.byUse.Remove(at)
}

// sweep forgets two entries at most that say nothing any more.
func (t *table) sweep(now int64) {
	for range 2 {
		at := t.byUse.Front()
		if at == nil {
			return
		}
		e := t.refresh(now, at.Value.(*entry))
		if e.busy() || e.locks > 0 || len(e.failures) > 0 {
			return
		}
		t.forget(at)
	}
}

// room reports whether there is room for a new entry, or makes some.
func (t *table) room(now int64) bool {
	for looks := 32; len(t.entries) >= t.max; looks-- {
		at := t.byUse.Front()
		e := at.Value.(*entry)
		switch {
		case !e.busy() && now >= e.until:
			t.forget(at)
		case looks == 0:
			return false
		default:
			t.byUse.MoveToBack(at) // others first
		}
	}
	return true
}
