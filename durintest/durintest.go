// Package durintest is for the tests of applications that use Durin: a Guard on
// a store in memory, a clock that the test moves, and requests of signed-in
// users.
//
//	g := durintest.New(t)
//	r := g.SignedIn(httptest.NewRequest("GET", "/things", nil), "42", "web")
//	g.Require(things).ServeHTTP(w, r)
package durintest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
)

// A Guard is a *durin.Guard whose store and clock are at hand.
type Guard struct {
	*durin.Guard
	Store *memstore.Store
	Clock *Clock
	tb    testing.TB
	// As the Options say.
	cookie, scheme string
}

// New returns a Guard on an empty store, closed at the end of the test. change
// alters its options before it is made; the store, the clock, a fresh key and a
// silent log are set already. Its clock stands at 2030-01-02T03:04:05Z.
func New(tb testing.TB, change ...func(*durin.Options)) *Guard {
	tb.Helper()
	clock := &Clock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	store := memstore.New()
	ring, err := keyring.New(clock.Now())
	if err != nil {
		tb.Fatal(err)
	}
	o := durin.Options{Store: store, Keyring: ring, Now: clock.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	g, err := durin.New(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := g.Close(context.Background()); err != nil {
			tb.Errorf("durintest: close: %v", err)
		}
	})
	made := &Guard{Guard: g, Store: store, Clock: clock, tb: tb, cookie: durin.DefaultCookie, scheme: "Token"}
	if o.CookieName != "" {
		made.cookie = o.CookieName
	}
	if len(o.Schemes) > 0 {
		made.scheme = o.Schemes[0]
	}
	return made
}

// Client makes sure that there is a client with c's name, and returns it. A TTL
// of zero becomes the Guard's.
func (g *Guard) Client(c durin.Client) durin.Client {
	g.tb.Helper()
	made, err := g.CreateClient(context.Background(), c)
	if errors.Is(err, durin.ErrExists) {
		made, err = g.Store.ClientByName(context.Background(), c.Name)
	}
	if err != nil {
		g.tb.Fatal(err)
	}
	return made
}

// Token returns a live token of the user for the client, which is made when it
// is not there.
func (g *Guard) Token(userID, client string) durin.Secret {
	g.tb.Helper()
	g.Client(durin.Client{Name: client})
	issued, err := g.Issue(context.Background(), durin.IssueRequest{UserID: userID, Client: client})
	if err != nil {
		g.tb.Fatal(err)
	}
	return issued.Token
}

// SignedIn returns r with a live token of the user for the client, in the way in
// which that client's tokens travel.
func (g *Guard) SignedIn(r *http.Request, userID, client string) *http.Request {
	g.tb.Helper()
	r = r.Clone(r.Context())
	token := g.Token(userID, client).Reveal()
	if g.Client(durin.Client{Name: client}).Cookie {
		r.AddCookie(&http.Cookie{Name: g.cookie, Value: token})
	} else {
		r.Header.Set("Authorization", g.scheme+" "+token)
	}
	return r
}

// A Clock stands until it is moved. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the instant at which the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d, backwards when d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
