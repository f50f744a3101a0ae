package serve

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/metrics"
	"github.com/durin-go/durin/cmd/durin/internal/tracing"
)

// TestTracingOffCostsNothing: without an endpoint no span is begun and nothing is
// allocated for one; counting a request allocates nothing either.
func TestTracingOffCostsNothing(t *testing.T) {
	n, log, _ := newNode(t)
	n.Metrics = metrics.New("test", false)
	n.Metrics.Routes("healthz")
	find := func(string) named {
		return named{"healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}
	}
	cost := func() float64 {
		h := middleware(n, log, find)
		r := httptest.NewRequest("GET", "/healthz", nil)
		return testing.AllocsPerRun(200, func() { h.ServeHTTP(&nowhere{http.Header{}}, r) })
	}
	off := cost()
	counting := n.Metrics
	n.Metrics = nil
	if without := cost(); off > without {
		t.Errorf("counting a request allocates: %v, want %v", off, without)
	}
	n.Metrics = counting
	var err error
	n.Trace, err = tracing.New(t.Context(), tracing.Options{Endpoint: "http://127.0.0.1:1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	on := cost()
	n.Trace, err = nil, n.Trace.Close(context.Background())
	_ = err // nobody takes the spans
	if again := cost(); again != off || on <= off {
		t.Errorf("a request costs %v allocations without traces, %v with them, and %v without them again", off, on, again)
	}
}

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct{ h http.Header }

func (w *nowhere) Header() http.Header         { return w.h }
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w *nowhere) WriteHeader(int)             {}

// TestRoutesHaveNames: each path that is described has a name of its own, and what
// callers make up has none.
func TestRoutesHaveNames(t *testing.T) {
	n, _, _ := newNode(t, "--demo", "--compat", "knox", "--api-access-client", "key")
	s, err := newRoutes(n, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	names := s.names()
	for path, want := range map[string]string{
		"/healthz": "healthz", "/readyz": "readyz", "/metrics": "metrics", "/openapi.json": "openapi", "/admin/": "admin", "/admin": "admin",
		"/admin/users/7": "admin", "/account/": "account", "/api/auth/login/": "login", "/api/auth/login": "login", "/api/auth/logoutall/": "logoutall",
		"/api/auth/refresh/": "refresh", "/api/auth/sessions/": "sessions", "/api/auth/sessions//5": "sessions", "/api/auth/verify": "verify",
		"/api/auth/verify-headers/a/b": "verify-headers", "/api/auth/introspect": "introspect", "/api/auth/revoke": "revoke", "/api/auth/apiaccess/": "apiaccess",
		"/.well-known/oauth-authorization-server": "metadata", "/.well-known/openid-configuration": "metadata", "/api/auth/throttled": "demo", "/api/auth/": "demo",
		"/api/auth/knox/login/": "compat", "/limits": "limits", "/limits/lift": "limits",
		"/": "other", "": "other", "/api/auth/nosuch": "other", "/api/authlogin": "other", "/nosuch": "other", "//healthz": "other",
	} {
		if got := s.find(path).name; got != want || !slices.Contains(names, got) {
			t.Errorf("%s is called %s, want %s of %s", path, got, want, names)
		}
	}
}
