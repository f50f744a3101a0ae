package durin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
)

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

// rotating has a client whose renewals replace the token.
func rotating(t *testing.T, change ...func(*durin.Options)) *durintest.Guard {
	t.Helper()
	g := durintest.New(t, change...)
	g.Client(durin.Client{Name: "app", TTL: time.Hour, MaxLife: 90 * time.Minute, Policy: durin.PolicyEvict, MaxTokens: 3, Rotate: 30 * time.Second})
	return g
}

func renew(t *testing.T, g *durintest.Guard, token durin.Secret) durin.Issued {
	t.Helper()
	issued, err := g.Renew(t.Context(), verify(t, g, token, nil))
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func TestRenewalReplacesTheToken(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"cached": 0, "not cached": -1} {
		t.Run(name, func(t *testing.T) {
			g := rotating(t, func(o *durin.Options) { o.CacheTTL = ttl })
			a := g.Token("ada", "app")
			before := verify(t, g, a, nil)
			g.Clock.Advance(time.Minute)
			first := renew(t, g, a)
			if first.Token == "" || first.Token == a || !first.Renewed || first.Reused {
				t.Fatalf("%+v", first)
			}
			b := verify(t, g, first.Token, nil)
			if b.ID != before.ID || !b.Created.Equal(before.Created) || !b.IssuedAt.Equal(before.IssuedAt) || !b.ExpiresAt.Equal(g.Clock.Now().Add(time.Hour)) {
				t.Errorf("the session was %+v and is %+v", before, b)
			}
			// The old one, for its grace: another caller gets the same new one.
			g.Clock.Advance(30 * time.Second)
			old := verify(t, g, a, nil)
			if old.ID != before.ID || old.ReplacedBy == nil || !old.ExpiresAt.Equal(g.Clock.Now()) {
				t.Errorf("in its grace: %+v", old)
			}
			if second := renew(t, g, a); second.Token != first.Token || !second.Reused || second.Renewed {
				t.Errorf("the second caller: %+v", second)
			}
			list, err := g.Sessions(t.Context(), browse.Query{UserID: "ada"})
			if err != nil || len(list) != 1 || list[0].ID != before.ID {
				t.Errorf("sessions: %v, %v", list, err)
			}
			// The cap counts from the issue.
			g.Clock.Advance(50 * time.Minute)
			third := renew(t, g, first.Token)
			if !third.Session.ExpiresAt.Equal(before.IssuedAt.Add(90 * time.Minute)) {
				t.Errorf("expires %v, issued %v", third.Session.ExpiresAt, before.IssuedAt)
			}
			g.Clock.Advance(40 * time.Minute)
			verify(t, g, third.Token, durin.ErrExpired)
		})
	}
}

// TestReplacedTokenTooLate: the session of a token that is presented after its
// grace ends, and no other; it is told once.
func TestReplacedTokenTooLate(t *testing.T) {
	for name, present := range map[string]func(g *durintest.Guard, old durin.Secret, s *durin.Session) error{
		"check": func(g *durintest.Guard, old durin.Secret, _ *durin.Session) error {
			_, err := g.Verify(context.Background(), old)
			return err
		},
		"renewal": func(g *durintest.Guard, _ durin.Secret, s *durin.Session) error {
			_, err := g.Renew(context.Background(), s)
			return err
		},
		"prolonging": func(g *durintest.Guard, _ durin.Secret, s *durin.Session) error {
			_, err := g.Prolong(context.Background(), s)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var told []durin.Event
			var changes []durin.Change
			var log bytes.Buffer
			g := rotating(t, func(o *durin.Options) {
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				o.Hooks.Replayed = func(_ context.Context, e durin.Event) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, e)
				}
				o.Hooks.Changed = func(_ context.Context, c durin.Change) {
					mu.Lock()
					defer mu.Unlock()
					if c.What == "token.replay" {
						changes = append(changes, c)
					}
				}
			})
			other := g.Token("ada", "app")
			a := g.Token("ada", "app")
			s := *verify(t, g, a, nil)
			b := renew(t, g, a).Token
			c := renew(t, g, b).Token
			g.Clock.Advance(30 * time.Second)
			verify(t, g, a, nil)
			verify(t, g, b, nil)
			g.Clock.Advance(time.Microsecond)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := present(g, a, &s); !errors.Is(err, durin.ErrInvalidToken) {
						t.Errorf("presented late: %v", err)
					}
				})
			}
			wg.Wait()
			for _, token := range []durin.Secret{a, b, c} {
				verify(t, g, token, durin.ErrInvalidToken)
			}
			verify(t, g, other, nil)
			if len(told) != 1 || told[0].Session.ID != s.ID || told[0].UserID != "ada" || told[0].Client != "app" || len(changes) != 1 || changes[0].Ended.ID != s.ID {
				t.Errorf("told %+v, changes %+v", told, changes)
			}
			if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, fmt.Sprintf("session=%d", s.ID)) {
				t.Errorf("logged %q", text)
			}
			for _, token := range []durin.Secret{a, b, c} {
				if strings.Contains(log.String(), token.Reveal()) {
					t.Error("a token is in the log")
				}
			}
			if n := g.Stats().Ended.Replayed; n != 1 {
				t.Errorf("%d tokens counted", n)
			}
		})
	}
}

