package throttle

import (
	"context"
	"fmt"
	"time"

	"github.com/durin-go/durin/internal/window"
)

// New returns a Limiter that counts in this process's memory. It is exact
// up to N = 1,024 in a window, for anonymous callers up to 64; above, it may refuse
// for 1 % of the period longer than it must, never let too many through.
//
// Anonymous callers and users have tables of their own, so that strangers cannot
// crowd out users. The first has 100,000 windows, and refuses new ones at that bound
// rather than forget one that runs; a network has so many of them at most:
//
//	IPv4 address, IPv6 /64       64
//	IPv6 /56                    256
//	IPv4 /24, IPv6 /48        1,024
//
// A user has 256 windows with a client at most. When all users together have a
// million, States say Full, and more are kept: there are as many as users who use
// the API, and none is refused for what others do.
func New() Limiter {
	now := time.Now()
	return &localLimiter{users: window.New(now, userWindows), strangers: window.New(now, strangerWindows)}
}

type localLimiter struct{ users, strangers *window.Limiter[Key] }

const (
	// maxLimits is how many limits one request can be under.
	maxLimits = 24
	// usual is how many limits need no memory.
	usual = 4
)

// Take never fails but for more than maxLimits limits.
func (l *localLimiter) Take(_ context.Context, now time.Time, limits []Limit, states []State) (bool, error) {
	if len(limits) > maxLimits || len(states) != len(limits) {
		return false, fmt.Errorf("durin: %d limits and %d states: at most %d of each", len(limits), len(states), maxLimits)
	}
	if len(limits) == 0 {
		return true, nil
	}
	var room [usual]window.Limit[Key]
	var below [usual]window.State
	asked, found := room[:0], below[:0]
	for _, limit := range limits {
		asked = append(asked, window.Limit[Key]{Key: limit.Key, Rate: window.Rate(limit.Rate)})
		found = append(found, window.State{})
	}
	table := l.users
	if limits[0].Key.Anonymous() {
		table = l.strangers
	}
	ok := table.Take(now, asked, found)
	for i, s := range found {
		states[i].Rate = limits[i].Rate
		states[i].Remaining, states[i].Wait, states[i].Reset, states[i].Over, states[i].Full = s.Remaining, s.Wait, s.Reset, s.Over, s.Full
	}
	return ok, nil
}
