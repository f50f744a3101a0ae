// Package throttle counts requests: rates, and limiters that hold them. A
// durin.Guard has a limiter of its own unless Options.Limiter is set.
package throttle

import (
	"context"
	"net/netip"
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

// A Key says whom and what a window counts. It is comparable. The limits of one
// Take are of one caller.
type Key struct {
	Name string // the throttle's
	// UserID and ClientID tell whose token the caller has. An empty UserID is
	// an anonymous caller.
	UserID   string
	ClientID int64
	// Network is where an anonymous caller comes from. The zero Prefix is a
	// network, too: where it is not known.
	Network netip.Prefix
	// Period tells apart the windows of one throttle that has several rates.
	Period time.Duration
}

// Anonymous reports whether k is an anonymous caller's.
func (k Key) Anonymous() bool { return k.UserID == "" }

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
	// Full says that there are as many windows as there may be, and this is a
	// new one. It is refused where the caller has as many, or where it is
	// anonymous; a user's first windows are kept beyond the number.
	Full bool
}