// TestEndedInItsGrace: whatever ends the session ends both of its tokens, by
// whichever it was asked for.
func TestEndedInItsGrace(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, g *durintest.Guard, a durin.Secret, s *durin.Session) error{
		"log out": func(ctx context.Context, g *durintest.Guard, _ durin.Secret, s *durin.Session) error {
			return g.LogOut(ctx, s)
		},
		"log out everywhere": func(ctx context.Context, g *durintest.Guard, _ durin.Secret, s *durin.Session) error {
			return g.LogOutEverywhere(ctx, s)
		},
		"by the token": func(ctx context.Context, g *durintest.Guard, a durin.Secret, _ *durin.Session) error {
			ended, err := g.EndToken(ctx, a)
			if err == nil && !ended {
				err = errors.New("not ended")
			}
			return err
		},
		"by its id": func(ctx context.Context, g *durintest.Guard, _ durin.Secret, s *durin.Session) error {
			_, err := g.End(ctx, durin.Selection{ID: s.ID})
			return err
		},
		"with the client": func(ctx context.Context, g *durintest.Guard, _ durin.Secret, _ *durin.Session) error {
			return g.DeleteClient(ctx, "app")
		},
	} {
		g := rotating(t)
		a := g.Token("ada", "app")
		direct := *verify(t, g, a, nil) // as a request holds it that began before the renewal
		b := renew(t, g, a).Token
		verify(t, g, a, nil)
		verify(t, g, b, nil)
		if err := end(t.Context(), g, a, &direct); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		verify(t, g, a, durin.ErrInvalidToken)
		verify(t, g, b, durin.ErrInvalidToken)
		if _, err := g.Renew(t.Context(), &direct); !errors.Is(err, durin.ErrInvalidToken) {
			t.Errorf("%s: renewed with %v", name, err)
		}
	}
}

