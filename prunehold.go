package durin

import "time"

const (
	// clockSlack is how much the wall clock may gain or lose between two
	// rounds of pruning without having been set.
	clockSlack = 30 * time.Second
	// holdAtLeast is how long nothing is pruned after the clock was set,
	// however short PruneAfter is.
	holdAtLeast = time.Hour
)

// A pruneHold keeps a clock that jumps from ending tokens for good: what seems to
// have run out is refused while the clock says so, and deleted only after the
// clock has run steadily for as long as expired rows are kept.
type pruneHold struct {
	wall  time.Time     // at the last round, without a monotonic reading
	mono  time.Duration // then
	until time.Duration // on the monotonic clock
	set   bool          // a round was before
}

// observe notes the clocks, and reports whether the wall clock was set since the
// last round, and whether it is to be pruned now.
func (h *pruneHold) observe(wall time.Time, mono, keep time.Duration) (jumped, prune bool) {
	wall = wall.Round(0)
	if h.set {
		off := wall.Sub(h.wall) - (mono - h.mono)
		if jumped = off.Abs() > clockSlack; jumped {
			h.until = mono + max(keep, holdAtLeast)
		}
	}
	h.wall, h.mono, h.set = wall, mono, true
	return jumped, mono >= h.until
}
