package serve

import (
	"net/http"
	"slices"

	"github.com/durin-go/durin/cmd/durin/internal/config"
)

// allowOrigins lets pages of cors-origin call next, by the rules of the Fetch
// standard. Pages of other origins get no permission, and their browsers keep the answer from
// them. With credentials the browser sends the cookie along.
func allowOrigins(c *config.Config, next http.Handler) http.Handler {
	headers := "Authorization, Content-Type, " + requestIDHeader
	if c.LoginClient.Header != "" {
		headers += ", " + c.LoginClient.Header
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" || !slices.Contains(c.CORSOrigins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if c.CORSCredentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			preflight(h, headers)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", "Allow, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, "+requestIDHeader)
		next.ServeHTTP(w, r)
	})
}

func preflight(h http.Header, headers string) {
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Max-Age", "600")
}
