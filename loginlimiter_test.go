package durin_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/loginlimit"
)

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
