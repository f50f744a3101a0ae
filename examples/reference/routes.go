package main

import (
	"net/http"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
)

// maxPrograms bounds the clients that -client-from-agent makes.
const maxPrograms = 50

// handler serves the login interface under /api/, and the demonstration routes
// beside it.
func (p *project) handler(fromAgent bool) (http.Handler, error) {
	o := api.Options{Prefix: "/api", APIKeyClient: "apikey", LoginUser: true}
	if fromAgent { // as IntelOwl does: the login has no field for it
		o.Client = api.ClientFromUserAgent(p.guard, maxPrograms, durin.Client{Description: "Made at its first login"})
	}
	auth, err := api.New(p.guard, o)
	if err != nil {
		return nil, err
	}
	demonstration := p.demonstration()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth.Owns(r.URL.Path) { // before ServeMux cleans sessions//5
			auth.ServeHTTP(w, r)
			return
		}
		demonstration.ServeHTTP(w, r)
	}), nil
}

// demonstration are the example project's own routes.
func (p *project) demonstration() http.Handler {
	g, mux := p.guard, http.NewServeMux()
	mux.Handle("GET /api/{$}", g.Require(text("api root")))
	mux.Handle("GET /api/cached", g.Require(text("cached api root"))) // as every route: checks are cached, and never stale
	mux.Handle("GET /api/throttled", g.Require(g.Throttle()(text("ThrottledView"))))
	mux.Handle("GET /api/onlywebclient", g.AllowClients("web")(text("OnlyWebClientView")))
	mux.Handle("GET /api/nowebclient", g.DenyClients("web")(text("NoWebClientView")))
	mux.Handle("GET /api/client", g.Require(http.HandlerFunc(p.showClient)))
	return mux
}

// text answers with a JSON string.
func text(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { durin.WriteJSON(w, http.StatusOK, body) })
}

// showClient tells the caller what its client's settings say.
func (p *project) showClient(w http.ResponseWriter, r *http.Request) {
	c := durin.SessionFrom(r.Context()).Client
	description, err := p.settings.description(r.Context(), c.ID)
	if err != nil {
		p.guard.Fail(w, r, err)
		return
	}
	durin.WriteJSON(w, http.StatusOK, map[string]string{"name": c.Name, "description": description})
}
