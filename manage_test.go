package durin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/storetest"
)

func TestOwnedUsers(t *testing.T) {
	g := durintest.New(t)
	owned := durintest.New(t, func(o *durin.Options) { o.Store, o.Users = g.Store, g.Store })
	u, err := g.Store.CreateUser(t.Context(), durin.User{Name: "ada", Password: "!", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	token := owned.Token(u.ID, "web")
	if s := verify(t, owned, token, nil); s.UserName != "ada" {
		t.Errorf("%+v", s)
	}
	set := func(active bool) {
		t.Helper()
		if _, err := owned.UpdateUser(t.Context(), u.ID, func(u *durin.User) error { u.Active = active; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	verify(t, owned, token, durin.ErrInactive)
	if _, err := owned.Issue(t.Context(), durin.IssueRequest{UserID: u.ID, Client: "web"}); !errors.Is(err, durin.ErrInactive) {
		t.Errorf("a token for a deactivated user: %v", err)
	}
	set(true)
	verify(t, owned, token, nil)
	if err := owned.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	verify(t, owned, token, durin.ErrInvalidToken)
}

func TestUsersOfTheApplication(t *testing.T) {
	var mu sync.Mutex
	active := true
	g := durintest.New(t, func(o *durin.Options) {
		o.UserActive = func(context.Context, string) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			return active, nil
		}
	})
	token := g.Token("ada", "web")
	verify(t, g, token, nil)
	mu.Lock()
	active = false
	mu.Unlock()
	verify(t, g, token, nil) // what the application does not tell is not known
	if err := g.UserChanged(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	verify(t, g, token, durin.ErrInactive)
}

// TestClientByName: a name is one client's or none's, whatever it is like.
func TestClientByName(t *testing.T) {
	g, err := durin.New(t.Context(), durin.Options{Store: memstore.New(), ReuseWithoutKey: durin.PolicyReplace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	want, err := g.CreateClient(t.Context(), durin.Client{Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := g.ClientByName(t.Context(), "web"); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, name := range []string{"", "WEB", "web ", "we"} {
		if got, err := g.ClientByName(t.Context(), name); err != durin.ErrUnknownClient {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

func TestResourceServers(t *testing.T) {
	g := durintest.New(t)
	ctx := t.Context()
	old, first, err := g.CreateResourceServer(ctx, "billing", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, name string, secret durin.Secret, want error) {
		t.Helper()
		if s, err := g.CheckResourceServer(ctx, name, secret); !errors.Is(err, want) || want == nil && (err != nil || s.Name != "billing") {
			t.Errorf("%s: %v, %v, want %v", what, s, err, want)
		}
	}
	check("its secret", "billing", old, nil)
	check("without a name", "", old, nil)
	check("another name", "files", old, durin.ErrInvalidServer)
	check("no secret", "billing", "", durin.ErrInvalidServer)
	check("a token", "", g.Token("ada", "web"), durin.ErrInvalidServer)
	check("a mistyped one", "", old[:len(old)-1]+"x", durin.ErrInvalidServer)
	// A second one takes over: both are good for a while.
	secret, _, err := g.CreateResourceServer(ctx, "billing", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	check("the new one", "billing", secret, nil)
	check("the old one meanwhile", "billing", old, nil)
	if err := g.DeleteResourceServer(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	check("the old one afterwards", "billing", old, durin.ErrInvalidServer)
	g.Clock.Advance(time.Hour)
	check("in its last instant", "billing", secret, nil)
	g.Clock.Advance(time.Microsecond)
	check("expired", "billing", secret, durin.ErrInvalidServer)
	if err := g.DeleteResourceServer(ctx, first.ID); !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, _, err := g.CreateResourceServer(ctx, "a:b", durin.Never); err == nil {
		t.Error("a name with a colon was taken")
	}
	if text := fmt.Sprint(secret); text != "[redacted]" {
		t.Errorf("the secret writes itself as %q", text)
	}
}

// What another node deletes is refused within the bound; what cannot be asked is
// no refusal.
func TestResourceServersElsewhere(t *testing.T) {
	var failing error
	g := durintest.New(t, func(o *durin.Options) {
		o.Store = storetest.Faulty(o.Store, storetest.Faults{Before: func(_ context.Context, method string) error {
			if method == "ResourceServers" {
				return failing
			}
			return nil
		}})
	})
	secret, s, err := g.CreateResourceServer(t.Context(), "billing", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.CheckResourceServer(t.Context(), "", secret); err != nil {
		t.Fatal(err)
	}
	if err := g.Store.DeleteResourceServer(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	g.Clock.Advance(1001 * time.Millisecond)
	failing = errors.New("down")
	if _, err := g.CheckResourceServer(t.Context(), "", secret); !errors.Is(err, durin.ErrUnavailable) {
		t.Errorf("with the store down: %v", err)
	}
	failing = nil
	if _, err := g.CheckResourceServer(t.Context(), "", secret); !errors.Is(err, durin.ErrInvalidServer) {
		t.Errorf("behind the bound: %v", err)
	}
}

// What is counted of a day, by client, and what belongs to no client.
func TestActivity(t *testing.T) {
	store := memstore.New()
	clock := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	g, err := durin.New(t.Context(), durin.Options{Store: store, Authenticator: people{}, ReuseWithoutKey: durin.PolicyReplace, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	web, err := g.CreateClient(t.Context(), durin.Client{Name: "web", Rate: durin.Rate{N: 1, Period: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "right", Client: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "wrong", Client: "web"}); !errors.Is(err, durin.ErrBadCredentials) {
		t.Fatal(err)
	}
	for _, token := range []string{in.Token.Reveal(), in.Token.Reveal(), "nobody's", "no token", ""} {
		r := httptest.NewRequest("GET", "/", nil)
		if token != "" {
			r.Header.Set("Authorization", "Token "+token)
		}
		_, _ = g.Permit(httptest.NewRecorder(), r, durin.Rules{Throttle: []durin.Throttle{{}}})
	}
	if _, err := g.Verify(t.Context(), "\x00"); !errors.Is(err, durin.ErrInvalidToken) {
		t.Fatal(err)
	}
	if err := g.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	got, err := store.Activity(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	day := clock.Truncate(24 * time.Hour)
	want := []browse.Activity{{Day: day, Refused: 2, Failed: 1}, {Day: day, ClientID: web.ID, Requests: 2, Throttled: 1, Logins: 1}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// A session of the admin pages is good for the admin pages only, and no other
// is.
func TestAdminClient(t *testing.T) {
	g := durintest.New(t)
	admin := g.Token("ada", durin.AdminClient)
	other := g.Token("ada", "web")
	verify(t, g, admin, durin.ErrInvalidToken)
	if _, err := g.VerifyAdmin(t.Context(), other); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("the token of another client: %v", err)
	}
	if _, err := g.VerifyAdmin(t.Context(), "x"); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("no token: %v", err)
	}
	if s, err := g.VerifyAdmin(t.Context(), admin); err != nil || s.UserID != "ada" {
		t.Errorf("%v, %v", s, err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+admin.Reveal())
	if _, err := g.Check(r); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("in a header: %v", err)
	}
	if _, err := g.UpdateClient(t.Context(), durin.AdminClient, func(c *durin.Client) error { c.Cookie = true; return nil }); err != nil {
		t.Fatal(err)
	}
	r = httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", durin.DefaultCookie+"="+admin.Reveal())
	if _, err := g.Check(r); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("in the cookie: %v", err)
	}
}

// A store that is no Browser fails, and nothing else does.
func TestNoBrowser(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.Store = struct{ durin.Store }{o.Store} })
	if g.CanBrowse() {
		t.Error("it can be browsed")
	}
	if _, err := g.Browse(t.Context(), browse.Filter{}, browse.Cursor{}, 1); err == nil {
		t.Error("no error")
	}
	verify(t, g, "x", durin.ErrInvalidToken)
}
