// Package throttle counts requests: rates, and limiters that hold them. A
// durin.Guard has a limiter of its own unless Options.Limiter is set.
package throttle

import (
	"context"
	"time"
)

// A Limiter counts requests. It lets at most Rate.N through in any window of
// Rate.Period for one Key, whatever the concurrency; what it refuses does not
// count. The Guard's own keeps the windows of one process in memory; package
// redisdurin shares them between nodes. A Limiter is safe for concurrent use.
type Limiter interface {
	// Take asks for one request under every one of the limits, all with
	// the same instant: either each of them counts it, or none does. It
	// writes what became of limits[i] to states[i]; both have the same
	// length. It reports whether the request may pass. An error means that
	// the limiter could not tell: the request is answered with 503.
	Take(ctx context.Context, now time.Time, limits []Limit, states []State) (bool, error)
}

// A Limit is a rate for a key. Rates of one key that change act at once on the
// window that runs.
type Limit struct {
	Key  Key
	Rate Rate // set
}

// A Key says whom and what a window counts. It is comparable.
type Key struct {
	Scope    string // the throttle's name
	UserID   string // of the user; or the address of an anonymous caller
	ClientID int64  // zero for anonymous callers
	// Period tells apart the windows of one scope that has several rates.
	Period time.Duration
}

// A State is a window after a request.
type State struct {
	Name      string // the throttle's
	Rate      Rate
	Remaining int           // requests that may pass now
	Wait      time.Duration // when refused by this window: until one may pass
	Reset     time.Duration // until the oldest counted request leaves the window
	// Over says that more requests are in the window than the rate allows:
	// it was lowered meanwhile.
	Over bool
}
