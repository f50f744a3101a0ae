package durin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// maxTwins bounds how many cookies of the name that differ are looked at. A request
// with more of them is refused.
const maxTwins = 8

// cookiesOf returns the tokens in all cookies of the name, each once, or one more
// than maxTwins of them.
func (g *Guard) cookiesOf(r *http.Request) (tokens []string) {
	for _, line := range r.Header["Cookie"] {
		for line != "" && len(tokens) <= maxTwins {
			var value string
			var ours bool
			if value, ours, line = g.cutCookie(line); ours && value != "" && !slices.Contains(tokens, value) {
				tokens = append(tokens, value)
			}
		}
	}
	return tokens
}

// hasTwins reports whether a browser may keep several cookies of the name, of
// different paths and domains, for one host. Of a name that begins with __Host- it
// keeps one.
func (g *Guard) hasTwins() bool { return !strings.HasPrefix(g.opt.CookieName, "__Host-") }

// checkTwins is check for a request with several cookies of the name that differ.
// One whose token is dead says nothing: a browser sends it on after the sign-in that
// took its place, where it was set with a domain or path of its own, and nobody but
// the browser can take it away. But of two that are good one may be a sibling host's:
// none counts, unless both are of one session.
func (g *Guard) checkTwins(ctx context.Context, r *http.Request) (*checked, error) {
	tokens := g.cookiesOf(r)
	if !g.hasTwins() || len(tokens) > maxTwins {
		return nil, errTwoCookies
	}
	var found *checked
	var dead error
	for _, token := range tokens {
		c, err := g.check(ctx, token)
		switch {
		case err == nil && c.transport != byCookie:
			dead = g.tally.misplaced()
		case err == nil && found != nil && found.session.ID != c.session.ID:
			return nil, errTwoCookies
		case err == nil:
			found = c
		case AsError(err).Status != http.StatusUnauthorized:
			return nil, err
		default:
			dead = err
		}
	}
	if found == nil {
		return nil, dead
	}
	return found, nil
}

// Supersede ends the sessions of the owner of s, s aside, whose tokens r bears in
// cookies: call it when s was issued to the browser that sent r, before SetCookie. A
// browser keeps a cookie that was set with a domain or a path of its own beside that
// of SetCookie, and two that are good are refused. With a CookieName that begins with
// __Host- there is one cookie, and nothing to do.
func (g *Guard) Supersede(r *http.Request, s *Session) error {
	if !g.hasTwins() || g.CheckOrigin(r) != nil {
		return nil
	}
	tokens := g.cookiesOf(r)
	for _, token := range tokens[:min(len(tokens), maxTwins)] {
		if !g.form.possible(token) {
			continue
		}
		old := g.liveSession(r.Context(), token)
		if old == nil || old.UserID != s.UserID || old.ID == s.ID || !old.Client.Cookie {
			continue
		}
		if err := g.LogOut(r.Context(), old.clone()); err != nil && !errors.Is(err, ErrInvalidToken) {
			return err
		}
	}
	return nil
}
