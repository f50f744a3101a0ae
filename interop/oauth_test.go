package interop

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// resource starts a server that has a resource server called billing, and returns
// the secret of that.
func resource(t *testing.T, args ...string) (server, secret string) {
	t.Helper()
	dir := t.TempDir()
	durin := build(t)
	run(t, dir, "", nil, durin, "migrate")
	run(t, dir, "", nil, durin, "client", "create", "web")
	run(t, dir, "", nil, durin, "client", "create", "endless", "--ttl", "never")
	run(t, dir, password, nil, durin, "user", "create", user, "--password-stdin")
	file := filepath.Join(dir, "secret")
	run(t, dir, "", nil, "sh", "-c", `"$1" resource create billing >"$2"`, "sh", durin, file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, dir, args...), strings.TrimSpace(string(text))
}

// TestOAuthJavaScript: libraries find the server by its issuer alone, and
// authenticate as they do by default.
func TestOAuthJavaScript(t *testing.T) {
	dir := javaScript(t)
	server, secret := resource(t)
	for _, library := range []string{"openid-client", "openid-client oauth2", "oauth4webapi post", "oauth4webapi basic"} {
		t.Run(library, func(t *testing.T) {
			run(t, dir, "", nil, "node", "introspect.mjs", library, server, "billing", secret, login(t, server, "web"))
		})
	}
}

// TestOAuthZitadel: the resource server of zitadel/oidc finds introspection by
// the issuer. It wants the address of a token endpoint, too, which it never calls.
func TestOAuthZitadel(t *testing.T) {
	server, secret := resource(t)
	for name, options := range map[string][]rs.Option{
		"found":  {rs.WithClient(http.DefaultClient), rs.WithStaticEndpoints(server, "")},
		"static": {rs.WithClient(http.DefaultClient), rs.WithStaticEndpoints(server, server+"/api/auth/introspect")},
	} {
		t.Run(name, func(t *testing.T) {
			billing, err := rs.NewResourceServerClientCredentials(t.Context(), server, "billing", secret, options...)
			if err != nil {
				t.Fatal(err)
			}
			who, err := rs.Introspect[*oidc.IntrospectionResponse](t.Context(), billing, login(t, server, "web"))
			if err != nil || !who.Active || who.Username != user || who.Issuer != server {
				t.Errorf("%+v, %v", who, err)
			}
			who, err = rs.Introspect[*oidc.IntrospectionResponse](t.Context(), billing, "x")
			if err != nil || who.Active {
				t.Errorf("%+v, %v", who, err)
			}
		})
	}
}
