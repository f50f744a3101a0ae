package durin

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
)

// maxEvidence is how many tokens of a request are looked at to find out whether its
// device is known.
const maxEvidence = 4

// KnownUser returns the ID of a user whose live token r bears, wherever it may be: in
// the Authorization header or in any cookie, those of the account and admin pages
// included. It is for LoginRequest.KnownUser, on every way of signing in, and nothing
// else: a token that is not for this route proves nothing but that the device is
// known. Of several users it returns the one who is called name. No use is noted.
func (g *Guard) KnownUser(r *http.Request, name string) string {
	found, looked := "", 0
	name = strings.TrimSpace(name)
	for token := range evidence(r, g.CheckOrigin(r) == nil) {
		if !g.form.possible(token) {
			continue
		}
		if looked++; looked > maxEvidence {
			break
		}
		if s := g.liveSession(r.Context(), token); s != nil && (found == "" || s.UserName == name) {
			if found = s.UserID; s.UserName == name {
				break
			}
		}
	}
	return found
}

// evidence goes through what may be tokens in r, each once: those in cookies only
// where no page of another origin has sent them.
func evidence(r *http.Request, cookies bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var seen []string
		for _, line := range r.Header["Authorization"] {
			_, token, _ := strings.Cut(strings.TrimSpace(line), " ")
			if token = strings.TrimSpace(token); !slices.Contains(seen, token) && !yield(token) {
				return
			}
			seen = append(seen, token)
		}
		if !cookies {
			return
		}
		for _, c := range r.Cookies() {
			if !slices.Contains(seen, c.Value) && !yield(c.Value) {
				return
			}
			seen = append(seen, c.Value)
		}
	}
}

// liveSession is the session of a token that is good now, nil if there is none or
// that cannot be told. It leaves no trace.
func (g *Guard) liveSession(ctx context.Context, token string) *Session {
	digest := Digest(sha256.Sum256([]byte(token)))
	mono, wall := g.clock.Instant()
	c, hit := g.cached(digest, mono)
	if !hit {
		var err error
		if c, err = g.load(ctx, digest, token); err != nil {
			return nil
		}
	}
	if c == nil || wall > c.expires.Load() {
		return nil
	}
	return &c.session
}
