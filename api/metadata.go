package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/publicurl"
)

// wellKnown are the names of documents that tell of a server: RFC 8414's own, and
// OpenID Connect's, at which many clients look first. RFC 8414 section 5 lets a
// server that is no OpenID provider use that too.
var wellKnown = []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}

// metadataPaths are the paths of those documents, without a slash at the end. An
// issuer's path comes behind the name (RFC 8414 section 3.1), or before it, as
// OpenID Connect has it; a proxy may have taken it away.
func metadataPaths(publicURL string) []string {
	path := issuerPath(publicURL)
	all := slices.Clone(wellKnown)
	if path == "" {
		return all
	}
	for _, name := range wellKnown {
		all = append(all, name+path, path+name)
	}
	return all
}

// metadata is the document of RFC 8414 section 2. There is no token endpoint, and
// no grant: tokens come from the login. So response_types_supported would be
// empty, and section 3.2 has empty lists left out.
type metadata struct {
	Issuer               string   `json:"issuer"`
	Introspection        string   `json:"introspection_endpoint"`
	IntrospectionMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	Revocation           string   `json:"revocation_endpoint"`
	RevocationMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
}

func (h *Handler) describe(w http.ResponseWriter, r *http.Request) {
	issuer := h.issuer(r)
	methods := []string{"client_secret_basic", "client_secret_post"}
	durin.WriteJSON(w, http.StatusOK, metadata{
		Issuer:        issuer,
		Introspection: publicurl.Join(issuer, h.opt.Prefix+"/introspect"), IntrospectionMethods: append(methods, "Bearer"), // a token's type may stand here only
		Revocation: publicurl.Join(issuer, h.opt.Prefix+"/revoke"), RevocationMethods: methods,
	})
}

// issuer is the URL that the world knows the server by.
func (h *Handler) issuer(r *http.Request) string {
	if h.opt.PublicURL != "" {
		return h.opt.PublicURL
	}
	return h.guard.Scheme(r) + "://" + strings.ToLower(r.Host)
}

// issuerPath is the path of the issuer, without a slash at its end.
func issuerPath(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}
