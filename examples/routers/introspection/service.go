// Package introspection is a service in front of which Durin does not stand: it asks
// about each token by RFC 7662, with an OAuth library that knows nothing of Durin.
package introspection

import (
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Protect lets requests with a good token through. In doubt it refuses: 503 when
// Durin cannot be asked.
func Protect(server rs.ResourceServer, next func(w http.ResponseWriter, r *http.Request, who *oidc.IntrospectionResponse)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			refuse(w, http.StatusUnauthorized, "")
			return
		}
		who, err := rs.Introspect[*oidc.IntrospectionResponse](r.Context(), server, token)
		switch {
		case err != nil:
			refuse(w, http.StatusServiceUnavailable, "")
		case !who.Active:
			refuse(w, http.StatusUnauthorized, `, error="invalid_token"`)
		default:
			next(w, r, who)
		}
	})
}

func refuse(w http.ResponseWriter, status int, more string) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="service"`+more)
	}
	http.Error(w, http.StatusText(status), status)
}
