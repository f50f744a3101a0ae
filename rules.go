package durin

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/durin-go/durin/internal/networks"
	"github.com/durin-go/durin/throttle"
)

// Rules say who may pass. The zero Rules let everybody pass who has a good
// token. A cached token is still checked against them, at each request.
type Rules struct {
	// Allow, when not nil, names the only clients whose tokens pass, and an
	// empty list lets none pass. Names are compared byte by byte.
	Allow []string
	// Deny names clients whose tokens do not pass, in Allow or not.
	Deny []string
	// Throttle holds what counts the request. Nil: nothing.
	Throttle []Throttle
	// Optional lets callers without a token pass too; Allow and Deny are then
	// for those who have one.
	Optional bool
}

// Permit applies rules to r as the middleware does, for programs that are not
// built of handlers, or learn the rules from the request: a copy of the session, which is
// nil for an anonymous caller where rules are Optional, or the error to answer
// with: ErrNoToken, ErrInvalidToken, ErrExpired, ErrInactive, ErrForbidden,
// ErrThrottled, ErrUnavailable, or another *Error. It sets the RateLimit fields of w,
// and takes a cookie away whose token is refused.
func (g *Guard) Permit(w http.ResponseWriter, r *http.Request, rules Rules) (*Session, error) {
	ctx := r.Context()
	id := identityFrom(ctx, g)
	if id == nil {
		var err error
		if id, err = g.identityOf(ctx, r); err != nil {
			g.DropCookie(w, r, err)
			return nil, err
		}
	}
	if err := rules.judge(id); err != nil {
		return nil, err
	}
	if len(rules.Throttle) > 0 {
		if err := g.take(w, r, id, rules.Throttle); err != nil {
			return nil, err
		}
	}
	return id.session.clone(), nil
}

// judge tells whether the caller passes, but for throttles.
func (rules *Rules) judge(id *identity) error {
	if id.session == nil {
		if rules.Optional {
			return nil
		}
		return ErrNoToken
	}
	name := id.session.Client.Name
	if rules.Allow != nil && !slices.Contains(rules.Allow, name) || slices.Contains(rules.Deny, name) {
		return ErrForbidden
	}
	return nil
}

// AllowClients lets only tokens of the named clients through: 403 for others,
// 401 for anonymous callers. Without names it lets nobody through. Names are
// compared byte by byte.
func (g *Guard) AllowClients(names ...string) func(http.Handler) http.Handler {
	return g.enforce(Rules{Allow: append([]string{}, names...)})
}

// DenyClients refuses tokens of the named clients with 403, and anonymous
// callers with 401.
func (g *Guard) DenyClients(names ...string) func(http.Handler) http.Handler {
	return g.enforce(Rules{Deny: slices.Clone(names)})
}

