package durin_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// restless is a store that lets others go first at random points.
type restless struct {
	durin.Store
	durin.UserStore
}

func pause() {
	switch rand.IntN(4) {
	case 0:
		runtime.Gosched()
	case 1:
		time.Sleep(time.Duration(rand.IntN(60)) * time.Microsecond)
	}
}

func (r *restless) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	pause()
	defer pause()
	return r.Store.Lookup(ctx, d)
}

func (r *restless) End(ctx context.Context, sel durin.Selection, now time.Time) ([]durin.Digest, error) {
	pause()
	defer pause()
	return r.Store.End(ctx, sel, now)
}

func (r *restless) Renew(ctx context.Context, d durin.Digest, now time.Time) (durin.Session, error) {
	pause()
	defer pause()
	return r.Store.Renew(ctx, d, now)
}

func (r *restless) Rotate(ctx context.Context, x durin.Rotation) (durin.Rotated, error) {
	pause()
	defer pause()
	return r.Store.Rotate(ctx, x)
}

func (r *restless) Touch(ctx context.Context, uses []durin.Use) error {
	pause()
	defer pause()
	return r.Store.Touch(ctx, uses)
}

func (r *restless) UpdateClient(ctx context.Context, name string, now time.Time, change func(*durin.Client) error) (durin.Client, error) {
	pause()
	defer pause()
	return r.Store.UpdateClient(ctx, name, now, change)
}

func (r *restless) UpdateUser(ctx context.Context, id string, now time.Time, change func(*durin.User) error) (durin.User, []durin.Digest, error) {
	pause()
	defer pause()
	return r.UserStore.UpdateUser(ctx, id, now, change)
}

// A round has a token that is checked from several sides while one thing is done
// to it; what is acknowledged must hold for every check that begins afterwards.
type round struct {
	g      *durintest.Guard
	token  durin.Secret
	s      durin.Session
	client string
	acked  atomic.Bool
	fresh  atomic.Pointer[durin.Secret] // by a renewal
}

// deeds do something to the round's session and tell what a check must say
// afterwards.
var deeds = map[string]struct {
	do   func(r *round) error
	want error
}{
	"log out":            {func(r *round) error { return r.g.LogOut(context.Background(), &r.s) }, durin.ErrInvalidToken},
	"log out everywhere": {func(r *round) error { return r.g.LogOutEverywhere(context.Background(), &r.s) }, durin.ErrInvalidToken},
	"revoke": {func(r *round) error {
		_, err := r.g.End(context.Background(), durin.Selection{ID: r.s.ID})
		return err
	}, durin.ErrInvalidToken},
	"deactivate": {func(r *round) error {
		_, err := r.g.UpdateUser(context.Background(), r.s.UserID, func(u *durin.User) error { u.Active = false; return nil })
		return err
	}, durin.ErrInactive},
	"delete the user":   {func(r *round) error { return r.g.DeleteUser(context.Background(), r.s.UserID) }, durin.ErrInvalidToken},
	"delete the client": {func(r *round) error { return r.g.DeleteClient(context.Background(), r.client) }, durin.ErrInvalidToken},
	"change the client": {func(r *round) error {
		_, err := r.g.UpdateClient(context.Background(), r.client, func(c *durin.Client) error { c.Description = "changed"; return nil })
		return err
	}, nil},
}

func TestNothingEndedIsLetThrough(t *testing.T) {
	interleavings := 10_000
	if testing.Short() {
		interleavings = 1000
	}
	g := durintest.New(t, func(o *durin.Options) {
		store := o.Store.(durin.UserStore)
		r := &restless{o.Store, store}
		o.Store, o.Users = r, r
		o.FlushEvery = 200 * time.Microsecond
	})
	names := make([]string, 0, len(deeds))
	for name := range deeds {
		names = append(names, name)
	}
	const parallel = 4
	var wg sync.WaitGroup
	for worker := range parallel {
		wg.Go(func() {
			for i := range interleavings / parallel {
				name := names[rand.IntN(len(names))]
				if err := oneRound(g, fmt.Sprintf("%d-%d", worker, i), name); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func oneRound(g *durintest.Guard, id, deed string) error {
	ctx := context.Background()
	u, err := g.Store.CreateUser(ctx, durin.User{Name: id, Active: true, Password: "!"})
	if err != nil {
		return err
	}
	if _, err := g.CreateClient(ctx, durin.Client{Name: id, TTL: time.Hour, Sliding: time.Second, Rotate: time.Duration(rand.IntN(2)) * time.Minute}); err != nil {
		return err
	}
	issued, err := g.Issue(ctx, durin.IssueRequest{UserID: u.ID, Client: id})
	if err != nil {
		return err
	}
	r := &round{g: g, token: issued.Token, s: issued.Session, client: id}
	if rand.IntN(2) == 0 {
		_, _ = g.Verify(ctx, r.token) // a warm cache
	}
	var wg sync.WaitGroup
	faults := make([]error, 4)
	for i := range 3 {
		wg.Go(func() { faults[i] = r.watch(deeds[deed].want) })
	}
	wg.Go(func() {
		for range 2 {
			pause()
			issued, err := g.Renew(ctx, &r.s)
			if issued.Token != "" {
				r.fresh.Store(&issued.Token)
			}
			if err != nil && !errors.Is(err, durin.ErrInvalidToken) {
				faults[3] = err
			}
		}
	})
	pause()
	err = deeds[deed].do(r)
	r.acked.Store(true)
	wg.Wait()
	return errors.Join(append(faults, err)...)
}

// watch checks the token until some checks have begun after the acknowledgement.
func (r *round) watch(want error) error {
	for after := 0; after < 3; {
		acked := r.acked.Load()
		token := r.token
		if fresh := r.fresh.Load(); fresh != nil && rand.IntN(2) == 0 {
			token = *fresh
		}
		s, err := r.g.Verify(context.Background(), token)
		switch {
		case !acked:
		case !errors.Is(err, want):
			return fmt.Errorf("after the acknowledgement: %v, want %v", err, want)
		case want == nil && s.Client.Description != "changed":
			return errors.New("after the acknowledgement: the client as it was")
		}
		if acked {
			after++
		}
		pause()
	}
	return nil
}
