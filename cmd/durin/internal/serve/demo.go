package serve

import (
	"net/http"

	"github.com/durin-go/durin"
)

// webClient is the client that two of the demonstration routes ask about.
const webClient = "web"

// demo are the routes of django-rest-durin's example project, by their path
// behind the mount. Each checks in its order: token, permission, throttle,
// method.
func demo(g *durin.Guard) map[string]http.Handler {
	routes := map[string]http.Handler{
		"/":              g.Require(text(g, "api root")),
		"/cached":        g.Require(text(g, "cached api root")),
		"/throttled":     g.Require(g.Throttle()(text(g, "ThrottledView"))),
		"/onlywebclient": g.AllowClients(webClient)(text(g, "OnlyWebClientView")),
		"/nowebclient":   g.DenyClients(webClient)(text(g, "NoWebClientView")),
	}
	for path, protected := range routes {
		routes[path] = answerOptions(protected)
	}
	return routes
}

// text answers GET and HEAD with a JSON string.
func text(g *durin.Guard, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			g.Fail(w, r, notAllowed(r.Method))
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		durin.WriteJSON(w, http.StatusOK, body)
	})
}

// answerOptions tells the methods of our own read-only routes, to everybody and
// without counting.
func answerOptions(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", readOnly)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusOK)
			return
		}
		next.ServeHTTP(w, r)
	})
}
