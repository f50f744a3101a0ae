package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/publicurl"
)

// wellKnown is where clients look for the metadata of a server (RFC 8414 section
// 3): behind it comes the path of the issuer, if it has one.
const wellKnown = "/.well-known/oauth-authorization-server"

// metadata is the document of RFC 8414 section 2. There is no token endpoint,
// and no grant: tokens come from the login.
type metadata struct {
	Issuer               string   `json:"issuer"`
	ResponseTypes        []string `json:"response_types_supported"`
	GrantTypes           []string `json:"grant_types_supported"`
	Introspection        string   `json:"introspection_endpoint"`
	IntrospectionMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	Revocation           string   `json:"revocation_endpoint"`
	RevocationMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
}

func (h *Handler) describe(w http.ResponseWriter, r *http.Request) {
	issuer := h.issuer(r)
	methods := []string{"client_secret_basic", "Bearer"}
	durin.WriteJSON(w, http.StatusOK, metadata{
		Issuer: issuer, ResponseTypes: []string{}, GrantTypes: []string{},
		Introspection: publicurl.Join(issuer, h.opt.Prefix+"/introspect"), IntrospectionMethods: methods,
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

// issuerPath is the path of the issuer, which follows wellKnown.
func issuerPath(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}
