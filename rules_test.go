package durin_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

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

// TestAnonymousCallersCountByNetwork: an IPv6 customer is one caller, whatever
// address it takes, and its /56 and /48 have looser rates.
func TestAnonymousCallersCountByNetwork(t *testing.T) {
	for _, c := range []struct {
		name string
		from func(i int) string
		want int // of a thousand requests at a rate of 10
	}{
		{"one address", func(int) string { return "192.0.2.1" }, 10},
		{"one /64", func(i int) string { return fmt.Sprintf("2001:db8::%x", i) }, 10},
		{"one /56", func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i%256) }, 40},
		{"one /48", func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i<<6) }, 160},
		{"an IPv4 address as an IPv6 one", func(int) string { return "::ffff:192.0.2.1" }, 10},
		{"addresses of one /24", func(i int) string { return fmt.Sprintf("192.0.2.%d", i%100) }, 1000},
	} {
		g, passed := durintest.New(t), 0
		h := func(from string) (code int, h http.Header) {
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = net.JoinHostPort(from, "1234")
			_, err := g.Permit(w, r, durin.Rules{Optional: true, Throttle: []durin.Throttle{{Name: "a", Rate: durin.Rate{N: 10, Period: time.Hour}}}})
			if err != nil {
				g.Fail(w, r, err)
			}
			return w.Code, w.Result().Header
		}
		for i := range 1000 {
			code, header := h(c.from(i))
			if code == 200 {
				passed++
			} else if wait, _ := strconv.Atoi(header.Get("Retry-After")); code != 429 || wait != 3600 || !strings.HasPrefix(header.Get("RateLimit"), `"a";r=0`) || strings.Contains(header.Get("RateLimit"), ",") {
				t.Fatalf("%s: %d %v", c.name, code, header)
			}
		}
		if passed != c.want {
			t.Errorf("%s: %d passed, want %d", c.name, passed, c.want)
		}
		if code, _ := h("2001:db8:1::1"); code != 200 {
			t.Errorf("%s is felt by another network: %d", c.name, code)
		}
		g.Clock.Advance(time.Hour)
		if code, _ := h(c.from(0)); code != 200 {
			t.Errorf("%s: %d after the period", c.name, code)
		}
	}
}

// TestTooManyWindows: a stranger who asks with many names fills what its own network
// may have; it is logged once a minute, without a name of the stranger's, and users
// do not feel it.
func TestTooManyWindows(t *testing.T) {
	var log bytes.Buffer
	g := durintest.New(t, func(o *durin.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	ask := func(r *http.Request, name string) error {
		_, err := g.Permit(httptest.NewRecorder(), r, durin.Rules{Optional: true, Throttle: []durin.Throttle{{Name: name, Rate: durin.Rate{N: 10, Period: time.Hour}}}})
		return err
	}
	refused := 0
	for i := range 1000 {
		if ask(httptest.NewRequest("GET", "/", nil), "made-up-"+strconv.Itoa(i)) != nil {
			refused++
		}
	}
	if refused != 1000-64 {
		t.Errorf("%d are refused, want %d", refused, 1000-64)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || strings.Contains(log.String(), "made-up") || strings.Contains(log.String(), "ERROR") {
		t.Errorf("logged:\n%s", &log)
	}
	for _, user := range []string{"ada", "grace"} {
		if err := ask(g.SignedIn(httptest.NewRequest("GET", "/", nil), user, "web"), "made-up-5"); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
}

// TestFailuresAreLoggedWithinBounds: strangers choose how often something fails.
func TestFailuresAreLoggedWithinBounds(t *testing.T) {
	var log bytes.Buffer
	g := durintest.New(t, func(o *durin.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	fail := func(err error) {
		for range 5000 {
			g.Fail(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), err)
		}
	}
	fail(durin.ErrBusy)
	fail(&durin.Error{Status: 500, Setup: true, Detail: "A rule."})
	if n := strings.Count(log.String(), "\n"); n != 2 || strings.Contains(log.String(), "ERROR") {
		t.Errorf("logged:\n%s", &log)
	}
	log.Reset()
	fail(durin.ErrUnavailable)
	if n := strings.Count(log.String(), "level=ERROR"); n != 600 || !strings.Contains(log.String(), "not logged") {
		t.Errorf("%d lines", n)
	}
	g.Clock.Advance(time.Minute)
	fail(durin.ErrBusy)
	fail(durin.ErrUnavailable)
	if n := strings.Count(log.String(), "\n"); n != 1201 {
		t.Errorf("%d lines a minute later", n)
	}
}

func TestPermit(t *testing.T) {
	g := durintest.New(t)
	for _, c := range []struct {
		name   string
		rules  durin.Rules
		client string // empty: anonymous
		want   error
	}{
		{"any", durin.Rules{}, "web", nil},
		{"nobody there", durin.Rules{}, "", durin.ErrNoToken},
		{"optional", durin.Rules{Optional: true}, "", nil},
		{"allowed", durin.Rules{Allow: []string{"cli", "web"}}, "web", nil},
		{"not allowed", durin.Rules{Allow: []string{"cli"}}, "web", durin.ErrForbidden},
		{"none allowed", durin.Rules{Allow: []string{}}, "web", durin.ErrForbidden},
		{"denied", durin.Rules{Deny: []string{"web"}}, "web", durin.ErrForbidden},
		{"denied first", durin.Rules{Allow: []string{"web"}, Deny: []string{"web"}}, "web", durin.ErrForbidden},
		{"optional does not let other clients in", durin.Rules{Optional: true, Allow: []string{"cli"}}, "web", durin.ErrForbidden},
		{"blocked", durin.Rules{Throttle: []durin.Throttle{{Name: "x", Rate: durin.Rate{Period: time.Hour}}}}, "web", durin.ErrThrottled},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if c.client != "" {
			r = g.SignedIn(r, "ada", c.client)
		}
		w := httptest.NewRecorder()
		s, err := g.Permit(w, r, c.rules)
		if !errors.Is(err, c.want) || (s != nil) != (err == nil && c.client != "") {
			t.Errorf("%s: %v, %v, want %v", c.name, s, err, c.want)
		}
	}
}
