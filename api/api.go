package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/durin-go/durin"
)

// A Handler serves the interface. It is safe for concurrent use.
type Handler struct {
	guard    *durin.Guard
	opt      Options
	routes   map[string]*route // by the whole path without its last slash
	detail   *route            // sessions/<id>
	asked    *route            // verify
	byPath   *route            // verify-headers and what is behind it
	nowhere  *route            // every path without a route
	identity identityHeaders
	rules    ruleBook
}

// New returns a Handler that works on guard, or an error that names the option
// that is wrong.
func New(guard *durin.Guard, opts Options) (*Handler, error) {
	if guard == nil {
		return nil, errors.New("api: the Guard is nil")
	}
	if err := opts.complete(); err != nil {
		return nil, err
	}
	h := &Handler{guard: guard, opt: opts, identity: identityHeadersWith(opts.IdentityPrefix), routes: map[string]*route{}}
	h.nowhere = &route{h: h, serve: func(w http.ResponseWriter, r *http.Request) { guard.Fail(w, r, durin.ErrNotFound) }}
	h.detail = h.protected("sessions", methods{"DELETE": h.deleteSession})
	h.asked = &route{h: h, name: "verify", serve: h.verify, proxy: true}
	h.byPath = &route{h: h, name: "verify-headers", serve: h.verifyByHeaders, proxy: true}
	for _, rt := range []*route{
		h.public("login", methods{"POST": h.login}),
		h.protected("refresh", methods{"POST": h.refresh}),
		h.protected("logout", methods{"POST": h.logOut}),
		h.protected("logoutall", methods{"POST": h.logOutEverywhere}),
		h.protected("sessions", methods{"GET": h.listSessions}),
		h.protected("sessions/others", methods{"DELETE": h.deleteOthers}), // before any id
		h.public("introspect", methods{"POST": h.introspect}),
		h.public("revoke", methods{"POST": h.revoke}),
	} {
		h.routes[opts.Prefix+"/"+rt.name] = rt
	}
	if opts.APIKeyClient != "" {
		h.routes[opts.Prefix+"/apiaccess"] = h.protected("apiaccess", methods{"GET": h.showKey, "POST": h.createKey, "DELETE": h.deleteKey})
	}
	if !opts.HideMetadata {
		for _, path := range metadataPaths(opts.PublicURL) {
			h.routes[path] = h.public("metadata", methods{"GET": h.describe})
		}
	}
	if err := h.addCompatRoutes(opts.Compat); err != nil {
		return nil, err
	}
	return h, nil
}

// RouteNames are the names of all routes of every Handler.
func RouteNames() []string {
	return []string{"login", "refresh", "logout", "logoutall", "sessions", "apiaccess", "verify", "verify-headers", "introspect", "revoke", "metadata", "compat"}
}

// methods tells what answers each method. HEAD goes where GET goes.
type methods map[string]http.HandlerFunc

// A route is what lies at one path, or at some that differ by an id.
type route struct {
	h     *Handler
	name  string // one of RouteNames; empty: there is nothing
	allow string
	serve http.HandlerFunc
	// proxy says that a reverse proxy asks on behalf of its caller, with any
	// method: OPTIONS is forwarded, not answered here.
	proxy bool
}

// protected makes a route for signed-in callers: who they are is looked at
// before the method.
func (h *Handler) protected(name string, m methods) *route {
	rt := h.public(name, m)
	rt.serve = h.guard.Require(rt.serve).ServeHTTP
	return rt
}

func (h *Handler) public(name string, m methods) *route {
	if get, ok := m["GET"]; ok {
		m["HEAD"] = get
	}
	return &route{h: h, name: name, allow: allowed(m), serve: func(w http.ResponseWriter, r *http.Request) {
		serve, ok := m[r.Method]
		if !ok {
			h.guard.Fail(w, r, &durin.Error{Status: http.StatusMethodNotAllowed, Detail: `Method "` + r.Method + `" not allowed.`})
			return
		}
		serve(w, r)
	}}
}

// allowed lists the methods in the order of django-rest-framework.
func allowed(m methods) string {
	var all []string
	for _, method := range []string{"GET", "POST", "DELETE", "HEAD"} {
		if m[method] != nil {
			all = append(all, method)
		}
	}
	return strings.Join(append(all, "OPTIONS"), ", ")
}

// match finds the route at path, which is as it was sent.
func (h *Handler) match(path string) *route {
	if rt := h.routes[strings.TrimSuffix(path, "/")]; rt != nil {
		return rt
	}
	rest, ok := strings.CutPrefix(path, h.opt.Prefix)
	if !ok || rest == "" {
		return h.nowhere
	}
	if rt := h.matchProxy(path); rt != nil && !h.opt.VerifyApart {
		return rt
	}
	if id, ok := strings.CutPrefix(rest, "/sessions/"); ok {
		if after, doubled := strings.CutPrefix(id, "/"); doubled {
			id = after // the only spelling that django-rest-durin has
		} else {
			id = strings.TrimSuffix(id, "/")
		}
		if id != "" && !strings.ContainsAny(id, "/.") {
			return h.detail
		}
	}
	return h.nowhere
}

// Owns reports whether something lies at path, which is as it was sent. Paths
// that it does not own are answered with 404.
func (h *Handler) Owns(path string) bool { return h.match(path) != h.nowhere }

// Route finds what answers at path, which is as it was sent, and its name, one of
// RouteNames, for metrics and traces. The name is empty for a path that is not
// owned. It spares ServeHTTP finding it again.
func (h *Handler) Route(path string) (name string, handler http.Handler) {
	rt := h.match(path)
	return rt.name, rt
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.match(r.URL.Path).ServeHTTP(w, r)
}

// ServeHTTP implements http.Handler.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if rt.proxy {
		rt.serve(w, r)
		return
	}
	if width := indentWidth(r); width > 0 {
		pretty := &indenter{ResponseWriter: w, width: width}
		defer pretty.finish()
		w = pretty
	}
	if rt.name != "" {
		w.Header().Set("Allow", rt.allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	rt.serve(w, rt.h.withOrigin(r))
}

// withOrigin lets hooks know where the request comes from.
func (h *Handler) withOrigin(r *http.Request) *http.Request {
	if durin.OriginFrom(r.Context()) != (durin.Origin{}) {
		return r
	}
	d := h.device(r)
	return r.WithContext(durin.WithOrigin(r.Context(), durin.Origin{Address: d.Address, Agent: d.Agent}))
}

// device is what r tells of the place that it comes from.
func (h *Handler) device(r *http.Request) durin.Device {
	d := durin.Device{Agent: strings.ToValidUTF8(r.UserAgent(), "\uFFFD")}
	if a := h.guard.Address(r); a.IsValid() {
		d.Address = a.String()
	}
	return d
}
