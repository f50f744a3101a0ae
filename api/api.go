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
	routes   map[string]*route
	compat   map[string]*route // by the whole path
	detail   *route            // sessions/<id>
	asked    *route            // verify
	byPath   *route            // verify-headers and what is behind it
	metadata *route
	known    string // the path of metadata
	recent   recent
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
	h := &Handler{guard: guard, opt: opts, identity: identityHeadersWith(opts.IdentityPrefix), known: wellKnown + issuerPath(opts.PublicURL)}
	h.detail = h.protected(methods{"DELETE": h.deleteSession})
	h.byPath = &route{handler: http.HandlerFunc(h.verifyByHeaders), proxy: true}
	h.asked = &route{handler: http.HandlerFunc(h.verify), proxy: true}
	h.metadata = h.public(methods{"GET": h.describe})
	h.routes = map[string]*route{
		"login":      h.public(methods{"POST": h.login}),
		"refresh":    h.protected(methods{"POST": h.refresh}),
		"logout":     h.protected(methods{"POST": h.logOut}),
		"logoutall":  h.protected(methods{"POST": h.logOutEverywhere}),
		"sessions":   h.protected(methods{"GET": h.listSessions}),
		"introspect": h.public(methods{"POST": h.introspect}),
		"revoke":     h.public(methods{"POST": h.revoke}),
	}
	if opts.APIKeyClient != "" {
		h.routes["apiaccess"] = h.protected(methods{"GET": h.showKey, "POST": h.createKey, "DELETE": h.deleteKey})
	}
	var err error
	if h.compat, err = h.compatRoutes(opts.Compat); err != nil {
		return nil, err
	}
	return h, nil
}

// methods tells what answers each method. HEAD goes where GET goes.
type methods map[string]http.HandlerFunc

// A route is what lies at one path.
type route struct {
	allow   string
	handler http.Handler
	// proxy says that a reverse proxy asks on behalf of its caller, with any
	// method: OPTIONS is no question about the route.
	proxy bool
}

// protected makes a route for signed-in callers: who they are is looked at
// before the method.
func (h *Handler) protected(m methods) *route {
	rt := h.public(m)
	rt.handler = h.guard.Require(rt.handler)
	return rt
}

func (h *Handler) public(m methods) *route {
	if get, ok := m["GET"]; ok {
		m["HEAD"] = get
	}
	return &route{allow: allowed(m), handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve, ok := m[r.Method]
		if !ok {
			h.guard.Fail(w, r, &durin.Error{Status: http.StatusMethodNotAllowed, Detail: `Method "` + r.Method + `" not allowed.`})
			return
		}
		serve(w, r)
	})}
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

// match finds the route at path, which is as it was sent, and the session's id
// where one is part of it.
func (h *Handler) match(path string) (rt *route, id string) {
	if path == h.known {
		return h.metadata, ""
	}
	if rt := h.compat[strings.TrimSuffix(path, "/")]; rt != nil {
		return rt, ""
	}
	rest, ok := strings.CutPrefix(path, h.opt.Prefix)
	if !ok || rest == "" || rest[0] != '/' {
		return nil, ""
	}
	rest = rest[1:]
	if rt := h.routes[strings.TrimSuffix(rest, "/")]; rt != nil {
		return rt, ""
	}
	if rt := h.matchProxy(path); rt != nil && !h.opt.VerifyApart {
		return rt, ""
	}
	id, ok = strings.CutPrefix(rest, "sessions/")
	if !ok {
		return nil, ""
	}
	if after, doubled := strings.CutPrefix(id, "/"); doubled {
		id = after // the only spelling that django-rest-durin has
	} else {
		id = strings.TrimSuffix(id, "/")
	}
	if id == "" || strings.ContainsAny(id, "/.") {
		return nil, ""
	}
	return h.detail, id
}

// Owns reports whether something lies at path, which is as it was sent. Paths
// that it does not own are answered with 404.
func (h *Handler) Owns(path string) bool {
	rt, _ := h.match(path)
	return rt != nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	rt, _ := h.match(r.URL.Path)
	if rt != nil && rt.proxy {
		rt.handler.ServeHTTP(w, r)
		return
	}
	if width := indentWidth(r); width > 0 {
		pretty := &indenter{ResponseWriter: w, width: width}
		defer pretty.finish()
		w = pretty
	}
	if rt == nil {
		h.guard.Fail(w, r, durin.ErrNotFound)
		return
	}
	w.Header().Set("Allow", rt.allow)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	rt.handler.ServeHTTP(w, h.withOrigin(r))
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
