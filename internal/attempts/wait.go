package attempts

import (
	"container/list"
	"context"
	"errors"
	"time"
)

// maxWaiting bounds the attempts that wait for others of the same account or
// address.
const maxWaiting = 1024

// ErrFull says that too many wait.
var ErrFull = errors.New("attempts: too many wait")

// A waiter is an attempt that waits for the end of another.
type waiter struct {
	sides  []side
	answer chan bool // whether it is admitted: one word, for which there is room
	queue  *list.List
	at     *list.Element
}

func (w *waiter) join(e *entry) {
	if e.waiting == nil {
		e.waiting = list.New()
	}
	w.queue, w.at = e.waiting, e.waiting.PushBack(w)
}

// Wait is Admit that waits where only the ends of others tell. Who came first is
// let in first. The error is ErrFull, or ctx's cause.
func (l *Limiter) Wait(ctx context.Context, now time.Time, a Attempt) (bool, error) {
	w, ok, err := l.queue(now, a)
	if w == nil {
		return ok, err
	}
	select {
	case ok := <-w.answer:
		return ok, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case ok := <-w.answer: // at the same time
		return ok, nil
	default:
	}
	w.queue.Remove(w.at)
	l.waiting--
	return false, context.Cause(ctx)
}

// queue answers at once, or lets the attempt wait.
func (l *Limiter) queue(now time.Time, a Attempt) (*waiter, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sides := l.sides(a)
	v, stuck := l.ask(l.instant(now), sides)
	if v != later {
		return nil, v == admitted, nil
	}
	if l.waiting == maxWaiting {
		return nil, false, ErrFull
	}
	l.waiting++
	w := &waiter{sides: sides, answer: make(chan bool, 1)}
	w.join(stuck)
	return w, false, nil
}

// letIn answers those who wait at e, up to the first for whom an end is still to
// come. Whoever waits where something runs is looked at when that ends.
func (l *Limiter) letIn(now int64, e *entry) {
	for e.waiting != nil && e.waiting.Len() > 0 {
		w := e.waiting.Front().Value.(*waiter)
		v, stuck := l.ask(now, w.sides)
		if stuck == e {
			return
		}
		w.queue.Remove(w.at)
		if v == later {
			w.join(stuck)
			continue
		}
		l.waiting--
		w.answer <- v == admitted
	}
}
