package durin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// who answers with the caller.
var who = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	s := durin.SessionFrom(r.Context())
	if s == nil {
		_, _ = io.WriteString(w, "nobody")
		return
	}
	_, _ = io.WriteString(w, s.UserID+" with "+s.Client.Name)
})

func ask(h http.Handler, authorization string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	h.ServeHTTP(w, r)
	return w
}

func TestMiddleware(t *testing.T) {
	g := durintest.New(t)
	web, cli := "Token "+g.Token("ada", "web").Reveal(), "bearer "+g.Token("ada", "cli").Reveal()
	const (
		missing   = `{"detail":"Authentication credentials were not provided."}`
		invalid   = `{"detail":"Invalid token."}`
		forbidden = `{"detail":"You do not have permission to perform this action."}`
	)
	for _, c := range []struct {
		name    string
		handler http.Handler
		auth    string
		status  int
		body    string
	}{
		{"require: web", g.Require(who), web, 200, "ada with web"},
		{"require: bearer", g.Require(who), cli, 200, "ada with cli"},
		{"require: nobody", g.Require(who), "", 401, missing},
		{"require: other scheme", g.Require(who), "Basic x", 401, missing},
		{"require: bad token", g.Require(who), "Token x", 401, invalid},
		{"require: no token in it", g.Require(who), "Token", 401, `{"detail":"Invalid token header. No credentials provided."}`},
		{"require: two tokens", g.Require(who), "Token a b", 401, `{"detail":"Invalid token header. Token string should not contain spaces."}`},
		{"authenticate: nobody", g.Authenticate(who), "", 200, "nobody"},
		{"authenticate: bad token", g.Authenticate(who), "Token x", 401, invalid},
		{"authenticate: web", g.Authenticate(who), web, 200, "ada with web"},
		{"no middleware at all", who, web, 200, "nobody"},
		{"allow: listed", g.AllowClients("web")(who), web, 200, "ada with web"},
		{"allow: another", g.AllowClients("web")(who), cli, 403, forbidden},
		{"allow: nobody", g.AllowClients("web")(who), "", 401, missing},
		{"allow: none listed", g.AllowClients()(who), web, 403, forbidden},
		{"allow: other case", g.AllowClients("WEB")(who), web, 403, forbidden},
		{"deny: listed", g.DenyClients("web")(who), web, 403, forbidden},
		{"deny: another", g.DenyClients("web")(who), cli, 200, "ada with cli"},
		{"deny: nobody", g.DenyClients("web")(who), "", 401, missing},
		{"deny: none listed", g.DenyClients()(who), web, 200, "ada with web"},
		{"deny: bad token", g.DenyClients("web")(who), "Token x", 401, invalid},
		{"throttle without a rate", g.Throttle()(who), "", 200, "nobody"},
	} {
		w := ask(c.handler, c.auth)
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if c.status >= 400 && w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: Content-Type %q", c.name, w.Header().Get("Content-Type"))
		}
	}
}

func TestChallenges(t *testing.T) {
	g := durintest.New(t)
	web := "Token " + g.Token("ada", "web").Reveal()
	for _, c := range []struct {
		name    string
		handler http.Handler
		auth    string
		want    []string
	}{
		{"no credentials", g.Require(who), "", []string{"Token", `Bearer realm="durin"`}},
		{"bad token", g.Require(who), "Bearer x", []string{"Token", `Bearer realm="durin", error="invalid_token", error_description="Invalid token."`}},
		{"bad header", g.Require(who), "Bearer", []string{"Token", `Bearer realm="durin", error="invalid_token", error_description="Invalid token header. No credentials provided."`}},
		{"wrong client", g.AllowClients()(who), web, []string{`Bearer realm="durin", error="insufficient_scope", error_description="You do not have permission to perform this action."`}},
		{"let through", g.Require(who), web, nil},
	} {
		if got := ask(c.handler, c.auth).Header()["Www-Authenticate"]; !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestOneCheckForManyMiddlewares(t *testing.T) {
	looked := &lookups{}
	g := durintest.New(t, func(o *durin.Options) {
		looked.Store = o.Store
		o.Store, o.CacheTTL = looked, -1
	})
	h := g.Authenticate(g.Require(g.AllowClients("web")(g.DenyClients("cli")(g.Throttle()(who)))))
	if w := ask(h, "Token "+g.Token("ada", "web").Reveal()); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if looked.n != 1 {
		t.Errorf("%d look-ups", looked.n)
	}
	other := durintest.New(t)
	if w := ask(g.Require(other.Require(who)), "Token "+g.Token("ada", "web").Reveal()); w.Code != 401 {
		t.Errorf("another Guard took this one's word: %d", w.Code)
	}
}

// lookups counts look-ups.
type lookups struct {
	durin.Store
	n int
}

func (l *lookups) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	l.n++
	return l.Store.Lookup(ctx, d)
}

// away is a store that does not answer while its switch is on.
type away struct {
	durin.Store
	off bool
}

func (a *away) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	if a.off {
		return durin.Session{}, errors.New("dial tcp 192.0.2.1:5432: password secret")
	}
	return a.Store.Lookup(ctx, d)
}

