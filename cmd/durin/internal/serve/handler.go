// Package serve is the program's HTTP server: which route goes where, what
// surrounds all of them, and how it starts and stops.
package serve

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/cmd/durin/internal/node"
)

// maxBody bounds what is read of any request.
const maxBody = 1 << 20

// routes sends requests where they belong, by the path as it came: nothing is
// cleaned or redirected on the way, sessions//5 is a path of the API.
type routes struct {
	mount   string
	api     *api.Handler
	demo    map[string]http.Handler // by the path behind the mount; nil: off
	ready   http.Handler            // for callers on this host; nil: elsewhere
	metrics http.Handler            // the same
	limits  http.Handler            // the same
	lift    http.HandlerFunc        // the same
	pages   pages
	openapi []byte
	guard   *durin.Guard
}

func (s *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/healthz":
		s.alone(w, r, alive)
	case path == "/readyz" && s.ready != nil && isLocal(r):
		s.alone(w, r, s.ready.ServeHTTP)
	case path == "/metrics" && s.metrics != nil && isLocal(r):
		s.alone(w, r, s.metrics.ServeHTTP)
	case path == "/limits" && s.limits != nil && isLocal(r):
		s.alone(w, r, s.limits.ServeHTTP)
	case path == "/limits/lift" && s.limits != nil && isLocal(r):
		s.lift(w, r)
	case path == "/openapi.json":
		s.alone(w, r, s.describe)
	case s.pages.at(path) != nil:
		s.pages.at(path).ServeHTTP(w, r)
	case s.demo[s.behind(path)] != nil:
		s.demo[s.behind(path)].ServeHTTP(w, r)
	case s.mounted(path), s.api != nil && s.api.Owns(path):
		s.api.ServeHTTP(w, r)
	default:
		s.guard.Fail(w, r, durin.ErrNotFound)
	}
}

// behind is what of path comes after the mount; "" for paths elsewhere.
func (s *routes) behind(path string) string {
	if s.demo == nil || !s.mounted(path) {
		return ""
	}
	return path[len(s.mount):]
}

func (s *routes) mounted(path string) bool {
	return strings.HasPrefix(path, s.mount+"/")
}

// alone serves GET and HEAD only.
func (s *routes) alone(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	w.Header().Set("Allow", readOnly)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		serve(w, r)
	case http.MethodOptions:
		w.WriteHeader(http.StatusOK)
	default:
		s.guard.Fail(w, r, notAllowed(r.Method))
	}
}

const readOnly = "GET, HEAD, OPTIONS"

// notAllowed is django-rest-framework's sentence about a method.
func notAllowed(method string) error {
	return &durin.Error{Status: http.StatusMethodNotAllowed, Detail: `Method "` + method + `" not allowed.`}
}

func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	durin.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *routes) describe(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Access-Control-Allow-Origin", "*") // it is for everybody to read
	_, _ = w.Write(s.openapi)
}

// Handler is everything that the main address serves.
func Handler(n *node.Node, log *slog.Logger) (http.Handler, error) {
	h, _, err := handlers(n, log)
	return h, err
}

// handlers are what the main address serves, and what verify-addr does.
func handlers(n *node.Node, log *slog.Logger) (main, verify http.Handler, err error) {
	c := n.Config
	endpoints, err := newAPI(n)
	if err != nil {
		return nil, nil, err
	}
	warnOfClients(endpoints, log)
	s := &routes{mount: c.Mount, guard: n.Guard, api: endpoints, openapi: description(n)}
	if s.pages, err = newPages(n, log); err != nil {
		return nil, nil, err
	}
	if c.Demo {
		s.demo = demo(n.Guard)
	}
	if c.OpsAddr == "" {
		s.ready, s.metrics, s.limits, s.lift = newReadiness(n), newScrape(n), limits(n), lift(n)
	}
	var h http.Handler = s
	if len(c.CORSOrigins) > 0 {
		h = allowOrigins(c.CORSOrigins, c.CORSCredentials, c.Mount, h)
	}
	name := newNaming(n, s)
	return surround(n, log, name, h), overSocket(surround(n, log, name, s.forProxy(endpoints.Verify()))), nil
}

// overSocket gives peers on a socket of the file system the address of this host,
// where they are: --trusted-proxies 127.0.0.1 believes what they say of callers.
func overSocket(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
			here := *r
			here.RemoteAddr = "127.0.0.1:0"
			r = &here
		}
		next.ServeHTTP(w, r)
	})
}

// forProxy is what verify-addr serves.
func (s *routes) forProxy(verify http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			s.alone(w, r, alive)
			return
		}
		verify.ServeHTTP(w, r)
	})
}

// OpsHandler is what ops-addr serves.
func OpsHandler(n *node.Node, log *slog.Logger) http.Handler {
	ready := newReadiness(n)
	s := &routes{guard: n.Guard, metrics: newScrape(n)}
	return surround(n, log, newNaming(n, s), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			s.alone(w, r, alive)
		case "/readyz":
			s.alone(w, r, ready.ServeHTTP)
		case "/metrics":
			s.alone(w, r, s.metrics.ServeHTTP)
		case "/limits":
			s.alone(w, r, limits(n))
		case "/limits/lift":
			lift(n)(w, r)
		default:
			n.Guard.Fail(w, r, durin.ErrNotFound)
		}
	}))
}

// newScrape answers Prometheus.
func newScrape(n *node.Node) http.Handler {
	if n.Metrics == nil {
		return http.NotFoundHandler()
	}
	return n.Metrics.Handler()
}
