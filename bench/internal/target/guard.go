// Package target makes what is measured: a Guard on a database of many tokens,
// and handlers that a Go developer might put before an API.
package target

import (
	"context"
	"log/slog"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/sqlstore"
)

// A Guarded is a Guard with its database open.
type Guarded struct {
	*durin.Guard
	DB    *dataset.DB
	Store *sqlstore.Store
}

// NewGuard opens the file and puts a Guard on it, with the options that change
// makes of the defaults.
func NewGuard(ctx context.Context, path string, change func(*durin.Options)) (*Guarded, error) {
	db, err := dataset.Open(path)
	if err != nil {
		return nil, err
	}
	store, err := db.Store(ctx)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.New(time.Now())
	if err != nil {
		return nil, err
	}
	o := durin.Options{Store: store, Users: store, Keyring: ring, CacheTTL: time.Hour, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	g, err := durin.New(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Guarded{g, db, store}, nil
}

// Close stops everything.
func (g *Guarded) Close() {
	_ = g.Guard.Close(context.Background())
	_ = g.Store.Close()
	g.DB.Close()
}

// Warm checks the first n tokens once.
func (g *Guarded) Warm(ctx context.Context, tokens []durin.Secret) error {
	for _, t := range tokens {
		if _, err := g.Verify(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
