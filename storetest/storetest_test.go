package storetest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/storetest"
	"github.com/durin-go/durin/transfer"
)

// TestFaulty holds a store to the contract that is only late, and so lets calls
// meet in other orders.
func TestFaulty(t *testing.T) {
	storetest.Run(t, func(t *testing.T) durin.Store {
		return storetest.Faulty(memstore.New(), storetest.Faults{MaxDelay: 50 * time.Microsecond})
	})
}

// A store of no more than the required interface, and each of the others.
type (
	plain    struct{ durin.Store }
	users    struct{ durin.UserStore }
	importer struct{ transfer.Importer }
	outbox   struct{ nodes.Outbox }
)

func TestPlain(t *testing.T) {
	storetest.Run(t, func(t *testing.T) durin.Store { return plain{memstore.New()} })
}

func TestFaultyInterfaces(t *testing.T) {
	p, u, i, o := plain{}, users{}, importer{}, outbox{}
	for name, s := range map[string]durin.Store{
		"none": p,
		"users": struct {
			plain
			users
		}{p, u},
		"import": struct {
			plain
			importer
		}{p, i},
		"outbox": struct {
			plain
			outbox
		}{p, o},
		"users, import": struct {
			plain
			users
			importer
		}{p, u, i},
		"users, outbox": struct {
			plain
			users
			outbox
		}{p, u, o},
		"import, outbox": struct {
			plain
			importer
			outbox
		}{p, i, o},
		"all": struct {
			plain
			users
			importer
			outbox
		}{p, u, i, o},
	} {
		got := storetest.Faulty(s, storetest.Faults{})
		if kinds(got) != kinds(s) {
			t.Errorf("%s: %v, want %v", name, kinds(got), kinds(s))
		}
	}
}

// kinds tells which of the optional interfaces s has.
func kinds(s durin.Store) (k [3]bool) {
	_, k[0] = s.(durin.UserStore)
	_, k[1] = s.(transfer.Importer)
	_, k[2] = s.(nodes.Outbox)
	return k
}

func TestFaultyFails(t *testing.T) {
	broken := errors.New("broken")
	inner := memstore.New()
	fail := func(which string) func(context.Context, string) error {
		return func(_ context.Context, method string) error {
			if method == which {
				return broken
			}
			return nil
		}
	}
	s := storetest.Faulty(inner, storetest.Faults{Before: fail("CreateClient"), After: fail("CreateUser")})
	if c, err := s.CreateClient(t.Context(), durin.Client{Name: "web", TTL: time.Hour}); err != broken || c != (durin.Client{}) {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := s.ClientByName(t.Context(), "web"); !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("the call that failed reached the store: %v", err)
	}
	if u, err := s.(durin.UserStore).CreateUser(t.Context(), durin.User{Name: "ada"}); err != broken || u != (durin.User{}) {
		t.Errorf("got %+v, %v", u, err)
	}
	if _, err := inner.UserByName(t.Context(), "ada"); err != nil {
		t.Errorf("the call whose answer was lost did not reach the store: %v", err)
	}
}

func TestFaultyDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := storetest.Faulty(memstore.New(), storetest.Faults{MaxDelay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		for ctx.Err() == nil {
			_ = s.Ping(ctx)
		}
		if passed := time.Since(begin); passed != time.Second {
			t.Errorf("a call was held for %v beyond its context", passed-time.Second)
		}
	})
}
