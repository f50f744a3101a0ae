package durin_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/loginlimit"
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

// guess logs in with a password and reports whether that was right.
func guess(g *durintest.Guard, name, password, address, known string) bool {
	_, err := g.Login(context.Background(), durin.LoginRequest{
		Name: name, Password: durin.Secret(password), Client: "web", Address: netip.MustParseAddr(address), KnownUser: known,
	})
	return err == nil
}

func TestALockedAccountAnswersLikeAWrongPassword(t *testing.T) {
	g := durintest.New(t, withPeople)
	g.Client(durin.Client{Name: "web"})
	for range 9 {
		guess(g, "ada", "x", "192.0.2.1", "")
	}
	if !guess(g, "ada", "right", "192.0.2.1", "") {
		t.Error("refused below ten failures")
	}
	for range 10 {
		guess(g, "ada", "x", "192.0.2.1", "")
	}
	if guess(g, "ada", "right", "192.0.2.1", "") {
		t.Error("let in although the account is locked for the address")
	}
	if !guess(g, "ada", "right", "198.51.100.1", "") {
		t.Error("one address locks the account for another")
	}
	for range 10 {
		guess(g, "ada", "x", "192.0.2.2", "")
	}
	if guess(g, "ada", "right", "198.51.100.1", "") {
		t.Error("let in although the account is locked")
	}
	if !guess(g, "bob", "right", "192.0.2.1", "") {
		t.Error("another account is locked with it")
	}
	g.Clock.Advance(31 * time.Second)
	if !guess(g, "ada", "right", "198.51.100.1", "") {
		t.Error("still locked after the lock")
	}
}

func TestAKnownDeviceGetsIn(t *testing.T) {
	g := durintest.New(t, withPeople)
	users := durintest.New(t, withPeople, func(o *durin.Options) { o.Store, o.Users = g.Store, g.Store })
	u, err := g.Store.CreateUser(t.Context(), durin.User{ID: "7", Name: "7", Active: true, Password: "!"})
	if err != nil {
		t.Fatal(err)
	}
	users.Client(durin.Client{Name: "web"})
	for i := range 20 {
		guess(users, u.Name, "x", "192.0.2."+strconv.Itoa(i), "")
	}
	if guess(users, u.Name, "right", "198.51.100.1", "") {
		t.Error("a stranger gets in")
	}
	if guess(users, u.Name, "right", "198.51.100.1", "8") {
		t.Error("somebody else's device gets in")
	}
	if !guess(users, u.Name, "right", "198.51.100.1", u.ID) {
		t.Error("the known device does not get in")
	}
}

// slow is an Authenticator that takes its time.
type slow struct {
	people
	running, most, calls atomic.Int64
}

func (s *slow) Authenticate(ctx context.Context, name string, password durin.Secret) (durin.User, error) {
	s.calls.Add(1)
	n := s.running.Add(1)
	defer s.running.Add(-1)
	for old := s.most.Load(); n > old && !s.most.CompareAndSwap(old, n); old = s.most.Load() {
	}
	time.Sleep(time.Second)
	return s.people.Authenticate(ctx, name, password)
}

func TestACrowdThatKnowsThePasswordGetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		auth := &slow{}
		g := durintest.New(t, func(o *durin.Options) { o.Authenticator, o.Now = auth, nil })
		g.Client(durin.Client{Name: "web"})
		var wg sync.WaitGroup
		var in atomic.Int64
		for range 100 {
			wg.Go(func() {
				if guess(g, "ada", "right", "192.0.2.1", "") {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 100 || auth.most.Load() > 10 {
			t.Errorf("%d of 100 let in, %d at once", in.Load(), auth.most.Load())
		}
		var right atomic.Int64
		for range 100 {
			wg.Go(func() {
				if guess(g, "bob", "x", "192.0.2.2", "") {
					right.Add(1)
				}
			})
		}
		wg.Wait()
		if right.Load() != 0 {
			t.Error("wrong passwords got in")
		}
	})
}

func TestALoginThatWaitsEndsWithItsContext(t *testing.T) {
	limiter := loginlimit.New(loginlimit.Numbers{})
	a := durin.LoginAttempt{At: time.Now(), Name: "ada"}
	for range 10 {
		if ok, err := limiter.Admit(t.Context(), a); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := limiter.Admit(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// fragile panics when it is told to.
type fragile struct{ broken bool }

func (f *fragile) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	switch {
	case f.broken:
		panic("broken")
	case password.Reveal() != "right":
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "u-" + name, Name: name}, nil
}

func TestAnAuthenticatorThatPanicsBlocksNobody(t *testing.T) {
	f := &fragile{broken: true}
	g := durintest.New(t, func(o *durin.Options) { o.Authenticator = f })
	g.Client(durin.Client{Name: "web"})
	req := durin.LoginRequest{Name: "ada", Password: "right", Client: "web", Address: netip.MustParseAddr("192.0.2.1")}
	for range 10 { // as many as failures lock the account for the address
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = g.Login(t.Context(), req)
		}()
	}
	f.broken = false
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := g.Login(ctx, req); err != nil {
		t.Error("the next login waits for those that panicked:", err)
	}
}

// Behind a proxy on this host that is not among the trusted ones everybody has its
// address: a stranger's guesses must not count as those of all.
func TestAStrangerBehindAProxyThatIsNotNamedLocksOutNobody(t *testing.T) {
	for header, want := range map[string]bool{"X-Forwarded-For": true, "Forwarded": true, "X-Other": false} {
		g := durintest.New(t, withPeople)
		g.Client(durin.Client{Name: "web"})
		try := func(name, password, caller string) bool {
			r := httptest.NewRequest("POST", "/login/", nil)
			r.RemoteAddr = "127.0.0.1:4711"
			r.Header.Set(header, caller)
			_, err := g.Login(t.Context(), durin.LoginRequest{Name: name, Password: durin.Secret(password), Client: "web", Address: g.Address(r)})
			return err == nil
		}
		for i := range 120 {
			try("nobody "+strconv.Itoa(i), "x", "198.51.100.1")
		}
		if got := try("ada", "right", "203.0.113.1"); got != want {
			t.Errorf("with %s somebody else is let in: %v, want %v", header, got, want)
		}
		for range 10 {
			try("bob", "x", "198.51.100.1")
		}
		if try("bob", "right", "198.51.100.1") {
			t.Errorf("with %s nothing limits the guesses at one account", header)
		}
	}
}
