package api

import "sync"

// recent remembers which sessions their users ended lately, so that ending one
// again is no fault: a caller that has lost the answer asks again. It forgets
// the oldest beyond its bound, and what happens on other nodes it does not know.
// The zero value is ready.
type recent struct {
	mu    sync.Mutex
	known map[ended]bool
	ring  []ended // in order; next is where the oldest is replaced
	next  int
}

type ended struct {
	userID string
	id     int64
}

const maxRecent = 4096

func (r *recent) add(e ended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.known[e]:
		return
	case r.known == nil:
		r.known = map[ended]bool{}
	}
	r.known[e] = true
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, e)
		return
	}
	delete(r.known, r.ring[r.next])
	r.ring[r.next] = e
	r.next = (r.next + 1) % maxRecent
}

func (r *recent) has(e ended) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[e]
}
