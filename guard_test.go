package durin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/keyring"
)

// people is an Authenticator: names are ids, passwords are "right".
type people struct{}

func (people) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	if password != "right" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: name, Name: name}, nil
}

func withPeople(o *durin.Options) { o.Authenticator = people{} }

func login(t *testing.T, g *durintest.Guard, name, client string) durin.LoggedIn {
	t.Helper()
	in, err := g.Login(t.Context(), durin.LoginRequest{Name: name, Password: "right", Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func verify(t *testing.T, g *durintest.Guard, token durin.Secret, want error) *durin.Session {
	t.Helper()
	s, err := g.Verify(t.Context(), token)
	if !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
	return s
}

func TestLoginByPolicy(t *testing.T) {
	for _, c := range []struct {
		policy durin.Policy
		max    int
		live   []bool // of the tokens of three logins
	}{
		{durin.PolicyReuse, 0, []bool{true, true, true}},
		{durin.PolicyReplace, 0, []bool{false, false, true}},
		{durin.PolicyEvict, 2, []bool{false, true, true}},
	} {
		t.Run(string(c.policy), func(t *testing.T) {
			g := durintest.New(t, withPeople)
			g.Client(durin.Client{Name: "web", Policy: c.policy, MaxTokens: c.max})
			var tokens []durin.Secret
			for range c.live {
				tokens = append(tokens, login(t, g, "ada", "web").Token)
				g.Clock.Advance(time.Second)
			}
			for i, live := range c.live {
				if _, err := g.Verify(t.Context(), tokens[i]); (err == nil) != live {
					t.Errorf("token %d: %v", i, err)
				}
			}
			if same := tokens[0] == tokens[2]; same != (c.policy == durin.PolicyReuse) {
				t.Errorf("the same token again: %v", same)
			}
		})
	}
}

func TestRejectAtTheMaximum(t *testing.T) {
	g := durintest.New(t, withPeople)
	g.Client(durin.Client{Name: "web", Policy: durin.PolicyReject, MaxTokens: 1, TTL: time.Hour})
	login(t, g, "ada", "web")
	req := durin.LoginRequest{Name: "ada", Password: "right", Client: "web"}
	if _, err := g.Login(t.Context(), req); !errors.Is(err, durin.ErrTooManyTokens) {
		t.Errorf("%v", err)
	}
	req.Password = "wrong"
	if _, err := g.Login(t.Context(), req); !errors.Is(err, durin.ErrBadCredentials) {
		t.Errorf("with a wrong password: %v", err)
	}
	g.Clock.Advance(2 * time.Hour)
	login(t, g, "ada", "web") // an expired one does not count
}

func TestLoginFailures(t *testing.T) {
	g := durintest.New(t, withPeople)
	g.Client(durin.Client{Name: "web"})
	g.Client(durin.Client{Name: "robot", NoPassword: true})
	for name, c := range map[string]struct {
		req  durin.LoginRequest
		want error
	}{
		"wrong password":             {durin.LoginRequest{Name: "ada", Password: "x", Client: "web"}, durin.ErrBadCredentials},
		"wrong password, no client":  {durin.LoginRequest{Name: "ada", Password: "x"}, durin.ErrBadCredentials},
		"no client":                  {durin.LoginRequest{Name: "ada", Password: "right"}, durin.ErrNoClient},
		"unknown client":             {durin.LoginRequest{Name: "ada", Password: "right", Client: "Web"}, durin.ErrUnknownClient},
		"client closed to passwords": {durin.LoginRequest{Name: "ada", Password: "right", Client: "robot"}, durin.ErrUnknownClient},
	} {
		if _, err := g.Login(t.Context(), c.req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := g.Issue(t.Context(), durin.IssueRequest{UserID: "ada", Client: "robot"}); err != nil {
		t.Errorf("a token without a password: %v", err)
	}
}

func TestWithoutAnAuthenticatorNobodyLogsIn(t *testing.T) {
	g := durintest.New(t)
	if _, err := g.Login(t.Context(), durin.LoginRequest{Name: "a", Password: "b", Client: "c"}); !errors.Is(err, durin.ErrBadCredentials) {
		t.Errorf("%v", err)
	}
}

func TestALostKeyFallsBackToReplace(t *testing.T) {
	g := durintest.New(t, withPeople)
	g.Client(durin.Client{Name: "web"})
	old := login(t, g, "ada", "web").Token
	ring, err := keyring.New(g.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	second, err := durin.New(t.Context(), durin.Options{Store: g.Store, Keyring: ring, Authenticator: people{}, Now: g.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close(context.Background()) }()
	var wg sync.WaitGroup
	tokens := make([]durin.Secret, 8)
	for i := range tokens {
		wg.Go(func() {
			in, err := second.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "right", Client: "web"})
			if err != nil {
				t.Error(err)
			}
			tokens[i] = in.Token
		})
	}
	wg.Wait()
	for _, token := range tokens {
		if token == old || token != tokens[0] {
			t.Error("the parallel logins did not agree on one new token")
		}
	}
	if _, err := second.Verify(t.Context(), old); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("the old token: %v", err)
	}
}

func TestWithoutKeyring(t *testing.T) {
	store := durintest.New(t).Store
	if _, err := durin.New(t.Context(), durin.Options{Store: store}); err == nil || !strings.Contains(err.Error(), "ReuseWithoutKey") {
		t.Errorf("%v", err)
	}
	g := durintest.New(t, withPeople, func(o *durin.Options) { o.Keyring, o.ReuseWithoutKey = nil, durin.PolicyReplace })
	g.Client(durin.Client{Name: "web"})
	first := login(t, g, "ada", "web").Token
	login(t, g, "ada", "web")
	verify(t, g, first, durin.ErrInvalidToken)
}

func TestExpiryAndRenewal(t *testing.T) {
	g := durintest.New(t)
	g.Client(durin.Client{Name: "web", TTL: time.Hour, MaxLife: 90 * time.Minute})
	token := g.Token("ada", "web")
	s := verify(t, g, token, nil)
	g.Clock.Advance(time.Hour) // the last good instant
	verify(t, g, token, nil)
	renewed, err := g.Renew(t.Context(), s)
	if err != nil || !renewed.Session.ExpiresAt.Equal(s.IssuedAt.Add(90*time.Minute)) {
		t.Fatalf("%v %v: not capped by MaxLife", renewed.Session.ExpiresAt, err)
	}
	g.Clock.Advance(30 * time.Minute)
	verify(t, g, token, nil)
	g.Clock.Advance(time.Microsecond)
	verify(t, g, token, durin.ErrExpired)
	if _, err := g.Renew(t.Context(), s); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("renewing an expired one: %v", err)
	}
}

func TestSlidingExpiry(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.FlushEvery = time.Hour })
	g.Client(durin.Client{Name: "web", TTL: time.Hour, Sliding: 10 * time.Minute, MaxLife: 3 * time.Hour})
	token := g.Token("ada", "web")
	first := verify(t, g, token, nil).ExpiresAt
	for range 3 { // each use within the hour keeps it alive, none is written
		g.Clock.Advance(55 * time.Minute)
		verify(t, g, token, nil)
	}
	list, err := g.Sessions(t.Context(), browse.Query{UserID: "ada"})
	if err != nil || !list[0].ExpiresAt.Equal(first) {
		t.Fatalf("the store was written on the way: %v %v", list, err)
	}
	if _, err := g.Renew(t.Context(), verify(t, g, token, nil)); err != nil {
		t.Errorf("a session whose new expiry is not written yet does not renew: %v", err)
	}
	g.Clock.Advance(16 * time.Minute) // past MaxLife
	verify(t, g, token, durin.ErrExpired)
}

func TestASlidingSessionIdleTooLongIsOver(t *testing.T) {
	g := durintest.New(t)
	g.Client(durin.Client{Name: "web", TTL: time.Hour, Sliding: 10 * time.Minute})
	token := g.Token("ada", "web")
	g.Clock.Advance(30 * time.Minute)
	verify(t, g, token, nil)
	g.Clock.Advance(time.Hour + time.Microsecond)
	verify(t, g, token, durin.ErrExpired)
}

func TestEndingsAreFeltAtOnce(t *testing.T) {
	for name, end := range map[string]func(*durintest.Guard, *durin.Session) error{
		"log out": func(g *durintest.Guard, s *durin.Session) error { return g.LogOut(context.Background(), s) },
		"log out everywhere": func(g *durintest.Guard, s *durin.Session) error {
			return g.LogOutEverywhere(context.Background(), s)
		},
		"end by id": func(g *durintest.Guard, s *durin.Session) error {
			_, err := g.End(context.Background(), durin.Selection{ID: s.ID})
			return err
		},
		"delete the client": func(g *durintest.Guard, s *durin.Session) error {
			return g.DeleteClient(context.Background(), s.Client.Name)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := durintest.New(t)
			token := g.Token("ada", "web")
			s := verify(t, g, token, nil)
			if err := end(g, s); err != nil {
				t.Fatal(err)
			}
			verify(t, g, token, durin.ErrInvalidToken)
		})
	}
}

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

