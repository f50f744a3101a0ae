package durin_test

import (
	"bytes"
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
