package serve

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/node"
)

// newAPI makes the handler of everything under the mount.
func newAPI(n *node.Node) (*api.Handler, error) {
	c := n.Config
	public := ""
	if c.PublicURL != nil {
		public = c.PublicURL.String()
	}
	lifetime := c.IntrospectionTTL
	if lifetime == durin.Never {
		lifetime = 0
	}
	return api.New(n.Guard, api.Options{
		Prefix: c.Mount + "/", Client: loginClient(n), APIKeyClient: c.APIAccessClient, HideAPIKey: c.APIAccessHideSession, ShowAPIKey: c.APIAccessShowToken, APIKeyPassword: c.APIAccessPassword,
		Location: c.Timezone, Expiry: api.ExpiryFormat(c.ExpiryFormat, c.Timezone), LoginUser: c.LoginUser,
		PublicURL: public, IdentityPrefix: c.IdentityPrefix, SignInURL: c.SignInURL, ReturnTo: c.ReturnTo, CookieToken: c.CookieToken, IntrospectionTTL: lifetime,
		VerifyApart: c.VerifyAddr != "",
		Compat:      api.Compat{Knox: compat(c, "knox"), DRF: compat(c, "drf"), Multitoken: compat(c, "multitoken")},
	})
}

// compat are the login routes of a library, if they are on.
func compat(c *config.Config, library string) api.CompatRoutes {
	return api.CompatRoutes{Path: c.CompatPaths[library], Client: c.Compat[library]}
}

// maxPrograms bounds the clients that login-client user-agent makes.
const maxPrograms = 50

// loginClient is what names the client of a login.
func loginClient(n *node.Node) api.ClientFunc {
	switch how := n.Config.LoginClient; {
	case how.Header != "":
		return api.ClientFromHeader(how.Header)
	case how.Name != "":
		return api.ClientNamed(how.Name)
	case how.UserAgent:
		return api.ClientFromUserAgent(n.Guard, maxPrograms, durin.Client{Description: "Made at its first login"})
	default:
		return api.ClientFromField(how.Field)
	}
}

// lookAtClients warns of routes that cannot hand out a token yet, and refuses
// those of compat that would hand out one that travels in a cookie. The answer to
// a login tells both too, so that a database that is slow is not waited for.
func lookAtClients(n *node.Node, h *api.Handler, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if cookie, err := h.CookieClients(ctx); err == nil && len(cookie) > 0 {
		return fmt.Errorf("compat: tokens of the client %s travel in a cookie, and these routes would show them to scripts: name another client, or run durin client update %[1]s --cookie=false", cookie[0])
	}
	if missing, err := h.MissingClients(ctx); err == nil {
		for _, name := range missing {
			log.Warn("durin: a client of compat is not there: logins for it are refused until it is made", "client", name)
		}
	}
	if name := n.Config.CookieName; !strings.HasPrefix(name, "__Host-") {
		log.Warn("durin: cookie-name does not begin with __Host-: other hosts of the same site can plant a cookie of this name", "name", name)
	}
	fixed := n.Config.LoginClient.Name
	if fixed == "" {
		return nil
	}
	all, err := n.Guard.Clients(ctx)
	if err == nil && !slices.ContainsFunc(all, func(c durin.Client) bool { return c.Name == fixed }) {
		log.Warn("durin: the client of login-client is not there: logins are refused until it is made", "client", fixed)
	}
	return nil
}

// description is the OpenAPI document of what newAPI serves.
func description(n *node.Node) []byte {
	how := n.Config.LoginClient
	return api.OpenAPI(api.Description{
		Prefix: n.Config.Mount + "/", CookieName: n.Config.CookieName,
		ClientField: how.Field, ClientHeader: how.Header, ClientKnown: how.Name != "" || how.UserAgent,
	})
}
