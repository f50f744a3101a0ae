package serve

import (
	"context"
	"log/slog"
	"net/http"
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
	forAdmins, err := admin.New(n.Guard, admin.Options{Path: adminPath, Users: n.Store, HashPassword: hashPassword(n), APIKeyClient: c.APIAccessClient, History: history(n), Held: held(n), Origins: origins, Logger: log})
	if err != nil {
		return nil, err
	}
	example := ""
	if c.PublicURL != nil {
		example = c.PublicURL.String() + c.Mount + "/sessions/"
	}
	forUsers, err := account.New(n.Guard, account.Options{
		Path: accountPath, APIKeyClient: c.APIAccessClient, Example: example, Scheme: c.AuthSchemes[0], SetPassword: setPassword(n), Origins: origins, Logger: log,
	})
	return pages{adminPath: forAdmins, accountPath: forUsers}, err
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

// at is what answers at path, or nil. A page's address without its slash leads to
// the page.
func (p pages) at(path string) http.Handler {
	for _, mount := range []string{adminPath, accountPath} {
		if p[mount] == nil {
			continue
		}
		if strings.HasPrefix(path, mount) {
			return p[mount]
		}
		if path+"/" == mount {
			return http.RedirectHandler(mount, http.StatusSeeOther)
		}
	}
	return nil
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
