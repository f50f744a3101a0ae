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
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/internal/publicurl"
)

// maxBody bounds what is read of any request.
const maxBody = 1 << 20

// routes finds what answers a request, by the path as it came: nothing is cleaned
// or redirected on the way, sessions//5 is a path of the API.
type routes struct {
	mount  string
	prefix string // of public-url
	fixed  map[string]named
	pages  pages
	demo   map[string]http.Handler // by the path behind the mount; nil: off
	api    *api.Handler            // everything else; nil: there is nothing
	guard  *durin.Guard
}

// A named is a handler and what metrics and traces call it: few names, none of
// them made of what a caller sends.
type named struct {
	name string
	http.Handler
}

// unnamed is every path without a route.
const unnamed = "other"

func (s *routes) find(path string) named {
	if at, ok := s.fixed[path]; ok {
		return at
	}
	if at := s.pages.at(path); at.Handler != nil {
		return at
	}
	if rest, mounted := strings.CutPrefix(path, s.mount); mounted && s.demo[rest] != nil {
		return named{"demo", s.demo[rest]}
	}
	if s.api == nil {
		return named{unnamed, http.HandlerFunc(s.nowhere)}
	}
	name, handler := s.api.Route(path)
	if name == "" {
		name = unnamed
	}
	return named{name, handler}
}

// names are all that find may answer with.
func (s *routes) names() []string {
	all := append(api.RouteNames(), unnamed, "admin", "account", "demo")
	for _, at := range s.fixed {
		all = append(all, at.name)
	}
	return all
}

// wantsPage reports a browser that somebody sits in front of.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// root leads people to their pages; programs find nothing there.
func (s *routes) root(w http.ResponseWriter, r *http.Request) {
	if wantsPage(r) {
		http.Redirect(w, r, accountPath, http.StatusSeeOther)
		return
	}
	s.nowhere(w, r)
}

func (s *routes) nowhere(w http.ResponseWriter, r *http.Request) {
	s.guard.Fail(w, r, durin.ErrNotFound)
}

// local lets callers on this host through.
func (s *routes) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r) {
			s.nowhere(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// within is the path of a request without the prefix of public-url, for proxies
// that pass it on. What has the prefix by itself stays as it is.
func (s *routes) within(path string) string {
	if s.prefix == "" || s.api != nil && s.api.Owns(path) {
		return path
	}
	if _, below := publicurl.Cut(s.mount, s.prefix); below && s.mounted(path) {
		return path
	}
	rest, _ := publicurl.Cut(path, s.prefix)
	return rest
}

// findPublic is find for the paths that callers use: with the prefix of public-url
// or without it, and by pages of cors-origin.
func (s *routes) findPublic(c *config.Config, path string) named {
	within := s.within(path)
	at := s.find(within)
	if len(c.CORSOrigins) > 0 && s.mounted(within) {
		at.Handler = allowOrigins(c, at.Handler)
	}
	if within != path {
		next := at.Handler
		at.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, movePath(r, func(path string) string { rest, _ := publicurl.Cut(path, s.prefix); return rest }))
		})
	}
	return at
}

func (s *routes) mounted(path string) bool { return strings.HasPrefix(path, s.mount+"/") }

// movePath is r with another path, in both forms that it has.
func movePath(r *http.Request, move func(path string) string) *http.Request {
	moved, to := *r, *r.URL
	moved.URL = &to
	to.Path = move(to.Path)
	if to.RawPath != "" {
		to.RawPath = move(to.RawPath)
	}
	return &moved
}

// alone serves GET and HEAD only.
func (s *routes) alone(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", readOnly)
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			serve(w, r)
		case http.MethodOptions:
			w.WriteHeader(http.StatusOK)
		default:
			s.guard.Fail(w, r, notAllowed(r.Method))
		}
	})
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

// describe answers with a description that is for everybody to read.
func describe(openapi []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(openapi)
	}
}

// newRoutes are those of the main address.
func newRoutes(n *node.Node, log *slog.Logger) (*routes, error) {
	c := n.Config
	s := &routes{mount: c.Mount, prefix: c.Prefix(), guard: n.Guard}
	var err error
	if s.api, err = newAPI(n); err != nil {
		return nil, err
	}
	if err := lookAtClients(n, s.api, log); err != nil {
		return nil, err
	}
	if s.pages, err = newPages(n, log); err != nil {
		return nil, err
	}
	if c.Demo {
		s.demo = demo(n.Guard)
	}
	s.fixed = map[string]named{
		"/healthz":      {"healthz", s.alone(alive)},
		"/openapi.json": {"openapi", s.alone(describe(description(n)))},
	}
	if c.Mount != "" {
		s.fixed["/"] = named{unnamed, http.HandlerFunc(s.root)}
	}
	if c.OpsAddr == "" {
		s.addOps(n, s.local)
	}
	return s, nil
}

// addOps adds the routes for those who run the server, for callers whom leave
// lets through.
func (s *routes) addOps(n *node.Node, leave func(http.Handler) http.Handler) {
	s.fixed["/readyz"] = named{"readyz", leave(s.alone(newReadiness(n).ServeHTTP))}
	s.fixed["/metrics"] = named{"metrics", leave(s.alone(newScrape(n).ServeHTTP))}
	s.fixed["/limits"] = named{"limits", leave(s.alone(limits(n)))}
	s.fixed["/limits/lift"] = named{"limits", leave(lift(n))}
}

// Handler is everything that the main address serves.
func Handler(n *node.Node, log *slog.Logger) (http.Handler, error) {
	s, err := newRoutes(n, log)
	if err != nil {
		return nil, err
	}
	return s.public(n, log), nil
}

// public is what the main address serves.
func (s *routes) public(n *node.Node, log *slog.Logger) http.Handler {
	n.Metrics.Routes(s.names()...)
	return middleware(n, log, func(path string) named { return s.findPublic(n.Config, path) })
}

// handlers are what the main address serves, and what verify-addr does.
func handlers(n *node.Node, log *slog.Logger) (main, verify http.Handler, err error) {
	s, err := newRoutes(n, log)
	if err != nil {
		return nil, nil, err
	}
	return s.public(n, log), overSocket(middleware(n, log, s.findForProxy)), nil
}

// findForProxy is what verify-addr serves.
func (s *routes) findForProxy(path string) named {
	if path == "/healthz" {
		return s.fixed[path]
	}
	return named{"verify", s.api.Verify()}
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

// OpsHandler is what ops-addr serves.
func OpsHandler(n *node.Node, log *slog.Logger) http.Handler {
	s := &routes{guard: n.Guard}
	s.fixed = map[string]named{"/healthz": {"healthz", s.alone(alive)}}
	s.addOps(n, func(next http.Handler) http.Handler { return next })
	n.Metrics.Routes(s.names()...)
	return middleware(n, log, s.find)
}

// newScrape answers Prometheus.
func newScrape(n *node.Node) http.Handler {
	if n.Metrics == nil {
		return http.NotFoundHandler()
	}
	return n.Metrics.Handler()
}
