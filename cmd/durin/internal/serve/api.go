package serve

import (
	"context"
	"log/slog"
	"time"

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
	return api.New(n.Guard, api.Options{
		Prefix: c.Mount + "/", APIKeyClient: c.APIAccessClient, HideAPIKey: c.APIAccessHideSession, ShowAPIKey: c.APIAccessShowToken,
		Location: c.Timezone, Expiry: api.ExpiryFormat(c.ExpiryFormat, c.Timezone), LoginUser: c.LoginUser,
		PublicURL: public, IdentityPrefix: c.IdentityPrefix, SignInURL: c.SignInURL, ReturnTo: c.ReturnTo, CookieToken: c.CookieToken,
		VerifyApart: c.VerifyAddr != "",
		Compat:      api.Compat{Knox: compat(c, "knox"), DRF: compat(c, "drf"), Multitoken: compat(c, "multitoken")},
	})
}

// compat are the login routes of a library, if they are on.
func compat(c *config.Config, library string) api.CompatRoutes {
	return api.CompatRoutes{Path: c.CompatPaths[library], Client: c.Compat[library]}
}

// warnOfClients tells of routes that cannot hand out a token yet. The answer to
// a login tells it too, so that a database that is slow is not waited for.
func warnOfClients(h *api.Handler, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	missing, err := h.MissingClients(ctx)
	if err != nil {
		return
	}
	for _, name := range missing {
		log.Warn("durin: a client of compat is not there: logins for it are refused until it is made", "client", name)
	}
}

// description is the OpenAPI document of what newAPI serves.
func description(n *node.Node) []byte { return api.OpenAPI(n.Config.Mount + "/") }
