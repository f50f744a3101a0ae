package durin_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/memstore"
)

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

// What EndSome ends is refused at once, though it was cached.
func TestEndSome(t *testing.T) {
	g := durintest.New(t)
	ada, bea := g.Token("ada", "web"), g.Token("bea", "web")
	verify(t, g, ada, nil)
	verify(t, g, bea, nil)
	if n, err := g.CountSessions(t.Context(), browse.Filter{State: browse.Live}, 9); err != nil || n != 2 {
		t.Errorf("%d live, %v", n, err)
	}
	if n, err := g.EndSome(t.Context(), browse.Filter{UserID: "ada", State: browse.Live}, 9); err != nil || n != 1 {
		t.Errorf("%d ended, %v", n, err)
	}
	verify(t, g, ada, durin.ErrInvalidToken)
	verify(t, g, bea, nil)
	if _, err := g.EndSome(t.Context(), browse.Filter{}, 9); err == nil {
		t.Error("everything can be ended")
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