func TestRotationFollowsUserAndClient(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.Users = o.Store.(durin.UserStore) })
	g.Client(durin.Client{Name: "app", Rotate: time.Minute, Sliding: time.Second})
	u, err := g.CreateUser(t.Context(), durin.User{Name: "ada", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	a := g.Token(u.ID, "app")
	b := renew(t, g, a).Token
	verify(t, g, a, nil)
	set := func(active bool) {
		if _, err := g.UpdateUser(t.Context(), u.ID, func(u *durin.User) error { u.Active = active; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	verify(t, g, a, durin.ErrInactive)
	verify(t, g, b, durin.ErrInactive)
	set(true)
	verify(t, g, a, nil)
	if _, err := g.UpdateClient(t.Context(), "app", func(c *durin.Client) error { c.Description, c.Rotate = "new", 0; return nil }); err != nil {
		t.Fatal(err)
	}
	if s := verify(t, g, a, nil); s.Client.Description != "new" {
		t.Error("the client as it was")
	}
	if again := renew(t, g, a); again.Token != b {
		t.Error("who has the old one does not get the new one any more")
	}
	if stays := renew(t, g, b); stays.Token != "" || !stays.Renewed {
		t.Errorf("%+v: the client says so no more", stays)
	}
	// Uses move the expiry of the session, not the grace.
	g.Clock.Advance(time.Minute)
	verify(t, g, a, nil)
	verify(t, g, b, nil)
	g.Clock.Advance(time.Microsecond)
	verify(t, g, a, durin.ErrInvalidToken)
}

func TestRotationAndKeys(t *testing.T) {
	bare := durintest.New(t, func(o *durin.Options) { o.Keyring, o.ReuseWithoutKey = nil, durin.PolicyReplace })
	var fault *durin.FieldError
	if _, err := bare.CreateClient(t.Context(), durin.Client{Name: "app", Rotate: time.Minute}); !errors.As(err, &fault) || fault.Field != "rotate" {
		t.Errorf("made without keys: %v", err)
	}
	bare.Client(durin.Client{Name: "app", TTL: time.Hour})
	if _, err := bare.UpdateClient(t.Context(), "app", func(c *durin.Client) error { c.Rotate = time.Minute; return nil }); !errors.As(err, &fault) {
		t.Errorf("changed without keys: %v", err)
	}
	// Keys that got lost: renewals keep the token, and all else may be changed.
	if _, err := bare.Store.UpdateClient(t.Context(), "app", bare.Clock.Now(), func(c *durin.Client) error { c.Rotate = time.Minute; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := bare.UpdateClient(t.Context(), "app", func(c *durin.Client) error { c.TTL = 2 * time.Hour; return nil }); err != nil {
		t.Errorf("the client cannot be changed without keys: %v", err)
	}
	a := bare.Token("ada", "app")
	if got := renew(t, bare, a); got.Token != "" || !got.Renewed {
		t.Errorf("without keys: %+v", got)
	}
	verify(t, bare, a, nil)
	// Another key in the middle of a grace: a new token for all who ask.
	g := rotating(t)
	a = g.Token("ada", "app")
	b := renew(t, g, a).Token
	ring, err := keyring.New(g.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	g.SetKeyring(ring)
	c := renew(t, g, a)
	if c.Token == b || !c.Renewed {
		t.Errorf("with a seal that cannot be opened: %+v", c)
	}
	if again := renew(t, g, b); again.Token != c.Token {
		t.Error("two present tokens")
	}
	for _, token := range []durin.Secret{a, b, c.Token} {
		verify(t, g, token, nil)
	}
}

func TestProlongKeepsTheToken(t *testing.T) {
	g := rotating(t)
	a := g.Token("ada", "app")
	g.Clock.Advance(time.Minute)
	s, err := g.Prolong(t.Context(), verify(t, g, a, nil))
	if err != nil || !s.ExpiresAt.Equal(g.Clock.Now().Add(time.Hour)) {
		t.Errorf("%v, %v", s.ExpiresAt, err)
	}
	if s := verify(t, g, a, nil); s.ReplacedBy != nil {
		t.Error("the token was replaced by somebody else than its owner")
	}
}

// TestParallelRenewals: all who renew one token get the same new one, and none of
// them is ended for it.
func TestParallelRenewals(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { r := &restless{o.Store, o.Store.(durin.UserStore)}; o.Store = r })
	g.Client(durin.Client{Name: "app", TTL: time.Hour, Policy: durin.PolicyEvict, MaxTokens: 1, Rotate: time.Minute})
	for round := range 50 {
		a := g.Token(fmt.Sprint(round), "app")
		tokens := make([]durin.Secret, 8)
		var wg sync.WaitGroup
		for i := range tokens {
			wg.Go(func() {
				s, err := g.Verify(context.Background(), a)
				if err == nil {
					var issued durin.Issued
					issued, err = g.Renew(context.Background(), s)
					tokens[i] = issued.Token
				}
				if err != nil {
					t.Errorf("a renewal beside others: %v", err)
				}
			})
		}
		wg.Wait()
		for _, token := range tokens {
			if token != tokens[0] || token == "" {
				t.Fatal("callers got different tokens")
			}
		}
		verify(t, g, tokens[0], nil)
	}
}

func TestEndToken(t *testing.T) {
	k := &keeper{Store: memstore.New()}
	k.take(t, ofText, time.Time{}, "a", "b")
	g := k.guard(t)
	wantCheck(t, g, "a", nil)
	for _, c := range []struct {
		token string
		ended bool
	}{{"a", true}, {"b", true}, {"b", false}, {"c", false}, {"a b", false}} {
		if ended, err := g.EndToken(t.Context(), durin.Secret(c.token)); err != nil || ended != c.ended {
			t.Errorf("%s: ended %v, %v", c.token, ended, err)
		}
		wantCheck(t, g, c.token, durin.ErrInvalidToken)
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

// TestCeilings: whatever renews or slides, a life time that was given for one token
// is its end.
func TestCeilings(t *testing.T) {
	for name, c := range map[string]durin.Client{
		"fixed":    {Name: "web", TTL: 90 * 24 * time.Hour},
		"sliding":  {Name: "web", TTL: 90 * 24 * time.Hour, Sliding: time.Minute},
		"rotating": {Name: "web", TTL: 90 * 24 * time.Hour, Rotate: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			g := durintest.New(t, func(o *durin.Options) { o.FlushEvery = time.Hour })
			g.Client(c)
			issued, err := g.Issue(t.Context(), durin.IssueRequest{UserID: "ada", Client: "web", TTL: 15 * time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			end, token := g.Now().Add(15*time.Minute), issued.Token
			for range 7 {
				g.Clock.Advance(2 * time.Minute)
				s := verify(t, g, token, nil)
				renewed, err := g.Renew(t.Context(), s)
				if err != nil || !renewed.Session.ExpiresAt.Equal(end) || !renewed.Session.Ceiling.Equal(end) {
					t.Fatalf("renewed until %v, %v; want %v", renewed.Session.ExpiresAt, err, end)
				}
				if renewed.Token != "" {
					token = renewed.Token
				}
				verify(t, g, token, nil)
				if err := g.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			g.Clock.Advance(time.Minute)
			verify(t, g, token, nil)
			g.Clock.Advance(time.Second)
			verify(t, g, token, durin.ErrExpired)
		})
	}
}

// TestScannersFindOurs holds the pattern that docs/security.md publishes, and the
// checksum, to a large text of look-alikes: all of ours are found, and nothing
// else.
func TestScannersFindOurs(t *testing.T) {
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\\bacme_.*$`).Find(page)
	if line == nil {
		t.Fatal("docs/security.md has no pattern")
	}
	pattern := regexp.MustCompile(string(line))
	g := durintest.New(t, func(o *durin.Options) { o.TokenPrefix = "acme" })
	g.Client(durin.Client{Name: "web", Policy: durin.PolicyEvict, MaxTokens: 1000})
	random := rand.New(rand.NewPCG(3, 5))
	word := func(n int) string {
		const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		b := make([]byte, n)
		for i := range b {
			b[i] = digits[random.IntN(len(digits))]
		}
		return string(b)
	}
	ours := map[string]bool{}
	var text strings.Builder
	quotes := []string{"\"%s\"", "token=%s&", "Authorization: Token %s\n", " %s ", "(%s)", "https://example.org/?t=%s#x", "'%s',", "%s\n"}
	put := func(s string) { fmt.Fprintf(&text, " "+quotes[random.IntN(len(quotes))], s) }
	for i := range 100_000 {
		if i%500 == 0 {
			token := g.Token("ada", "web").Reveal()
			ours[token] = true
			put(token)
			swapped := token[:20] + token[21:22] + token[20:21] + token[22:] // mistyped
			if swapped != token {
				put(swapped)
			}
			put(token + "0")
			put("x" + token)
			put(token[:len(token)-1])
			put(strings.ToUpper(token))
		}
		switch random.IntN(6) {
		case 0:
			put("acme_" + word(49)) // the form, and a wrong checksum
		case 1:
			put("acme_" + word(random.IntN(60)))
		case 2:
			put("acmf_" + word(49))
		case 3:
			put(word(64))
		case 4:
			put("acme-" + word(49))
		default:
			put("ghp_" + word(36))
		}
	}
	alike := 0
	for _, found := range pattern.FindAllString(text.String(), -1) {
		if !g.Possible(durin.Secret(found)) {
			alike++
			continue
		}
		if !ours[found] {
			t.Errorf("a look-alike is taken for ours")
		}
		delete(ours, found)
	}
	if len(ours) > 0 || alike < 10_000 {
		t.Errorf("%d of ours are not found; %d look-alikes were told by their checksum", len(ours), alike)
	}
}

// A use that moved the expiry before the ceiling came, and is not written yet, moves
// nothing beyond it.
func TestCeilingThatComesAfterAUse(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.FlushEvery = time.Hour })
	g.Client(durin.Client{Name: "web", TTL: time.Hour, Sliding: time.Minute})
	token := g.Token("1", "web")
	g.Clock.Advance(10 * time.Minute)
	if _, err := g.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	again, err := g.Issue(t.Context(), durin.IssueRequest{UserID: "1", Client: "web", TTL: 15 * time.Minute})
	if err != nil || again.Token != token {
		t.Fatalf("%+v, %v: want the same token", again, err)
	}
	g.Clock.Advance(16 * time.Minute)
	if s, err := g.Verify(t.Context(), token); !errors.Is(err, durin.ErrExpired) {
		t.Errorf("beyond its ceiling: %+v, %v", s, err)
	}
}

// What a session asks for ends with it, also when it is ended at the same time.
func TestTokenAskedForByASessionThatEnds(t *testing.T) {
	var end func()
	g := durintest.New(t, func(o *durin.Options) {
		o.Hooks.Issuing = func(context.Context, durin.Event) error {
			if end != nil {
				end()
			}
			return nil
		}
	})
	g.Client(durin.Client{Name: "web"})
	g.Client(durin.Client{Name: "key", TTL: durin.Never})
	by, err := g.Verify(t.Context(), g.Token("1", "web"))
	if err != nil {
		t.Fatal(err)
	}
	ask := durin.IssueRequest{UserID: "1", Client: "key", By: by, Single: true}
	if _, err := g.Issue(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	end = func() {
		if _, err := g.End(t.Context(), durin.Selection{UserID: "1"}); err != nil {
			t.Error(err)
		}
	}
	if issued, err := g.Issue(t.Context(), ask); !errors.Is(err, durin.ErrInvalidToken) || issued.Token != "" {
		t.Errorf("%v, want ErrInvalidToken", err)
	}
	if left, err := g.Sessions(t.Context(), browse.Query{UserID: "1"}); err != nil || len(left) > 0 {
		t.Errorf("left are %+v, %v", left, err)
	}
}
