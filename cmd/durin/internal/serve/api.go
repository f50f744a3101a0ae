package serve

import (
	"github.com/durin-go/durin/api"
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
	})
}

// description is the OpenAPI document of what newAPI serves.
func description(n *node.Node) []byte { return api.OpenAPI(n.Config.Mount + "/") }
