package password

import (
	"container/list"
	"context"
	"sync"

	"github.com/durin-go/durin"
)

// A need is what one hash takes while it is computed.
type need struct {
	cores  int
	memory int64 // bytes
}

func (n need) most(other need) need {
	return need{max(n.cores, other.cores), max(n.memory, other.memory)}
}

// A pool hands out cores and memory, first come, first served: who needs much
// is not overtaken for ever by those who need little.
type pool struct {
	cores  int
	memory int64 // bytes
	queue  int   // the most that may wait

	mu      sync.Mutex
	used    need
	running int
	// admitted and refused are counted for Stats.
	admitted, refused uint64
	waiting           list.List // of *waiter, the oldest first
}

type waiter struct {
	need  need
	ready chan struct{} // closed once the need is met
}

func newPool(cores int, memory int64, queue int) *pool {
	return &pool{cores: cores, memory: memory, queue: queue}
}

// acquire waits until n is free, and takes it. The error is durin.ErrBusy, at
// once, when the queue is full, or ctx's. n must not be above the whole.
func (p *pool) acquire(ctx context.Context, n need) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.waiting.Len() == 0 && p.fits(n) {
		p.take(n)
		p.mu.Unlock()
		return nil
	}
	if p.waiting.Len() >= p.queue {
		p.refused++
		p.mu.Unlock()
		return durin.ErrBusy
	}
	w := &waiter{need: n, ready: make(chan struct{})}
	place := p.waiting.PushBack(w)
	p.mu.Unlock()

	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		p.leave(place, w)
		return ctx.Err()
	}
}

// leave takes w out of the queue, or gives back what it was just given.
func (p *pool) leave(place *list.Element, w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.ready:
		p.give(w.need)
	default:
		p.waiting.Remove(place)
	}
	p.serve()
}

// release gives back what acquire took.
func (p *pool) release(n need) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.give(n)
	p.serve()
}

// serve lets those in who wait and now fit. Call it with mu held.
func (p *pool) serve() {
	for e := p.waiting.Front(); e != nil; e = p.waiting.Front() {
		w := e.Value.(*waiter)
		if !p.fits(w.need) {
			return
		}
		p.waiting.Remove(e)
		p.take(w.need)
		close(w.ready)
	}
}

func (p *pool) fits(n need) bool {
	return p.used.cores+n.cores <= p.cores && p.used.memory+n.memory <= p.memory
}

func (p *pool) take(n need) {
	p.used = need{p.used.cores + n.cores, p.used.memory + n.memory}
	p.running++
	p.admitted++
}

func (p *pool) give(n need) {
	p.used = need{p.used.cores - n.cores, p.used.memory - n.memory}
	p.running--
}

func (p *pool) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Running: p.running, Waiting: p.waiting.Len(), Memory: p.used.memory,
		Workers: p.cores, Queue: p.queue, MemoryLimit: p.memory, Admitted: p.admitted, Refused: p.refused,
	}
}
