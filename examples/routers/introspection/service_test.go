package introspection

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/durintest"
	"github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// revoker is what the library wants to know of a server that revokes.
type revoker struct{ endpoint string }

func (r revoker) GetRevokeEndpoint() string { return r.endpoint }
func (revoker) HttpClient() *http.Client    { return http.DefaultClient }

type revocation struct {
	Token string `schema:"token"`
	Hint  string `schema:"token_type_hint"`
}

// TestService lets a library of others find, ask and end tokens by the standards.
func TestService(t *testing.T) {
	g := durintest.New(t)
	auth, err := api.New(g.Guard, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(auth)
	defer server.Close()
	secret, _, err := g.CreateResourceServer(t.Context(), "things", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	found, err := client.Discover(t.Context(), server.URL, http.DefaultClient, server.URL+"/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(secret string) rs.ResourceServer {
		s, err := rs.NewResourceServerClientCredentials(t.Context(), server.URL, "things", secret, rs.WithStaticEndpoints(server.URL, found.IntrospectionEndpoint))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var seen *oidc.IntrospectionResponse
	things := func(w http.ResponseWriter, _ *http.Request, who *oidc.IntrospectionResponse) {
		seen = who
		_, _ = io.WriteString(w, "things of "+who.Subject)
	}
	want := func(what, secret, auth string, status int) {
		t.Helper()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", auth)
		w := httptest.NewRecorder()
		Protect(ask(secret), things).ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: %d %s, want %d", what, w.Code, w.Body, status)
		}
	}
	token := g.Token("ada", "cli")
	want("good", secret.Reveal(), "Bearer "+token.Reveal(), 200)
	if seen == nil || seen.ClientID != "cli" || seen.Subject != "ada" || seen.Issuer != server.URL || !seen.Expiration.AsTime().Equal(g.Now().Add(24*time.Hour)) || seen.TokenType != "Bearer" {
		t.Errorf("the library read %+v", seen)
	}
	want("unknown", secret.Reveal(), "Bearer x", 401)
	want("none", secret.Reveal(), "", 401)
	want("a secret that is wrong", "durin_rs_x", "Bearer "+token.Reveal(), 503)
	authFn := httphelper.AuthorizeBasic("things", secret.Reveal())
	for _, text := range []string{token.Reveal(), "unknown"} {
		if err := client.CallRevokeEndpoint(context.Background(), revocation{text, "access_token"}, authFn, revoker{found.RevocationEndpoint}); err != nil {
			t.Errorf("revoking: %v", err)
		}
	}
	want("revoked", secret.Reveal(), "Bearer "+token.Reveal(), 401)
}
