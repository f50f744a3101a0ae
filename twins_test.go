package durin_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// TestTwins: browsers keep cookies of one name and several domains or paths, and send
// all. Those whose tokens are dead keep nobody out; two that are good let nobody in.
func TestTwins(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.CookieName = "session" })
	g.Client(durin.Client{Name: "browser", Cookie: true, Policy: durin.PolicyEvict, MaxTokens: 10})
	live, other := g.Token("ada", "browser").Reveal(), g.Token("eve", "browser").Reveal()
	dead, ofAda, header := g.Token("ada", "browser").Reveal(), g.Token("ada", "browser").Reveal(), g.Token("eve", "cli").Reveal()
	if _, err := g.EndToken(t.Context(), durin.Secret(dead)); err != nil {
		t.Fatal(err)
	}
	many := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name   string
		tokens []string
		status int
		body   string
		taken  bool
	}{
		{"one that is dead before the good one", []string{dead, live}, 200, "ada with browser", false},
		{"one that is dead behind it", []string{live, dead}, 200, "ada with browser", false},
		{"some that are no tokens", []string{"x", dead, live, "y", ""}, 200, "ada with browser", false},
		{"one that belongs in a header", []string{header, live}, 200, "ada with browser", false},
		{"two of two people", []string{live, other}, 401, "It has two tokens.", false},
		{"and one that is dead", []string{other, dead, live}, 401, "It has two tokens.", false},
		{"two of one user's sessions", []string{live, ofAda}, 401, "It has two tokens.", false},
		{"dead ones only", []string{dead, "x"}, 401, "Invalid token.", true},
		{"too many", []string{many(1), many(2), many(3), many(4), many(5), many(6), many(7), many(8), live}, 401, "It has two tokens.", false},
	} {
		r := httptest.NewRequest("GET", "https://example.com/", nil)
		for _, token := range c.tokens {
			r.Header.Add("Cookie", "a=b; session="+token)
		}
		w := httptest.NewRecorder()
		g.Require(who).ServeHTTP(w, r)
		taken := strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || taken != c.taken {
			t.Errorf("%s: answered %d %s, taken %v, want %d %s, %v", c.name, w.Code, w.Body, taken, c.status, c.body, c.taken)
		}
	}
}

// awayStore is a store that cannot be asked while it is away.
type awayStore struct {
	durin.Store
	away bool
}

func (s *awayStore) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	if s.away {
		return durin.Session{}, errors.New("away")
	}
	return s.Store.Lookup(ctx, d)
}

// TestTwinsOfAnOutage: a cookie of which cannot be told whether it is dead is not taken
// for a dead one.
func TestTwinsOfAnOutage(t *testing.T) {
	var store *awayStore
	g := durintest.New(t, func(o *durin.Options) {
		o.CookieName = "session"
		store = &awayStore{Store: o.Store}
		o.Store = store
	})
	g.Client(durin.Client{Name: "browser", Cookie: true, Policy: durin.PolicyEvict, MaxTokens: 10})
	live, other := g.Token("ada", "browser").Reveal(), g.Token("eve", "browser").Reveal()
	send := func(cookies string) int {
		r := httptest.NewRequest("GET", "https://example.com/", nil)
		r.Header.Set("Cookie", cookies)
		w := httptest.NewRecorder()
		g.Require(who).ServeHTTP(w, r)
		return w.Code
	}
	if status := send("session=" + live); status != 200 {
		t.Fatal(status)
	}
	store.away = true
	if status := send("session=" + live + "; session=" + other); status != 503 {
		t.Errorf("answered %d, want 503", status)
	}
}

// TestSupersede: a sign-in ends the session whose cookie the browser may go on to send.
func TestSupersede(t *testing.T) {
	for _, c := range []struct {
		name, cookie, site string
		ended              bool
	}{
		{"", "session", "same-origin", true},
		{"another site's request", "session", "cross-site", false},
		{"a name of which there is one cookie", durin.DefaultCookie, "same-origin", false},
	} {
		g := durintest.New(t, func(o *durin.Options) { o.CookieName = c.cookie })
		g.Client(durin.Client{Name: "browser", Cookie: true, Policy: durin.PolicyEvict, MaxTokens: 10})
		old, eve, cli, in := g.Token("ada", "browser"), g.Token("eve", "browser"), g.Token("ada", "cli"), g.Token("ada", "browser")
		s, err := g.Verify(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "https://example.com/", nil)
		r.Header.Set("Sec-Fetch-Site", c.site)
		for _, token := range []durin.Secret{old, eve, cli, in} {
			r.Header.Add("Cookie", c.cookie+"="+token.Reveal())
		}
		if err := g.Supersede(r, s); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Verify(t.Context(), old); (err != nil) != c.ended {
			t.Errorf("%q: the old session: %v", c.name, err)
		}
		for what, token := range map[string]durin.Secret{"another user's": eve, "one in a header": cli, "its own": in} {
			if _, err := g.Verify(t.Context(), token); err != nil {
				t.Errorf("%q: %s: %v", c.name, what, err)
			}
		}
	}
}
