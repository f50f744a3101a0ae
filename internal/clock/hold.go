package clock

import "time"

const (
	// slack is how much the wall clock may gain or lose between two calls of
	// Observe without having been set.
	slack = 30 * time.Second
	// HoldAtLeast is how long a Hold lasts, however short keep is.
	HoldAtLeast = time.Hour
)

// A Hold keeps a system clock that was set from deleting good rows. While the clock
// is wrong, tokens that seem to have expired are refused; they are deleted only after
// the clock has run steadily for as long as expired rows are kept. The zero value is
// ready to use, by one goroutine at a time.
type Hold struct {
	wall  time.Time     // at the last round, without a monotonic reading
	mono  time.Duration // then
	until time.Duration // on the monotonic clock
	set   bool          // a round was before
}

// Observe notes the clocks, and reports whether the wall clock was set since the
// last round, and whether it is to be pruned now.
func (h *Hold) Observe(wall time.Time, mono, keep time.Duration) (jumped, prune bool) {
	wall = wall.Round(0)
	if h.set {
		off := wall.Sub(h.wall) - (mono - h.mono)
		if jumped = off.Abs() > slack; jumped {
			h.until = mono + max(keep, HoldAtLeast)
		}
	}
	h.wall, h.mono, h.set = wall, mono, true
	return jumped, mono >= h.until
}
