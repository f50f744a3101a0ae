package durin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/memstore"
)

func TestOptionsAreChecked(t *testing.T) {
	store := durintest.New(t).Store
	for name, o := range map[string]durin.Options{
		"no store":     {ReuseWithoutKey: durin.PolicyReplace},
		"empty scheme": {Store: store, ReuseWithoutKey: durin.PolicyReplace, Schemes: []string{""}},
		"blank scheme": {Store: store, ReuseWithoutKey: durin.PolicyReplace, Schemes: []string{"My Token"}},
		"short token":  {Store: store, ReuseWithoutKey: durin.PolicyReplace, TokenLength: 8},
		"bad prefix":   {Store: store, ReuseWithoutKey: durin.PolicyReplace, TokenPrefix: "a b"},
		"negative TTL": {Store: store, ReuseWithoutKey: durin.PolicyReplace, TokenTTL: -time.Hour},
	} {
		if g, err := durin.New(t.Context(), o); err == nil {
			_ = g.Close(t.Context())
			t.Errorf("%s: taken", name)
		}
	}
}

func TestHooks(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	count := func(name string) func(context.Context, durin.Event) {
		return func(_ context.Context, e durin.Event) {
			mu.Lock()
			defer mu.Unlock()
			seen[name]++
			if e.At.IsZero() {
				t.Errorf("%s: no instant", name)
			}
		}
	}
	refuse := errors.New("not now")
	var veto error
	g := durintest.New(t, withPeople, func(o *durin.Options) {
		o.Hooks = durin.Hooks{
			Created: count("created"), Renewed: count("renewed"), Expired: count("expired"), Revoked: count("revoked"),
			LoggedIn: count("logged in"), LoggedOut: count("logged out"), LoginFailed: count("login failed"), Throttled: count("throttled"),
			Issuing: func(context.Context, durin.Event) error { return veto },
		}
		o.RefreshOnLogin = true
	})
	g.Client(durin.Client{Name: "web", TTL: time.Hour, Rate: durin.Rate{N: 0, Period: time.Minute}})
	in := login(t, g, "ada", "web")
	login(t, g, "ada", "web")
	_, _ = g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "x", Client: "web"})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Token "+in.Token.Reveal())
	g.Throttle()(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	if err := g.LogOut(t.Context(), &in.Session); err != nil {
		t.Fatal(err)
	}
	last := login(t, g, "ada", "web").Token
	g.Clock.Advance(2 * time.Hour)
	for range 3 {
		verify(t, g, last, durin.ErrExpired)
	}
	veto = refuse
	if _, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "right", Client: "web"}); !errors.Is(err, refuse) {
		t.Errorf("Issuing did not refuse: %v", err)
	}
	want := map[string]int{"created": 2, "renewed": 1, "expired": 1, "revoked": 1, "logged in": 3, "logged out": 1, "login failed": 1, "throttled": 1}
	for name, n := range want {
		if seen[name] != n {
			t.Errorf("%s: %d times, want %d", name, seen[name], n)
		}
	}
}

// prunings notes how long ago the instants are that Prune is called with, and
// the limits.
type prunings struct {
	*memstore.Store
	mu     sync.Mutex
	ago    []time.Duration
	limits []int
}

func (p *prunings) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ago, p.limits = append(p.ago, time.Since(before).Round(time.Second)), append(p.limits, limit)
	return p.Store.Prune(ctx, before, limit)
}

// What nodes have heard of goes after an hour, whenever tokens go.
func TestPruning(t *testing.T) {
	for after, want := range map[time.Duration][]time.Duration{0: {24 * time.Hour, time.Hour}, 48 * time.Hour: {48 * time.Hour, time.Hour}, -1: {time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			p := &prunings{Store: memstore.New()}
			g, err := durin.New(t.Context(), durin.Options{Store: p, ReuseWithoutKey: durin.PolicyReplace, PruneAfter: after})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(61 * time.Second)
			if err := g.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p.ago, want) || p.limits[len(p.limits)-1] != 0 {
				t.Errorf("PruneAfter %v: tokens and news of %v ago are pruned, up to %v", after, p.ago, p.limits)
			}
		})
	}
}

// TestClockJumps sets the clock far ahead and back: no token is good at an instant
// at which it has run out, none dies for good of it, and no more pass a throttle.
func TestClockJumps(t *testing.T) {
	g := durintest.New(t)
	g.Client(durin.Client{Name: "cli", TTL: time.Hour, Rate: durin.Rate{N: 2, Period: time.Minute}})
	token := g.Token("ada", "cli")
	check := func(what string, want error) {
		t.Helper()
		if _, err := g.Verify(t.Context(), token); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	route := g.Throttle()(who)
	passes := func(what string, want int) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Token "+token.Reveal())
		if route.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d, want %d", what, w.Code, want)
		}
	}
	check("at the beginning", nil)
	passes("the first", 200)
	passes("the second", 200)
	passes("the third", http.StatusTooManyRequests)

	const years = 90000 * time.Hour
	g.Clock.Advance(years)
	check("years ahead", durin.ErrExpired)
	g.Clock.Advance(-years)
	check("back again", nil)
	passes("back again", http.StatusTooManyRequests)

	g.Clock.Advance(-30 * time.Minute)
	check("half an hour back", nil)
	passes("half an hour back", http.StatusTooManyRequests)
	g.Clock.Advance(30*time.Minute + 61*time.Second)
	passes("a minute after the second", 200)

	g.Clock.Advance(time.Hour - 61*time.Second)
	check("at its last instant", nil)
	g.Clock.Advance(time.Microsecond)
	check("after it", durin.ErrExpired)
	g.Clock.Advance(-time.Second)
	check("a second back", nil)
	g.Clock.Advance(2 * time.Second)
	check("and over", durin.ErrExpired)
}
