package serve

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/account"
	"github.com/durin-go/durin/admin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/loginlimit"
)

// Where the pages are.
const (
	adminPath   = "/admin/"
	accountPath = "/account/"
)

// pages are the administrators' and the users' pages, by where they are.
type pages map[string]http.Handler

func newPages(n *node.Node, log *slog.Logger) (pages, error) {
	var origins []string
	c := n.Config
	if c.PublicURL != nil {
		origins = append(origins, c.PublicURL.Scheme+"://"+c.PublicURL.Host)
	}
	prefix := c.Prefix()
	forAdmins, err := admin.New(n.Guard, admin.Options{Path: prefix + adminPath, Users: n.Store, HashPassword: hashPassword(n), APIKeyClient: c.APIAccessClient, History: history(n), Held: held(n), Origins: origins, Logger: log})
	if err != nil {
		return nil, err
	}
	example := ""
	if c.PublicURL != nil {
		example = c.Public(c.Mount + "/sessions/")
	}
	forUsers, err := account.New(n.Guard, account.Options{
		Path: prefix + accountPath, APIKeyClient: c.APIAccessClient, Example: example, Scheme: c.AuthSchemes[0], SetPassword: setPassword(n), ReturnTo: c.ReturnTo, Origins: origins, Logger: log,
	})
	return pages{adminPath: below(prefix, adminPath, forAdmins), accountPath: below(prefix, accountPath, forUsers)}, err
}

// below gives pages at mount their addresses as the browser has them, with the
// prefix of public-url. An address without its slash leads to the page.
func below(prefix, mount string, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path+"/" == mount {
			to := url.URL{Path: prefix + mount, RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), http.StatusSeeOther)
			return
		}
		pages.ServeHTTP(w, movePath(r, func(path string) string { return prefix + path }))
	})
}

// held is who is held back, for the admin pages; nil: the limits are off.
func held(n *node.Node) func(context.Context, time.Time) ([]loginlimit.Held, error) {
	if n.Logins == nil {
		return nil
	}
	return func(ctx context.Context, _ time.Time) ([]loginlimit.Held, error) {
		all, _, err := n.Logins.Held(ctx)
		return all, err
	}
}

// history is where the admin pages look for what was done; nil: nowhere.
func history(n *node.Node) audit.Store {
	if n.Audit == nil {
		return nil
	}
	return n.Store
}

// at is what answers at path, if anything does; the page's handler redirects an
// address without the slash.
func (p pages) at(path string) named {
	for _, mount := range []string{adminPath, accountPath} {
		if p[mount] != nil && (strings.HasPrefix(path, mount) || path+"/" == mount) {
			return named{strings.Trim(mount, "/"), p[mount]}
		}
	}
	return named{}
}

// hashPassword checks a new password by the program's rules and hashes it.
func hashPassword(n *node.Node) func(context.Context, durin.User, durin.Secret) (string, error) {
	return func(ctx context.Context, u durin.User, pw durin.Secret) (string, error) {
		if err := node.CheckPassword(n.Config, pw, u.Name); err != nil {
			return "", err
		}
		return n.Hasher.Hash(ctx, pw)
	}
}

// setPassword gives a user a new password.
func setPassword(n *node.Node) func(context.Context, durin.User, durin.Secret) error {
	hash := hashPassword(n)
	return func(ctx context.Context, u durin.User, pw durin.Secret) error {
		text, err := hash(ctx, u, pw)
		if err != nil {
			return err
		}
		_, err = n.Guard.ChangePassword(ctx, durin.PasswordChange{
			UserID: u.ID, Hash: text, Checked: durin.Secret(u.Password), Keep: true, // the page ends the sessions
		})
		return err
	}
}