func TestAnOutageIs503(t *testing.T) {
	store := &away{}
	g := durintest.New(t, func(o *durin.Options) { store.Store, o.Store = o.Store, store })
	good := "Token " + g.Token("ada", "web").Reveal()
	store.off = true
	for name, h := range map[string]http.Handler{
		"require": g.Require(who), "authenticate": g.Authenticate(who), "allow": g.AllowClients("web")(who), "throttle": g.Throttle()(who),
	} {
		w := ask(h, good)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
	store.off = false
	if w := ask(g.Require(who), good); w.Code != 200 {
		t.Errorf("after the outage: %d", w.Code)
	}
	store.off = true
	if w := ask(g.Require(who), good); w.Code != 200 {
		t.Errorf("a cached session during an outage: %d", w.Code)
	}
}

func TestThrottle(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.DefaultRate = durin.Rate{N: 2, Period: time.Minute} })
	g.Client(durin.Client{Name: "slow", Rate: durin.Rate{N: 1, Period: time.Second}})
	web, slow := "Token "+g.Token("ada", "web").Reveal(), "Token "+g.Token("ada", "slow").Reveal()
	h := g.Throttle()(who)
	step := func(auth string, status int, retry, limit string) {
		t.Helper()
		w := ask(h, auth)
		if w.Code != status || w.Header().Get("Retry-After") != retry || w.Header().Get("RateLimit") != limit {
			t.Errorf("%d, Retry-After %q, RateLimit %q; want %d, %q, %q", w.Code, w.Header().Get("Retry-After"), w.Header().Get("RateLimit"), status, retry, limit)
		}
	}
	step(web, 200, "", `"user_per_client";r=1;t=60`)
	g.Clock.Advance(10 * time.Second)
	step(web, 200, "", `"user_per_client";r=0;t=50`)
	step(web, 429, "50", `"user_per_client";r=0;t=50`)
	step(slow, 200, "", `"user_per_client";r=0;t=1`) // another client of the same user
	step(slow, 429, "1", `"user_per_client";r=0;t=1`)
	step("", 200, "", `"user_per_client";r=1;t=60`) // by address
	step("", 200, "", `"user_per_client";r=0;t=60`)
	step("", 429, "60", `"user_per_client";r=0;t=60`)
	if _, err := g.UpdateClient(t.Context(), "web", func(c *durin.Client) error { c.Rate = durin.Rate{N: 3, Period: time.Minute}; return nil }); err != nil {
		t.Fatal(err)
	}
	step(web, 200, "", `"user_per_client";r=0;t=50`) // a higher rate counts at once
	w := ask(h, web)
	if body := `{"detail":"Request was throttled. Expected available in 50 seconds."}`; w.Body.String() != body {
		t.Errorf("%s", w.Body)
	}
	if _, err := g.UpdateClient(t.Context(), "web", func(c *durin.Client) error { c.Rate = durin.Rate{N: 1, Period: time.Minute}; return nil }); err != nil {
		t.Fatal(err)
	}
	if w := ask(h, web); w.Code != 429 || w.Body.String() != `{"detail":"Request was throttled."}` || w.Header().Get("Retry-After") != "60" {
		t.Errorf("a lowered rate: %d %s %v", w.Code, w.Body, w.Header())
	}
}

func TestThrottlesHoldAtOnce(t *testing.T) {
	g := durintest.New(t)
	auth := "Token " + g.Token("ada", "web").Reveal()
	h := g.Throttle(durin.Throttle{Name: "burst", Rate: durin.Rate{N: 2, Period: time.Second}}, durin.Throttle{Name: "sustained", Rate: durin.Rate{N: 3, Period: time.Hour}})(who)
	for i, want := range []int{200, 200, 429, 429} {
		w := ask(h, auth)
		if w.Code != want {
			t.Errorf("request %d: %d", i, w.Code)
		}
		if i == 0 && w.Header().Get("RateLimit-Policy") != `"burst";q=2;w=1, "sustained";q=3;w=3600` {
			t.Errorf("%q", w.Header().Get("RateLimit-Policy"))
		}
	}
	g.Clock.Advance(time.Second)
	for i, want := range []int{200, 429} { // the refused ones did not count
		if w := ask(h, auth); w.Code != want {
			t.Errorf("later request %d: %d", i, w.Code)
		}
	}
}

func TestOnError(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) {
		o.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "ours: "+durin.AsError(err).Detail, durin.AsError(err).Status)
		}
	})
	if w := ask(g.Require(who), ""); w.Code != 401 || !strings.HasPrefix(w.Body.String(), "ours: Auth") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if e := durin.AsError(errors.New("disk on fire")); e.Status != 500 || strings.Contains(e.Detail, "fire") {
		t.Errorf("%+v", e)
	}
}

// TestRecheck: a handler that lasts sees by Recheck that its session has ended, and
// not by what the middleware has found.
func TestRecheck(t *testing.T) {
	g := durintest.New(t)
	r := g.SignedIn(httptest.NewRequest("GET", "/", nil), "ada", "web")
	g.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, err := g.Recheck(r)
		if err != nil || s.UserID != "ada" {
			t.Errorf("%+v, %v", s, err)
		}
		if err := g.LogOutEverywhere(r.Context(), s); err != nil {
			t.Error(err)
		}
		if s, err := g.Check(r); err != nil || s == nil || durin.SessionFrom(r.Context()) == nil {
			t.Errorf("what the middleware has found: %+v, %v", s, err)
		}
		if s, err := g.Recheck(r); !errors.Is(err, durin.ErrInvalidToken) || s != nil {
			t.Errorf("after the end: %+v, %v", s, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	if s, err := g.Recheck(httptest.NewRequest("GET", "/", nil)); s != nil || err != nil {
		t.Errorf("nobody: %+v, %v", s, err)
	}
}
