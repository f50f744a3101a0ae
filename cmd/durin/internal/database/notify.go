package database

import (
	"context"
	"errors"

	"github.com/durin-go/durin/sqlstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNoNotify: the database has no LISTEN, or it cannot be reached through what
// stands between.
var ErrNoNotify = errors.New("there is no NOTIFY")

// notifyPool is how many connections announce at a time.
const notifyPool = 2

// NotifyPool is a small pool of connections for NOTIFY and LISTEN, which the
// caller closes. No connection is made yet. ErrNoNotify for engines other than
// PostgreSQL, and where the URL tells of a pooler.
func NotifyPool(ctx context.Context, t Target) (*pgxpool.Pool, error) {
	if t.Dialect != sqlstore.PostgreSQL {
		return nil, ErrNoNotify
	}
	cfg, err := pgxpool.ParseConfig(t.url.String())
	if err != nil {
		return nil, t.mask(err)
	}
	if behindPooler(cfg.ConnConfig) {
		return nil, ErrNoNotify
	}
	nameConnection(cfg.ConnConfig)
	cfg.MaxConns, cfg.MaxConnIdleTime, cfg.MaxConnLifetime = notifyPool, maxIdle, maxLife
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	return pool, t.mask(err)
}

// behindPooler reports whether the URL's parameters are those for a pooler that
// gives each transaction another connection.
func behindPooler(cfg *pgx.ConnConfig) bool {
	return cfg.DefaultQueryExecMode == pgx.QueryExecModeExec || cfg.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol
}

func nameConnection(cfg *pgx.ConnConfig) {
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "durin"
	}
}