func TestHooks(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	count := func(name string) func(context.Context, durin.Event) {
		return func(_ context.Context, e durin.Event) {
			mu.Lock()
			defer mu.Unlock()
			seen[name]++
			if e.At.IsZero() {
				t.Errorf("%s: no instant", name)
			}
		}
	}
	refuse := errors.New("not now")
	var veto error
	g := durintest.New(t, withPeople, func(o *durin.Options) {
		o.Hooks = durin.Hooks{
			Created: count("created"), Renewed: count("renewed"), Expired: count("expired"), Revoked: count("revoked"),
			LoggedIn: count("logged in"), LoggedOut: count("logged out"), LoginFailed: count("login failed"), Throttled: count("throttled"),
			Issuing: func(context.Context, durin.Event) error { return veto },
		}
		o.RefreshOnLogin = true
	})
	g.Client(durin.Client{Name: "web", TTL: time.Hour, Rate: durin.Rate{N: 0, Period: time.Minute}})
	in := login(t, g, "ada", "web")
	login(t, g, "ada", "web")
	_, _ = g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "x", Client: "web"})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Token "+in.Token.Reveal())
	g.Throttle()(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	if err := g.LogOut(t.Context(), &in.Session); err != nil {
		t.Fatal(err)
	}
	last := login(t, g, "ada", "web").Token
	g.Clock.Advance(2 * time.Hour)
	for range 3 {
		verify(t, g, last, durin.ErrExpired)
	}
	veto = refuse
	if _, err := g.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: "right", Client: "web"}); !errors.Is(err, refuse) {
		t.Errorf("Issuing did not refuse: %v", err)
	}
	want := map[string]int{"created": 2, "renewed": 1, "expired": 1, "revoked": 1, "logged in": 3, "logged out": 1, "login failed": 1, "throttled": 1}
	for name, n := range want {
		if seen[name] != n {
			t.Errorf("%s: %d times, want %d", name, seen[name], n)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	store := durintest.New(t).Store
	for name, o := range map[string]durin.Options{
		"no store":     {ReuseWithoutKey: durin.PolicyReplace},
		"empty scheme": {Store: store, ReuseWithoutKey: durin.PolicyReplace, Schemes: []string{""}},
		"blank scheme": {Store: store, ReuseWithoutKey: durin.PolicyReplace, Schemes: []string{"My Token"}},
		"short token":  {Store: store, ReuseWithoutKey: durin.PolicyReplace, TokenLength: 8},
		"bad prefix":   {Store: store, ReuseWithoutKey: durin.PolicyReplace, TokenPrefix: "a b"},
		"negative TTL": {Store: store, ReuseWithoutKey: durin.PolicyReplace, TokenTTL: -time.Hour},
	} {
		if g, err := durin.New(t.Context(), o); err == nil {
			_ = g.Close(t.Context())
			t.Errorf("%s: taken", name)
		}
	}
}
