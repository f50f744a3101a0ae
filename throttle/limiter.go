package throttle

import (
	"context"
	"fmt"
	"time"

	"github.com/durin-go/durin/internal/window"
)

// New returns a Limiter that counts in this process's memory. It is exact
// up to N = 1,024 in a window; above, it may refuse for 1 % of the period longer
// than it must, never let too many through. It keeps a million keys, and at that
// bound refuses new ones rather than forget a window that runs.
func New() Limiter {
	return &localLimiter{window.New[Key](time.Now(), 0)}
}

type localLimiter struct {
	windows *window.Limiter[Key]
}

// maxScopes is how many limits one request can be under.
const maxScopes = 8

// Take never fails but for more than maxScopes limits.
func (l *localLimiter) Take(_ context.Context, now time.Time, limits []Limit, states []State) (bool, error) {
	if len(limits) > maxScopes || len(states) != len(limits) {
		return false, fmt.Errorf("durin: %d limits and %d states: at most %d of each", len(limits), len(states), maxScopes)
	}
	var asked [maxScopes]window.Limit[Key]
	var found [maxScopes]window.State
	for i, limit := range limits {
		asked[i] = window.Limit[Key]{Key: limit.Key, Rate: window.Rate(limit.Rate)}
	}
	ok := l.windows.Take(now, asked[:len(limits)], found[:len(limits)])
	for i, s := range found[:len(limits)] {
		states[i].Rate = limits[i].Rate
		states[i].Remaining, states[i].Wait, states[i].Reset, states[i].Over = s.Remaining, s.Wait, s.Reset, s.Over
	}
	return ok, nil
}
