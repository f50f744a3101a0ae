package password

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/durin-go/durin"
)

// UsersOptions configure NewUsers. The zero value is what most programs want.
type UsersOptions struct {
	// Floor is the least time that an answer takes, the wait for a free
	// worker not counted. Zero: as long as a new hash takes on this machine.
	// Verifying an imported hash that is slower than that still shows that its
	// user exists, until the first login replaces it; set Floor to the slowest
	// one's time to hide this as well. Negative: none.
	Floor time.Duration
	// Upgraded is called after a weak or foreign hash was to be replaced,
	// with a nil error when it was. The login has succeeded all the same.
	Upgraded func(ctx context.Context, u durin.User, err error)
	// Logger hears of hashes that cannot be verified or replaced, without
	// any part of them. Nil: slog.Default.
	Logger *slog.Logger
}

type users struct {
	store  durin.UserStore
	hasher *Hasher
	o      UsersOptions
}

// NewUsers makes an Authenticator for the users of a store.
//
// An unknown name, a wrong password, an inactive user and a hash that cannot be
// verified are durin.ErrBadCredentials alike, after the same work and no sooner
// than the floor. Other errors are durin.ErrBusy, ctx's, and the store's. When
// the password was right and its hash weak or foreign, the store gets a new
// one, unless the password was changed meanwhile. The Password of the user that is
// returned is the hash that the store has then, or the one that was compared.
func NewUsers(store durin.UserStore, h *Hasher, o UsersOptions) durin.Authenticator {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &users{store: store, hasher: h, o: o}
}

func (a *users) Authenticate(ctx context.Context, name string, pw durin.Secret) (durin.User, error) {
	began := time.Now()
	user, err := a.find(ctx, name)
	if err != nil {
		return durin.User{}, err
	}
	c, err := a.hasher.verifyEvenly(ctx, pw, user.Password)
	if err != nil {
		return durin.User{}, err
	}
	if c.fault != nil {
		a.o.Logger.WarnContext(ctx, "a password hash cannot be verified; its user must get a new password",
			"user", user.ID, "kind", Kind(user.Password), "error", c.fault)
	}
	good := c.OK && user.Active
	if good && c.Weak {
		user.Password = a.upgrade(ctx, user, pw)
	}
	if err := a.rest(ctx, began.Add(c.waited)); err != nil {
		return durin.User{}, err
	}
	if !good {
		return durin.User{}, durin.ErrBadCredentials
	}
	return user, nil
}

// find returns the user called name, or a user without a password where there
// can be none of that name.
func (a *users) find(ctx context.Context, name string) (durin.User, error) {
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) || utf8.RuneCountInString(name) > durin.MaxUserName {
		return durin.User{}, nil
	}
	user, err := a.store.UserByName(ctx, name)
	if errors.Is(err, durin.ErrNotFound) {
		return durin.User{}, nil
	}
	return user, err
}

// upgrade replaces the user's hash by a new one of the same password, and returns
// the one that the user has, as far as that is known.
func (a *users) upgrade(ctx context.Context, user durin.User, pw durin.Secret) string {
	present := user.Password
	fresh, err := a.hasher.Hash(ctx, pw)
	if err == nil {
		var set bool
		if set, err = a.store.SetPassword(ctx, user.ID, user.Password, fresh); set {
			present = fresh
		}
	}
	if err != nil {
		a.o.Logger.WarnContext(ctx, "a password hash could not be replaced by a better one", "user", user.ID, "kind", Kind(user.Password), "error", err)
	}
	if a.o.Upgraded != nil {
		user.Password = ""
		a.o.Upgraded(ctx, user, err)
	}
	return present
}

// rest waits until the floor is over, counted from began.
func (a *users) rest(ctx context.Context, began time.Time) error {
	floor := a.o.Floor
	if floor == 0 {
		floor = time.Duration(a.hasher.quickest.Load())
	}
	left := floor - time.Since(began)
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
