package durin_test

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/transfer"
)

// keeper is a store that counts what is asked of legacy digests, and lets others
// go first at random points if it is told to.
type keeper struct {
	*memstore.Store
	adoptions, looks atomic.Int64
	pauses           bool
}

func (k *keeper) pause() {
	if k.pauses {
		pause()
	}
}

func (k *keeper) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	k.pause()
	defer k.pause()
	return k.Store.Lookup(ctx, d)
}

func (k *keeper) End(ctx context.Context, sel durin.Selection, now time.Time) ([]durin.Digest, error) {
	k.pause()
	defer k.pause()
	return k.Store.End(ctx, sel, now)
}

func (k *keeper) UpdateUser(ctx context.Context, id string, now time.Time, change func(*durin.User) error) (durin.User, []durin.Digest, error) {
	k.pause()
	defer k.pause()
	return k.Store.UpdateUser(ctx, id, now, change)
}

func (k *keeper) AdoptLegacy(ctx context.Context, legacy []transfer.LegacyDigest, d durin.Digest) (bool, error) {
	k.adoptions.Add(1)
	k.pause()
	defer k.pause()
	return k.Store.AdoptLegacy(ctx, legacy, d)
}

func (k *keeper) LegacyLeft(ctx context.Context) (bool, error) {
	k.looks.Add(1)
	return k.Store.LegacyLeft(ctx)
}

// take imports tokens of the user 1, ada, known by what hash gives.
func (k *keeper) take(t *testing.T, hash func(string) transfer.LegacyDigest, expires time.Time, tokens ...string) {
	t.Helper()
	zero := time.Now()
	rows := []transfer.Row{
		{Source: "t:client", Key: "1", Client: &durin.Client{Name: "knox", TTL: durin.Never, Policy: durin.PolicyEvict, MaxTokens: 9}},
		{Source: "t:user", Key: "1", User: &durin.User{ID: "1", Name: "ada", Active: true}},
	}
	for _, token := range tokens {
		l := hash(token)
		rows = append(rows, transfer.Row{Source: "t:token", Key: transfer.Placeholder(l).String(), Token: &transfer.Token{
			Digest: transfer.Placeholder(l), Legacy: &l, UserID: "1", Client: "knox", Created: zero, ExpiresAt: expires,
		}})
	}
	if _, err := k.Import(t.Context(), rows, zero, false); err != nil {
		t.Fatal(err)
	}
}

// ofText and ofBytes are what versions of knox have kept.
func ofText(token string) transfer.LegacyDigest { return sha512.Sum512([]byte(token)) }

func ofBytes(token string) transfer.LegacyDigest {
	raw, _ := hex.DecodeString(token)
	return sha512.Sum512(raw)
}

func (k *keeper) guard(t *testing.T) *durin.Guard {
	t.Helper()
	g, err := durin.New(t.Context(), durin.Options{Store: k, Users: k, ReuseWithoutKey: durin.PolicyReplace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.WithoutCancel(t.Context())) })
	return g
}

func wantCheck(t *testing.T, g *durin.Guard, token string, want error) *durin.Session {
	t.Helper()
	s, err := g.Verify(t.Context(), durin.Secret(token))
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", token, err, want)
	}
	return s
}

func TestLegacyTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{Store: memstore.New()}
		k.take(t, ofText, time.Time{}, "kx_a1", "a2a2")
		k.take(t, ofBytes, time.Time{}, "a3a3")
		k.take(t, ofText, time.Now().Add(-time.Hour), "old")
		g, other := k.guard(t), k.guard(t)
		for range 2 {
			for _, token := range []string{"kx_a1", "a2a2", "a3a3"} {
				for _, g := range []*durin.Guard{g, other} {
					if s := wantCheck(t, g, token, nil); s.UserName != "ada" || s.Digest != durin.Secret(token).Digest() {
						t.Errorf("%s: %+v", token, s)
					}
				}
			}
			wantCheck(t, g, "old", durin.ErrExpired)
		}
		if n := k.adoptions.Load(); n != 4 {
			t.Errorf("%d adoptions of four tokens", n)
		}
		// What stands for a token is none.
		for _, l := range []transfer.LegacyDigest{ofText("kx_a1")} {
			wantCheck(t, g, hex.EncodeToString(l[:]), durin.ErrInvalidToken)
			wantCheck(t, g, "durin legacy\x00"+string(l[:]), durin.ErrInvalidToken)
		}
		// With none left nothing is asked any more.
		time.Sleep(3 * time.Second)
		before := k.adoptions.Load()
		wantCheck(t, g, "stranger", durin.ErrInvalidToken)
		if k.adoptions.Load() != before {
			t.Error("a check looked for a legacy digest where there is none")
		}
		// An import under way.
		k.take(t, ofText, time.Time{}, "late")
		time.Sleep(3 * time.Second)
		wantCheck(t, g, "late", nil)
	})
}

