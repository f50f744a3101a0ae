// Package memstore keeps clients, users and tokens in memory, for tests and
// demonstrations: a process that ends forgets them all. It serves one process
// and has no outbox. It does everything in the plainest way, so that it tells
// what other stores must do.
package memstore

import (
	"context"
	"errors"
	"sync"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

// A Store is a durin.Store, durin.UserStore, durin.ResourceServerStore,
// transfer.Importer, durin.Browser and audit.Store. It is safe for concurrent use.
type Store struct {
	mu    sync.Mutex
	state *state

	audit auditLog
}

var (
	_ durin.Store               = (*Store)(nil)
	_ durin.UserStore           = (*Store)(nil)
	_ durin.ResourceServerStore = (*Store)(nil)
	_ transfer.Importer         = (*Store)(nil)
	_ transfer.Exporter         = (*Store)(nil)
	_ transfer.LegacyStore      = (*Store)(nil)
	_ durin.Browser             = (*Store)(nil)
)

// New returns an empty store.
func New() *Store { return &Store{state: newState()} }

// Ping reports whether ctx has ended; nothing else can be wrong with memory.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// view runs f alone, unless ctx has ended. What f returns an error for, it must
// not have begun.
func (s *Store) view(ctx context.Context, f func(*state) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(s.state)
}

// errChanged tells that a row is not as it was read.
var errChanged = errors.New("memstore: changed meanwhile")

// update is a read, a change and a write of a row. The change runs outside the
// lock, for it may use the store; when the row was changed meanwhile, all is
// done again.
func update[T comparable](ctx context.Context, s *Store, read func(*state) (T, error), change func(*T) error, write func(st *state, old, changed T) error) error {
	for {
		var old T
		err := s.view(ctx, func(st *state) (err error) {
			old, err = read(st)
			return err
		})
		if err != nil {
			return err
		}
		changed := old
		if err := change(&changed); err != nil {
			return err
		}
		err = s.view(ctx, func(st *state) error {
			if now, err := read(st); err != nil {
				return err
			} else if now != old {
				return errChanged
			}
			return write(st, old, changed)
		})
		if !errors.Is(err, errChanged) {
			return err
		}
	}
}
