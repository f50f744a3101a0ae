package storetest

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/transfer"
)

// Faults are what Faulty does to a Store. The zero value does nothing. The
// functions may be called by many goroutines at once; method is the name of
// the method, "Issue".
type Faults struct {
	// MaxDelay bounds the random delay before and after each call. Zero:
	// none. A delay ends when the call's context does.
	MaxDelay time.Duration
	// Before, when set, is called before each call. Its error is returned
	// in place of the call: the store has done nothing. It may block, to
	// hold a call back.
	Before func(ctx context.Context, method string) error
	// After, when set, is called after each call that went well. Its error
	// is returned in place of the results: the store has done its work,
	// and nobody hears of it.
	After func(ctx context.Context, method string) error
}

// Faulty returns a Store that passes each call on to s, late or not at all, as
// f says. It is a durin.UserStore, transfer.Importer and nodes.Outbox exactly if
// s is one, and a durin.ResourceServerStore, transfer.LegacyStore and transfer.Exporter
// if s is all of these, keeps users and imports.
func Faulty(s durin.Store, f Faults) durin.Store {
	store := &faultyStore{s, f}
	users, hasUsers := s.(durin.UserStore)
	importer, imports := s.(transfer.Importer)
	outbox, hasOutbox := s.(nodes.Outbox)
	type (
		u = faultyUsers
		i = faultyImporter
		o = faultyOutbox
	)
	servers, hasServers := s.(durin.ResourceServerStore)
	legacy, hasLegacy := s.(transfer.LegacyStore)
	exporter, exports := s.(transfer.Exporter)
	rr, ll := &faultyServers{servers, f}, &faultyMoves{legacy, exporter, f}
	hasServers = hasServers && hasLegacy && exports
	switch uu, ii, oo := (&u{users, f}), (&i{importer, f}), (&o{outbox, f}); {
	case hasServers && hasUsers && imports && hasOutbox:
		return struct {
			*faultyStore
			*u
			*i
			*o
			*faultyServers
			*faultyMoves
		}{store, uu, ii, oo, rr, ll}
	case hasServers && hasUsers && imports:
		return struct {
			*faultyStore
			*u
			*i
			*faultyServers
			*faultyMoves
		}{store, uu, ii, rr, ll}
	case hasUsers && imports && hasOutbox:
		return struct {
			*faultyStore
			*u
			*i
			*o
		}{store, uu, ii, oo}
	case hasUsers && imports:
		return struct {
			*faultyStore
			*u
			*i
		}{store, uu, ii}
	case hasUsers && hasOutbox:
		return struct {
			*faultyStore
			*u
			*o
		}{store, uu, oo}
	case imports && hasOutbox:
		return struct {
			*faultyStore
			*i
			*o
		}{store, ii, oo}
	case hasUsers:
		return struct {
			*faultyStore
			*u
		}{store, uu}
	case imports:
		return struct {
			*faultyStore
			*i
		}{store, ii}
	case hasOutbox:
		return struct {
			*faultyStore
			*o
		}{store, oo}
	}
	return store
}

// call makes one call with its faults. lose is called when its results are not
// to be handed on.
func (f Faults) call(ctx context.Context, method string, call func() error, lose func()) error {
	f.delay(ctx)
	if f.Before != nil {
		if err := f.Before(ctx, method); err != nil {
			return err
		}
	}
	err := call()
	if err == nil && f.After != nil {
		if err = f.After(ctx, method); err != nil {
			lose()
		}
	}
	f.delay(ctx)
	return err
}

func (f Faults) delay(ctx context.Context) {
	if f.MaxDelay <= 0 {
		return
	}
	timer := time.NewTimer(rand.N(f.MaxDelay + 1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// one is a call with one result, two is one with two.
func one[A any](ctx context.Context, f Faults, method string, call func() (A, error)) (a A, err error) {
	err = f.call(ctx, method, func() (err error) {
		a, err = call()
		return err
	}, func() { a = *new(A) })
	return a, err
}

func two[A, B any](ctx context.Context, f Faults, method string, call func() (A, B, error)) (a A, b B, err error) {
	err = f.call(ctx, method, func() (err error) {
		a, b, err = call()
		return err
	}, func() { a, b = *new(A), *new(B) })
	return a, b, err
}

func none(ctx context.Context, f Faults, method string, call func() error) error {
	return f.call(ctx, method, call, func() {})
}
