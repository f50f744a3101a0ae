package durin

import (
	"net/http"
	"slices"
)

// Rules say who may pass. The zero Rules let everybody pass who has a good
// token. They are looked at on every request: a token that was cached is no
// leave.
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
