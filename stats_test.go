package durin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// TestStats: each thing that happens is counted once, where it belongs.
func TestStats(t *testing.T) {
	g := durintest.New(t, withPeople, func(o *durin.Options) { o.DefaultRate = durin.Rate{N: 1, Period: time.Hour} })
	g.Client(durin.Client{Name: "web", Policy: durin.PolicyReplace})
	g.Client(durin.Client{Name: "browser", Cookie: true})
	first := login(t, g, "ada", "web").Token
	token := login(t, g, "ada", "web").Token
	cookie := login(t, g, "ada", "browser").Token
	for range 3 {
		verify(t, g, token, nil)
	}
	verify(t, g, first, durin.ErrInvalidToken)
	verify(t, g, "not\x00possible", durin.ErrInvalidToken)
	verify(t, g, durin.Secret(strings.Repeat("ab", 32)), durin.ErrInvalidToken)
	verify(t, g, durin.Secret(strings.Repeat("ab", 32)), durin.ErrInvalidToken)

	wrongWay := httptest.NewRequest("GET", "/", nil)
	wrongWay.Header.Set("Authorization", "Token "+cookie.Reveal())
	if _, err := g.Check(wrongWay); !errors.Is(err, durin.ErrInvalidToken) {
		t.Fatal(err)
	}
	throttled := g.Throttle()(g.Require(http.NotFoundHandler()))
	for range 3 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Token "+token.Reveal())
		throttled.ServeHTTP(httptest.NewRecorder(), r)
	}
	if _, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "no", Client: "web"}); !errors.Is(err, durin.ErrBadCredentials) {
		t.Fatal(err)
	}
	if _, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "right", Client: "nosuch"}); !errors.Is(err, durin.ErrUnknownClient) {
		t.Fatal(err)
	}
	g.Clock.Advance(25 * time.Hour) // the cached session and its row have expired
	verify(t, g, token, durin.ErrExpired)

	s := g.Stats()
	want := func(what string, got, want uint64) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	want("accepted", s.Checks.Accepted, 3+3) // verified, and under the throttle
	want("malformed", s.Checks.Malformed, 1)
	want("invalid", s.Checks.Invalid, 1+2+1)
	want("expired", s.Checks.Expired, 1)
	want("failed", s.Checks.Failed, 0)
	want("refusals from memory", s.Cache.Refusals, 1+1) // a tombstone, a remembered one
	want("logins", s.Logins.Accepted, 3)
	want("wrong", s.Logins.Wrong, 1)
	want("refused", s.Logins.Refused, 1)
	want("issued", s.Issued, 3)
	want("replaced", s.Ended.Replaced, 1)
	want("throttled", s.Throttled, 2)
	want("throttled of web", s.Clients["web"].Throttled, 2)
	want("logins of web", s.Clients["web"].Logins, 2)
	want("logins of browser", s.Clients["browser"].Logins, 1)
	if _, there := s.Clients["nosuch"]; there {
		t.Error("a name that a caller made up is among the clients")
	}
}

// TestStatsUnderLoad: with callers in parallel, endings among them, no check is
// lost or counted twice, and no counter ever falls.
func TestStatsUnderLoad(t *testing.T) {
	g := durintest.New(t, withPeople, func(o *durin.Options) { o.Now, o.FlushEvery = nil, 5*time.Millisecond })
	g.Client(durin.Client{Name: "web", Policy: durin.PolicyReplace})
	var current atomic.Pointer[durin.Secret]
	renew := func() {
		token := login(t, g, "ada", "web").Token
		current.Store(&token)
	}
	renew()
	var accepted, refused atomic.Uint64
	var callers, watcher sync.WaitGroup
	done := make(chan struct{})
	watcher.Go(func() {
		var last uint64
		for {
			s := g.Stats()
			if s.Checks.Accepted < last {
				t.Errorf("accepted checks fell from %d to %d", last, s.Checks.Accepted)
			}
			last = s.Checks.Accepted
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for range 4 {
		callers.Go(func() {
			for range 2000 {
				if _, err := g.Verify(t.Context(), *current.Load()); err == nil {
					accepted.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	callers.Go(func() {
		for range 50 {
			renew()
		}
	})
	callers.Wait()
	close(done)
	watcher.Wait()
	s := g.Stats()
	if s.Checks.Accepted != accepted.Load() || s.Checks.Invalid != refused.Load() {
		t.Errorf("%d accepted and %d refused are counted, want %d and %d", s.Checks.Accepted, s.Checks.Invalid, accepted.Load(), refused.Load())
	}
	if err := g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := g.Stats().Clients["web"].Requests; n != accepted.Load() {
		t.Errorf("%d requests of web, want %d", n, accepted.Load())
	}
}

// TestStatsKnowAHundredClients: what is beyond is together under no name.
func TestStatsKnowAHundredClients(t *testing.T) {
	g := durintest.New(t, withPeople)
	for i := range 120 {
		name := fmt.Sprintf("client-%d", i)
		g.Client(durin.Client{Name: name})
		login(t, g, "ada", name)
	}
	s := g.Stats()
	if len(s.Clients) != 101 || s.Clients[""].Logins != 20 {
		t.Errorf("%d names, %d logins under none; want 101 and 20", len(s.Clients), s.Clients[""].Logins)
	}
}
