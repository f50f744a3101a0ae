package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/loginlimit"
	"github.com/durin-go/durin/password"
	"github.com/durin-go/durin/sqlstore"
)

// comparing is an Authenticator whose hashes are the passwords, so that all that
// takes time is the database.
type comparing struct{ users durin.UserStore }

func (c comparing) Authenticate(ctx context.Context, name string, pw durin.Secret) (durin.User, error) {
	u, err := c.users.UserByName(ctx, name)
	if err == nil && u.Password != pw.Reveal() {
		err = durin.ErrBadCredentials
	}
	return u, err
}

// guardOn is a guard on s with a client for many sessions and the user ada.
func guardOn(t *testing.T, s *sqlstore.Store, auth durin.Authenticator, hash string) (*durin.Guard, durin.User) {
	t.Helper()
	g, err := durin.New(t.Context(), durin.Options{Store: s, Users: s, Authenticator: auth, ReuseWithoutKey: durin.PolicyReplace, LoginLimiter: loginlimit.Off()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	for _, c := range []durin.Client{{Name: "web", Policy: durin.PolicyEvict, MaxTokens: 20}, {Name: "admin", Policy: durin.PolicyEvict, MaxTokens: 20, NoPassword: true}} {
		if _, err := g.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	u, err := g.CreateUser(t.Context(), durin.User{Name: "ada", Password: hash, Active: true})
	if err != nil {
		t.Fatal(err)
	}
	return g, u
}

// TestPasswordChangeEndsWhatItOpened lets loops log in with the right password
// while it is changed, again and again: when a change has returned, no session is
// left that the password before it has opened. One loop signs in as the admin pages
// do, by a client that is closed to passwords.
func TestPasswordChangeEndsWhatItOpened(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		s := e.open(t, d.Open(t), sqlstore.Options{Timeout: time.Minute})
		g, u := guardOn(t, s, comparing{s}, "0")
		var current atomic.Int64
		var opened, stale atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		var loops sync.WaitGroup
		for i := range 4 {
			loops.Go(func() {
				for ctx.Err() == nil {
					req := durin.LoginRequest{Name: "ada", Password: durin.Secret(fmt.Sprint(current.Load())), Client: "web"}
					req.Device.Name = req.Password.Reveal()
					if i == 3 {
						req.HandOut = func(ctx context.Context, _ durin.User, req durin.IssueRequest, _ durin.IssueFunc) (durin.Issued, error) {
							req.Client = "admin"
							return g.Issue(ctx, req)
						}
					}
					switch _, err := g.Login(ctx, req); {
					case err == nil:
						opened.Add(1)
					case errors.Is(err, durin.ErrBadCredentials):
						stale.Add(1)
					case ctx.Err() == nil:
						t.Errorf("a log-in: %v", err)
						return
					}
				}
			})
		}
		for n := range int64(10 * *repeat) {
			for before := opened.Load(); opened.Load() < before+3 && !t.Failed(); {
				time.Sleep(time.Millisecond) // until the loops are at it
			}
			if _, err := g.ChangePassword(t.Context(), durin.PasswordChange{UserID: u.ID, Hash: fmt.Sprint(n + 1)}); err != nil {
				t.Error(err)
				break
			}
			list, err := g.Sessions(t.Context(), browse.Query{UserID: u.ID})
			if err != nil {
				t.Error(err)
			}
			for _, session := range list {
				if session.Device.Name != fmt.Sprint(n+1) {
					t.Errorf("change %d: a session of the password %s is left", n, session.Device.Name)
				}
			}
			current.Store(n + 1)
		}
		stop()
		loops.Wait()
		t.Logf("%d sessions, %d refusals", opened.Load(), stale.Load())
	})
}

// TestRehashIsTheSamePassword lets loops log in at the same time with a password
// whose hash the first of them replaces: nobody is refused for that.
func TestRehashIsTheSamePassword(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		s := e.open(t, d.Open(t), sqlstore.Options{Timeout: time.Minute})
		h, err := password.New(password.Options{Params: password.Params{Memory: 8, Time: 1, Threads: 1}})
		if err != nil {
			t.Fatal(err)
		}
		const weak = "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8"
		g, u := guardOn(t, s, password.NewUsers(s, h, password.UsersOptions{Floor: -1}), weak)
		for range 5 * *repeat {
			var all sync.WaitGroup
			for range 6 {
				all.Go(func() {
					if _, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "lètmein", Client: "web"}); err != nil {
						t.Errorf("refused while the hash was replaced: %v", err)
					}
				})
			}
			all.Wait()
			if _, err := g.UpdateUser(t.Context(), u.ID, func(u *durin.User) error { u.Password = weak; return nil }); err != nil {
				t.Fatal(err)
			}
		}
	})
}
