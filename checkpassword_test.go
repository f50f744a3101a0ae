package durin_test

import (
	"context"
	"errors"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/loginlimit"
)

// inClear is an Authenticator of a store's users, whose hashes are the passwords;
// before, if set, is called once the password was found to be right.
type inClear struct {
	users  durin.UserStore
	before func()
}

func (a *inClear) Authenticate(ctx context.Context, name string, pw durin.Secret) (durin.User, error) {
	u, err := a.users.UserByName(ctx, name)
	if errors.Is(err, durin.ErrNotFound) || err == nil && u.Password != pw.Reveal() {
		return durin.User{}, durin.ErrBadCredentials
	}
	if a.before != nil {
		a.before()
	}
	return u, err
}

// withUsers is a guard with the user ada, whose password is "right".
func withUsers(t *testing.T, change ...func(*durin.Options)) (*durintest.Guard, *inClear, durin.User) {
	t.Helper()
	auth := &inClear{}
	g := durintest.New(t, append([]func(*durin.Options){func(o *durin.Options) {
		auth.users = o.Store.(durin.UserStore)
		o.Users, o.Authenticator, o.LoginLimiter = auth.users, auth, loginlimit.Off()
	}}, change...)...)
	u, err := g.CreateUser(t.Context(), durin.User{Name: "ada", Password: "right", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	g.Client(durin.Client{Name: "web", Policy: durin.PolicyEvict, MaxTokens: 100})
	g.Client(durin.Client{Name: "key", Policy: durin.PolicyReplace})
	return g, auth, u
}

func TestCheckPassword(t *testing.T) {
	g, _, u := withUsers(t)
	got, err := g.CheckPassword(t.Context(), durin.PasswordCheck{Name: " ada ", Password: "right"})
	if err != nil || got.ID != u.ID || got.Password != "right" {
		t.Errorf("%+v, %v", got, err)
	}
	if l := g.Stats().Logins; l.Accepted+l.Wrong+l.Failed+l.Refused+l.Busy+l.HeldBack != 0 {
		t.Errorf("a right password counts as a log-in: %+v", l)
	}
	if _, err := g.CheckPassword(t.Context(), durin.PasswordCheck{Name: "ada", Password: "wrong"}); !errors.Is(err, durin.ErrBadCredentials) {
		t.Error(err)
	}
	if l := g.Stats().Logins; l.Wrong != 1 || l.Failed != 0 {
		t.Errorf("a wrong one: %+v", l)
	}
	if list, err := g.Sessions(t.Context(), browse.Query{}); err != nil || len(list) != 0 {
		t.Errorf("sessions were made: %v, %v", list, err)
	}
}

// TestLimitsHoldForCheckPassword: they are those of log-ins.
func TestLimitsHoldForCheckPassword(t *testing.T) {
	g, _, _ := withUsers(t, func(o *durin.Options) { o.LoginLimiter = nil })
	for range 20 {
		_, _ = g.CheckPassword(t.Context(), durin.PasswordCheck{Name: "ada", Password: "wrong"})
	}
	if _, err := g.CheckPassword(t.Context(), durin.PasswordCheck{Name: "ada", Password: "right"}); !errors.Is(err, durin.ErrBadCredentials) {
		t.Errorf("nobody is held back: %v", err)
	}
	if g.Stats().Logins.HeldBack == 0 {
		t.Error("nobody was counted as held back")
	}
}

// TestPasswordChangedMeanwhile: between the check of a password and the token it is
// changed, or only hashed anew.
func TestPasswordChangedMeanwhile(t *testing.T) {
	g, auth, u := withUsers(t)
	set := func(hash string) func() {
		return func() {
			auth.before = nil
			if _, err := g.ChangePassword(t.Context(), durin.PasswordChange{UserID: u.ID, Hash: hash}); err != nil {
				t.Error(err)
			}
		}
	}
	login := func() error {
		_, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "right", Client: "web"})
		return err
	}
	auth.before = set("other")
	if err := login(); !errors.Is(err, durin.ErrBadCredentials) {
		t.Errorf("a log-in with the password of before: %v", err)
	}
	set("right")()
	checked, err := g.CheckPassword(t.Context(), durin.PasswordCheck{Name: "ada", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	set("other")()
	for name, call := range map[string]func() error{
		"a token": func() error {
			_, err := g.Issue(t.Context(), durin.IssueRequest{UserID: u.ID, Client: "web", CheckedHash: durin.Secret(checked.Password)})
			return err
		},
		"a password": func() error {
			_, err := g.ChangePassword(t.Context(), durin.PasswordChange{UserID: u.ID, Hash: "third", Checked: durin.Secret(checked.Password)})
			return err
		},
	} {
		if err := call(); !errors.Is(err, durin.ErrPasswordChanged) || durin.AsError(err).Status != 400 {
			t.Errorf("%s for a password that was changed: %v", name, err)
		}
	}
	if list, _ := g.Sessions(t.Context(), browse.Query{}); len(list) != 0 {
		t.Errorf("%d sessions are open", len(list))
	}
}

// TestChangePasswordEnds all sessions and keys, but those that are to be kept.
func TestChangePasswordEnds(t *testing.T) {
	g, _, u := withUsers(t)
	for _, c := range []struct {
		change durin.PasswordChange
		ended  int
	}{
		{durin.PasswordChange{}, 3}, {durin.PasswordChange{Spare: "key"}, 2}, {durin.PasswordChange{Keep: true}, 0}, {durin.PasswordChange{Except: -1, Spare: "key"}, 1},
	} {
		if _, err := g.End(t.Context(), durin.Selection{UserID: u.ID}); err != nil {
			t.Fatal(err)
		}
		first := verify(t, g, g.Token(u.ID, "web"), nil)
		g.Token(u.ID, "web")
		g.Token(u.ID, "key")
		if c.change.Except != 0 {
			c.change.Except = first.ID
		}
		c.change.UserID, c.change.Hash = u.ID, "new"
		if n, err := g.ChangePassword(t.Context(), c.change); err != nil || n != c.ended {
			t.Errorf("%+v: %d ended, %v; want %d", c.change, n, err, c.ended)
		}
	}
}
