package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/password"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// watched has everything to make metrics of.
func watched(t *testing.T) (*Metrics, *durintest.Guard) {
	t.Helper()
	g := durintest.New(t)
	h, err := password.New(password.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := New("test", true)
	m.Watch(Sources{Guard: g.Guard, Hasher: h, Channels: func() map[string]bool { return map[string]bool{"outbox": true} }, HasKey: func() bool { return true }})
	t.Cleanup(m.Close)
	return m, g
}

// TestClientsAreBounded: a thousand clients make a hundred labels and one more,
// also where one is called like that.
func TestClientsAreBounded(t *testing.T) {
	m, g := watched(t)
	counts := map[string]durin.ClientStats{"": {Requests: 5}, others: {Requests: 2}, "web": {Requests: 1}}
	if got := named(counts); got[others].Requests != 7 || got["web"].Requests != 1 || len(got) != 2 {
		t.Errorf("%v", got)
	}
	for i := range 130 {
		g.Token("ada", fmt.Sprintf("client-%d", i))
	}
	m.counting.round(t.Context())
	text := scrape(t, m)
	if n := strings.Count(text, "\ndurin_sessions_live{"); n != countClients+1 {
		t.Errorf("%d clients have a label, want %d and other", n, countClients)
	}
	if !strings.Contains(text, "durin_sessions_live{client=\"other\"} 30\n") {
		t.Error("the sessions of the rest are not told")
	}
}

// TestSessionsAreCountedWithinBounds: up to a number for a client, expired ones not
// at all; when the store fails the last numbers stay.
func TestSessionsAreCountedWithinBounds(t *testing.T) {
	m, g := watched(t)
	for i := range 7 {
		g.Token(fmt.Sprint(i), "web")
	}
	g.Client(durin.Client{Name: "short", TTL: time.Minute})
	g.Token("ada", "short")
	g.Clock.Advance(time.Hour)
	c := newSessions(g.Guard)
	c.most = 5
	c.round(t.Context())
	if c.counts["web"] != 5 || c.counts["short"] != 0 || c.counted.IsZero() {
		t.Errorf("%v", c.counts)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	c.round(gone)
	if c.counts["web"] != 5 {
		t.Error("a failure took the numbers away")
	}
	_ = m
}

// TestObserve: answers are no failures, and neither are callers who left.
func TestObserve(t *testing.T) {
	m := New("test", false)
	for _, err := range []error{nil, durin.ErrNotFound, fmt.Errorf("x: %w", durin.ErrExists), context.Canceled, &durin.FieldError{Field: "f"}, durin.ErrBadCredentials,
		errors.New("disk I/O error"), context.DeadlineExceeded, durin.ErrBusy} {
		m.Observe(Database, "asking")(err)
	}
	m.Observe(Redis, "GET")(nil) // there is none
	text := scrape(t, m)
	if !strings.Contains(text, `durin_database_errors_total{call="asking"} 3`) || !strings.Contains(text, `durin_database_duration_seconds_count{call="asking"} 9`) {
		t.Error(text)
	}
	if strings.Contains(text, "durin_redis") {
		t.Error("there are metrics of a Redis that is not there")
	}
}

// TestServed: requests to routes that nobody named are not counted, whatever they
// are.
func TestServed(t *testing.T) {
	m := New("test", false)
	m.Routes("login", "other", "login")
	m.Served("login", 200, time.Millisecond)
	m.Served("login", 503, time.Second)
	m.Served("open-sesame", 200, time.Second)
	m.Served("other", 1000, time.Second)
	m.Served("other", 0, time.Second)
	text := scrape(t, m)
	for _, line := range []string{
		`durin_http_requests_total{code="2xx",route="login"} 1`, `durin_http_requests_total{code="5xx",route="login"} 1`,
		`durin_http_requests_total{code="4xx",route="login"} 0`, `durin_http_duration_seconds_count{route="login"} 2`, `durin_http_duration_seconds_count{route="other"} 2`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	if strings.Contains(text, "sesame") {
		t.Error("a name that a caller made up is a label")
	}
	var none *Metrics
	none.Routes("x")
	none.Served("x", 200, 0)
	none.Watch(Sources{})
	none.Certificate(time.Now)
	none.Close()
}

func BenchmarkServed(b *testing.B) {
	m := New("test", false)
	m.Routes("verify")
	b.ReportAllocs()
	for b.Loop() {
		m.Served("verify", 200, 50*time.Microsecond)
	}
}

func BenchmarkObserve(b *testing.B) {
	m := New("test", false)
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(Database, "looking up a token")(nil)
	}
}