// enforce is the middleware of rules without throttles.
func (g *Guard) enforce(rules Rules) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, r, ok := g.identify(w, r)
			if !ok {
				return
			}
			if err := rules.judge(id); err != nil {
				g.Fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// DefaultThrottle is the name of the throttle of a user and client, as in
// django-rest-durin.
const DefaultThrottle = "user_per_client"

// A Throttle counts requests under a name: each user and client, or network of
// anonymous callers, has a window of its own in it.
type Throttle struct {
	Name string // DefaultThrottle is the one that clients' rates are for
	// Rate holds for everybody. Unset: the rate of the caller's client, or
	// the Guard's DefaultRate.
	Rate Rate
}

// Throttle refuses requests beyond a rate with 429, Retry-After and the
// RateLimit fields. Without arguments it is DefaultThrottle: the rate of the client,
// or the Guard's DefaultRate. Several throttles on one route, four at most, hold at
// once, such as a burst and a sustained one; a request that one of them refuses
// counts in none. A bad token is answered with 401 before anything counts. Put all
// throttles of a route into one middleware, for each that a request passes counts it.
//
// Anonymous requests, where the route lets them through, are counted by address; an
// IPv6 one counts as its /64, and at four times the rate its /56 counts as a whole,
// at sixteen times its /48.
func (g *Guard) Throttle(throttles ...Throttle) func(http.Handler) http.Handler {
	if len(throttles) == 0 {
		throttles = []Throttle{{Name: DefaultThrottle}}
	}
	throttles = slices.Clone(throttles)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, r, ok := g.identify(w, r)
			if !ok {
				return
			}
			if err := g.take(w, r, id, throttles); err != nil {
				g.Fail(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// take counts the request in throttles. Those that have no rate for the caller do
// not count.
func (g *Guard) take(w http.ResponseWriter, r *http.Request, id *identity, throttles []Throttle) error {
	limits := make([]throttle.Limit, 0, 2)
	for _, t := range throttles {
		rate := g.rateFor(t, id)
		if !rate.IsSet() {
			continue
		}
		key := throttle.Key{Name: t.Name, Period: rate.Period}
		if t.Name == DefaultThrottle {
			key.Period = 0 // one window, whatever its rate: a change acts on it
		}
		if id.session != nil {
			key.UserID, key.ClientID = id.session.UserID, id.session.Client.ID
		}
		limits = append(limits, throttle.Limit{Key: key, Rate: rate})
	}
	if len(limits) == 0 {
		return nil
	}
	own := len(limits) // the caller hears of these
	if id.session == nil {
		limits = byNetwork(limits, g.Address(r))
	}
	states := make([]throttle.State, len(limits))
	for i := range states {
		states[i].Name = limits[i].Key.Name
	}
	ok, err := g.limiter.Take(r.Context(), g.now(), limits, states)
	if err != nil {
		return unavailable(err)
	}
	if slices.ContainsFunc(states, func(s throttle.State) bool { return s.Full }) {
		g.noteFull(limits[0].Key)
	}
	states = joined(states, own)
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

// byNetwork makes limits those of an anonymous caller: of its network, and behind them,
// more loosely, of each IPv6 network around it.
func byNetwork(limits []throttle.Limit, from netip.Addr) []throttle.Limit {
	own := len(limits)
	for i := range limits {
		limits[i].Key.Network = networks.Of(from)
	}
	if !from.Is6() {
		return limits
	}
	for _, wider := range [...]struct{ bits, factor int }{{networks.Home, networks.HomeFactor}, {networks.Site, networks.SiteFactor}} {
		for _, l := range limits[:own] {
			l.Key.Network = networks.Within(from, 0, wider.bits)
			l.Rate.N *= wider.factor
			limits = append(limits, l)
		}
	}
	return limits
}

// joined puts what wider networks say into the states of the caller's own.
func joined(states []throttle.State, own int) []throttle.State {
	for i, wider := range states[own:] {
		s := &states[i%own]
		s.Remaining, s.Wait = min(s.Remaining, wider.Remaining), max(s.Wait, wider.Wait)
		s.Over = s.Over || wider.Over
	}
	return states[:own:own]
}

// noteFull logs that a bound of windows is reached. What is logged is nobody's
// choice: no name that a request may have brought.
func (g *Guard) noteFull(of throttle.Key) {
	if !g.fullWarned.due(g.now()) {
		return
	}
	if of.Anonymous() {
		g.log.Warn("durin: there are as many throttle windows of anonymous callers, or of one network of theirs, as there may be: new ones are refused; users are not concerned", "network", of.Network)
		return
	}
	g.log.Warn("durin: there are a million throttle windows of users, or as many as one user may have with a client: beyond the first number more are kept, beyond the second new ones are refused", "user", of.UserID, "client_id", of.ClientID)
}

func (g *Guard) rateFor(t Throttle, id *identity) Rate {
	if t.Rate.IsSet() {
		return t.Rate
	}
	if id.session != nil && id.session.Client.Rate.IsSet() {
		return id.session.Client.Rate
	}
	return g.opt.DefaultRate
}

// writeLimits sets the header fields of the IETF draft "RateLimit header
// fields for HTTP" (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4).
func writeLimits(h http.Header, states []throttle.State) {
	if len(states) == 0 {
		return
	}
	var policy, limit strings.Builder
	for i, s := range states {
		if i > 0 {
			policy.WriteString(", ")
			limit.WriteString(", ")
		}
		name := strconv.Quote(s.Name)
		policy.WriteString(name + ";q=" + strconv.Itoa(s.Rate.N) + ";w=" + strconv.FormatInt(seconds(s.Rate.Period), 10))
		limit.WriteString(name + ";r=" + strconv.Itoa(s.Remaining) + ";t=" + strconv.FormatInt(seconds(s.Reset), 10))
	}
	h.Set("RateLimit-Policy", policy.String())
	h.Set("RateLimit", limit.String())
}
