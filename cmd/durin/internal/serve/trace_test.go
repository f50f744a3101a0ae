package serve

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	naming := func(string) string { return "healthz" }
	cost := func() float64 {
		h := surround(n, log, naming, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
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
	n, _, _ := newNode(t, "--demo", "--compat", "knox")
	endpoints, err := newAPI(n)
	if err != nil {
		t.Fatal(err)
	}
	s := &routes{mount: n.Config.Mount, guard: n.Guard, api: endpoints, openapi: description(n), demo: demo(n.Guard)}
	if s.pages, err = newPages(n, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	name := newNaming(n, s)
	for path, want := range map[string]string{
		"/healthz": "healthz", "/readyz": "readyz", "/metrics": "metrics", "/openapi.json": "openapi", "/admin/": "admin", "/admin": "admin",
		"/admin/users/7": "admin", "/account/": "account", "/api/auth/login/": "login", "/api/auth/login": "login", "/api/auth/logoutall/": "logoutall",
		"/api/auth/refresh/": "refresh", "/api/auth/sessions/": "sessions", "/api/auth/sessions//5": "sessions", "/api/auth/verify": "verify",
		"/api/auth/verify-headers/a/b": "verify-headers", "/api/auth/introspect": "introspect", "/api/auth/revoke": "revoke", "/api/auth/apiaccess/": "apiaccess",
		"/.well-known/oauth-authorization-server": "metadata", "/api/auth/throttled": "demo",
		"/": "other", "": "other", "/api/auth/nosuch": "other", "/api/authlogin": "other", "/nosuch": "other", "//healthz": "other",
	} {
		if got := name(path); got != want {
			t.Errorf("%s is called %s, want %s", path, got, want)
		}
	}
}
