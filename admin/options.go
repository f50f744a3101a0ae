package admin

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/loginlimit"
)

// DefaultCookie is the name of the cookie of the pages' sessions.
const DefaultCookie = "__Host-durin-admin"

// Options configure the pages. Users or Directory is required.
type Options struct {
	// Path is where the pages are mounted, as the browser sees it. Empty:
	// /admin/.
	Path string
	// Brand stands at the head of each page. Empty: Durin admin.
	Brand string

	// Users are the store's own users: the pages add, change and delete them,
	// and their User.Admin says who is an administrator.
	Users durin.UserStore
	// HashPassword checks a new password of u by the application's rules and
	// hashes it. What is wrong with it is a *durin.FieldError. Nil: the pages
	// set no passwords.
	HashPassword func(ctx context.Context, u durin.User, pw durin.Secret) (string, error)
	// APIKeyClient is the client that API keys are issued for: a new password lets
	// choose whether they end with the sessions. Empty: they end.
	APIKeyClient string
	// Directory knows the users of an application that has its own. The pages
	// then show their tokens, and leave the users themselves alone.
	Directory Directory

	// History keeps what was done, to be looked through: the Store of the
	// audit.Log whose Hooks the Guard has. Nil: there is no such page.
	History audit.Store

	// Held tells who may not try passwords at an instant: the method Held of the
	// Guard's LoginLimiter, where package loginlimit or redisdurin made it. Nil:
	// the pages do not show it.
	Held func(ctx context.Context, now time.Time) ([]loginlimit.Held, error)

	// Idle is how long a session lives without use: at least two minutes.
	// Zero: 30 minutes.
	Idle time.Duration
	// MaxLife is how long one lives at most. Zero: 12 hours.
	MaxLife time.Duration
	// Recent is how long after the password was given it is not asked for
	// again. Zero: 10 minutes.
	Recent time.Duration

	// CookieName is the cookie of the sessions. Empty: DefaultCookie. A name
	// of another form is less safe: see durin.DefaultCookie.
	CookieName string
	// Origins are the public origins of these pages, like
	// https://admin.example.org, where a proxy hides them.
	Origins []string
	// Logger hears of trouble. Nil: slog.Default.
	Logger *slog.Logger
}

// A Directory knows the users of an application.
type Directory interface {
	// User returns the user with that id, of whom Name, Active and Admin
	// matter. ErrNotFound, wrapped or not, if there is none. Ids are also what
	// people type: one that cannot be an id, as "abc" where ids are UUIDs, is of
	// no user.
	User(ctx context.Context, id string) (durin.User, error)
	// Search returns at most limit users whose name begins with prefix, by
	// name. It may return none: users are then found by their whole id.
	Search(ctx context.Context, prefix string, limit int) ([]durin.User, error)
}

func (o *Options) complete(guard *durin.Guard) error {
	switch {
	case guard == nil:
		return errors.New("admin: the Guard is nil")
	case !guard.CanBrowse():
		return errors.New("admin: the Guard's store is no durin.Browser")
	case o.Users == nil && o.Directory == nil:
		return errors.New("admin: neither Options.Users nor Options.Directory tells who is an administrator")
	case o.Users != nil && o.Directory != nil:
		return errors.New("admin: Options.Users and Options.Directory are both set")
	}
	setDefault(&o.Path, "/admin/")
	if !strings.HasSuffix(o.Path, "/") {
		o.Path += "/"
	}
	setDefault(&o.Brand, "Durin admin")
	setDefault(&o.Idle, 30*time.Minute)
	setDefault(&o.MaxLife, 12*time.Hour)
	setDefault(&o.Recent, 10*time.Minute)
	setDefault(&o.CookieName, DefaultCookie)
	if o.Idle < 2*time.Minute || o.MaxLife < o.Idle || o.Recent < 0 {
		return errors.New("admin: Options.Idle must be two minutes or more, MaxLife no shorter, and Recent not negative")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