func TestLegacyTokensOfInactiveUsers(t *testing.T) {
	k := &keeper{Store: memstore.New()}
	k.take(t, ofText, time.Time{}, "a", "b")
	g := k.guard(t)
	wantCheck(t, g, "a", nil)
	if _, err := g.UpdateUser(t.Context(), "1", func(u *durin.User) error { u.Active = false; return nil }); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, g, "a", durin.ErrInactive)
	wantCheck(t, g, "b", durin.ErrInactive)
}

// outOfOrder is a store whose legacy digests cannot be asked for.
type outOfOrder struct{ *keeper }

func (outOfOrder) AdoptLegacy(context.Context, []transfer.LegacyDigest, durin.Digest) (bool, error) {
	return false, errors.New("the database is away")
}

func TestLegacyOutage(t *testing.T) {
	k := &keeper{Store: memstore.New()}
	k.take(t, ofText, time.Time{}, "a")
	g, err := durin.New(t.Context(), durin.Options{Store: outOfOrder{k}, Users: k, ReuseWithoutKey: durin.PolicyReplace})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close(t.Context())
	wantCheck(t, g, "a", durin.ErrUnavailable)
}

// What is acknowledged about a token that is being adopted holds for every check
// that begins afterwards, on the node that did it.
func TestLegacyEndings(t *testing.T) {
	deeds := map[string]struct {
		do   func(ctx context.Context, g *durin.Guard, token string, id int64) error
		want error
	}{
		"end": {func(ctx context.Context, g *durin.Guard, _ string, id int64) error {
			n, err := g.End(ctx, durin.Selection{ID: id})
			if err == nil && n != 1 {
				err = fmt.Errorf("%d ended", n)
			}
			return err
		}, durin.ErrInvalidToken},
		"end token": {func(ctx context.Context, g *durin.Guard, token string, _ int64) error {
			_, err := g.EndToken(ctx, durin.Secret(token))
			return err
		}, durin.ErrInvalidToken},
		"deactivate": {func(ctx context.Context, g *durin.Guard, _ string, _ int64) error {
			_, err := g.UpdateUser(ctx, "1", func(u *durin.User) error { u.Active = false; return nil })
			return err
		}, durin.ErrInactive},
		"delete the user":   {func(ctx context.Context, g *durin.Guard, _ string, _ int64) error { return g.DeleteUser(ctx, "1") }, durin.ErrInvalidToken},
		"delete the client": {func(ctx context.Context, g *durin.Guard, _ string, _ int64) error { return g.DeleteClient(ctx, "knox") }, durin.ErrInvalidToken},
	}
	for name, deed := range deeds {
		t.Run(name, func(t *testing.T) {
			for i := range 60 {
				k := &keeper{Store: memstore.New(), pauses: true}
				token := fmt.Sprint("token", i)
				k.take(t, ofText, time.Time{}, token)
				g := k.guard(t)
				var acked atomic.Bool
				var group sync.WaitGroup
				for range 3 {
					group.Go(func() {
						for after := 0; after < 2; {
							late := acked.Load()
							_, err := g.Verify(t.Context(), durin.Secret(token))
							if late {
								if after++; !errors.Is(err, deed.want) {
									t.Errorf("round %d: %v, want %v", i, err, deed.want)
								}
							}
						}
					})
				}
				pause()
				if err := deed.do(t.Context(), g, token, 1); err != nil {
					t.Error(err)
				}
				acked.Store(true)
				group.Wait()
			}
		})
	}
}
