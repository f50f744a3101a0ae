package durin

import (
	"sync"
	"sync/atomic"
	"time"
)

// A seldom keeps what strangers can bring about from filling the log.
type seldom struct{ last atomic.Int64 }

const seldomEvery = time.Minute

// due reports whether it was not, in the minute before now.
func (s *seldom) due(now time.Time) bool {
	t, last := now.UnixNano(), s.last.Load()
	return (last == 0 || t-last >= int64(seldomEvery) || t < last) && s.last.CompareAndSwap(last, t)
}

// errorsAMinute bounds the failures of requests that are logged.
const errorsAMinute = 600

// A quota lets errorsAMinute pass in each minute.
type quota struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

// take reports whether one more may pass, and whether it is the last one of its
// minute.
func (q *quota) take(now time.Time) (ok, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if age := now.Sub(q.since); age < 0 || age >= seldomEvery {
		q.since, q.n = now, 0
	}
	q.n++
	return q.n <= errorsAMinute, q.n == errorsAMinute
}
