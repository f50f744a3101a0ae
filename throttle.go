package durin

import (
	"net/http"
	"slices"

	"github.com/durin-go/durin/throttle"
)

// DefaultScope is the name of the throttle of a user and client, as in
// django-rest-durin.
const DefaultScope = "user_per_client"

// A Scope is a named throttle: each user and client, or anonymous address, has a
// window of its own in it.
type Scope struct {
	Name string // DefaultScope is the one that clients' rates are for
	// Rate holds for everybody. Unset: the rate of the caller's client, or
	// the Guard's DefaultRate.
	Rate Rate
}

// Throttle refuses requests beyond a rate with 429, Retry-After and the
// RateLimit fields. Without scopes it is the throttle of DefaultScope: the rate
// of the client, or the Guard's DefaultRate. Several scopes on one route hold at
// once, such as a burst and a sustained one; a request that one of them refuses
// counts in none. Anonymous requests, where the route lets them through, are
// counted by address. A bad token is answered with 401 before anything counts.
// Each Throttle that a request passes counts it: around a route put one for a
// scope, not one inside the other.
func (g *Guard) Throttle(scopes ...Scope) func(http.Handler) http.Handler {
	if len(scopes) == 0 {
		scopes = []Scope{{Name: DefaultScope}}
	}
	scopes = slices.Clone(scopes)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, r, ok := g.identify(w, r)
			if !ok {
				return
			}
			if err := g.take(w, r, id, scopes); err != nil {
				g.Fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// take counts the request in scopes. Throttles that have no rate for the caller
// do not count.
func (g *Guard) take(w http.ResponseWriter, r *http.Request, id *identity, scopes []Scope) error {
	limits := make([]throttle.Limit, 0, 2)
	for _, s := range scopes {
		rate := g.rateFor(s, id)
		if !rate.IsSet() {
			continue
		}
		key := throttle.Key{Scope: s.Name, Period: rate.Period}
		if s.Name == DefaultScope {
			key.Period = 0 // one window, whatever its rate: a change acts on it
		}
		if id.session != nil {
			key.UserID, key.ClientID = id.session.UserID, id.session.Client.ID
		} else {
			key.UserID = g.Address(r).String()
		}
		limits = append(limits, throttle.Limit{Key: key, Rate: rate})
	}
	if len(limits) == 0 {
		return nil
	}
	states := make([]throttle.State, len(limits))
	for i := range states {
		states[i].Name = limits[i].Key.Scope
	}
	ok, err := g.limiter.Take(r.Context(), g.now(), limits, states)
	if err != nil {
		return unavailable(err)
	}
	if ok {
		writeLimits(w.Header(), states)
		return nil
	}
	if id.checked != nil {
		id.checked.use.throttled.Add(1)
	}
	err = throttled(states)
	g.tally.throttle(id.session)
	e := Event{At: g.now(), Session: id.session, Err: err, Origin: g.origin(r)}
	if id.session != nil {
		e.about(id.session)
	}
	fire(r.Context(), g.opt.Hooks.Throttled, e)
	return err
}

func (g *Guard) rateFor(s Scope, id *identity) Rate {
	if s.Rate.IsSet() {
		return s.Rate
	}
	if id.session != nil && id.session.Client.Rate.IsSet() {
		return id.session.Client.Rate
	}
	return g.opt.DefaultRate
}
