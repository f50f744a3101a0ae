package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/transfer"
)

// Options of a Store. The zero value is what most programs want.
type Options struct {
	// Reader is a second handle on the same database file for queries, on
	// SQLite only. Nil: all use one handle.
	Reader *sql.DB
	// Timeout bounds a call on top of its context. Zero: 5 seconds. What may
	// touch many rows (End, MarkUser, DeleteUser, Import, Seals) has twelve times
	// as long.
	Timeout time.Duration
	// NoPrepare keeps the store from preparing statements by itself, for
	// poolers like PgBouncer that give each transaction another connection.
	// The driver must be told as well: for pgx, default_query_exec_mode=exec.
	NoPrepare bool
	// KeepUsage is how long before the instant of a Prune the daily counts of
	// users are kept. Zero: 400 days, a year and some days to look back on it.
	// Negative: for ever. Those of all users together stay.
	KeepUsage time.Duration
	// Observe, when set, is called at the beginning of each call that asks the
	// database, with the words that its errors have, like "looking up a token":
	// a few dozen, none of them from data. The function that it returns is
	// called at the end, with the error; the context is the call's. It is for
	// metrics and traces.
	Observe func(ctx context.Context, call string) (context.Context, func(error))
}

const (
	defaultTimeout = 5 * time.Second
	longWork       = 12 // times the time-out
	keepUsage      = 400 * 24 * time.Hour
)

// A Store keeps clients, users and tokens in a database. It is a durin.Store,
// durin.UserStore, durin.ResourceServerStore, transfer.Importer, transfer.Exporter,
// transfer.LegacyStore, nodes.Outbox and durin.Browser, safe for concurrent use.
type Store struct {
	engine  engine
	db      *sql.DB
	reader  *sql.DB
	timeout time.Duration
	// keepUsage is Options.KeepUsage, negative for ever.
	keepUsage time.Duration
	prepare   bool
	observe   func(context.Context, string) (context.Context, func(error))
	lookup    *sql.Stmt // nil where nothing is prepared
	look      string    // its text
	// written and asked are the statements kept for db and reader; nil where
	// none are. Those of servers are prepared by their drivers, or not at all.
	written, asked *kept

	// turn lets one transaction write at a time where the engine does:
	// waiting for it ends with the context, and wakes in order.
	turn chan struct{}
	file *file // of the database; nil if there is none to watch

	// sweep is where the next Prune goes on looking for slots that nobody
	// needs.
	sweep sweep
}

var (
	_ durin.Store               = (*Store)(nil)
	_ durin.UserStore           = (*Store)(nil)
	_ durin.ResourceServerStore = (*Store)(nil)
	_ transfer.Importer         = (*Store)(nil)
	_ transfer.Exporter         = (*Store)(nil)
	_ transfer.LegacyStore      = (*Store)(nil)
	_ nodes.Outbox              = (*Store)(nil)
)

// Open returns a Store on db, which the caller has opened, and goes on to own.
// The schema must be there: see Migrate.
func Open(ctx context.Context, db *sql.DB, dialect Dialect, opts Options) (*Store, error) {
	e, err := engineOf(dialect)
	if err != nil {
		return nil, err
	}
	if opts.Reader != nil && dialect != SQLite {
		return nil, fmt.Errorf("sqlstore: a second handle for queries is for SQLite only")
	}
	s := &Store{engine: e, db: db, reader: db, timeout: opts.Timeout, keepUsage: cmp.Or(opts.KeepUsage, keepUsage), prepare: !opts.NoPrepare, observe: opts.Observe}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	if opts.Reader != nil {
		s.reader = opts.Reader
	}
	if e.oneWriter {
		s.turn = make(chan struct{}, 1)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := checkSchema(ctx, &e, db); err != nil {
		return nil, err
	}
	if s.file, err = watchFile(ctx, s); err != nil {
		return nil, err
	}
	s.look = s.engine.bind(lookupText)
	if s.prepare {
		if s.lookup, err = s.reader.PrepareContext(ctx, s.look); err != nil {
			return nil, fmt.Errorf("sqlstore: preparing the look-up: %w", err)
		}
	}
	if s.prepare && dialect == SQLite {
		s.written = keep(s.db)
		if s.asked = s.written; s.reader != s.db {
			s.asked = keep(s.reader)
		}
	}
	return s, nil
}

// Close frees what the Store has prepared. The handles stay open.
func (s *Store) Close() error {
	if s.lookup == nil {
		return nil
	}
	return errors.Join(s.lookup.Close(), s.written.close(), s.asked.close())
}

// Ping implements durin.Store: the database answers, has the schema, and was not
// found to be damaged.
func (s *Store) Ping(ctx context.Context) error {
	err := s.read(ctx, "asking the database", func(ctx context.Context, t session) error {
		return checkVersion(ctx, t)
	})
	return cmp.Or(err, s.file.damaged())
}

// asking is a session for queries on no transaction.
func (s *Store) asking() session {
	if s.asked == nil {
		return session{engine: &s.engine, on: s.reader}
	}
	return session{engine: &s.engine, on: reader{s.reader, s.asked}}
}

// inside is a session in a transaction.
func (s *Store) inside(tx *sql.Tx) session {
	if !s.prepare {
		return session{engine: &s.engine, on: tx}
	}
	return session{engine: &s.engine, on: &prepared{tx: tx, kept: s.written}}
}

// read runs a query, on no transaction of its own.
func (s *Store) read(ctx context.Context, what string, work func(context.Context, session) error) error {
	return s.readWithin(ctx, s.timeout, what, work)
}

// readMuch is read for a query that may have to look at many rows.
func (s *Store) readMuch(ctx context.Context, what string, work func(context.Context, session) error) error {
	return s.readWithin(ctx, longWork*s.timeout, what, work)
}

func (s *Store) readWithin(ctx context.Context, limit time.Duration, what string, work func(context.Context, session) error) error {
	return s.bounded(ctx, limit, what, func(ctx context.Context) error {
		leave, err := s.file.enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		return work(ctx, s.asking())
	})
}

// write runs work in a transaction, and again when the engine asks for that. Work
// must set what it returns anew each time.
func (s *Store) write(ctx context.Context, what string, work func(context.Context, session) error) error {
	return s.bounded(ctx, s.timeout, what, func(ctx context.Context) error { return s.transact(ctx, work) })
}

// writeMuch is write for work on many rows.
func (s *Store) writeMuch(ctx context.Context, what string, work func(context.Context, session) error) error {
	return s.bounded(ctx, longWork*s.timeout, what, func(ctx context.Context) error { return s.transact(ctx, work) })
}

// bounded calls once, within limit, as often as is needed, and words its error.
func (s *Store) bounded(ctx context.Context, limit time.Duration, what string, once func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlstore: %s: %w", what, err)
	}
	if s.observe != nil {
		return s.observed(ctx, limit, what, once)
	}
	return s.within(ctx, limit, what, once)
}

func (s *Store) observed(ctx context.Context, limit time.Duration, what string, once func(context.Context) error) (err error) {
	ctx, done := s.observe(ctx, what)
	defer func() { done(err) }()
	return s.within(ctx, limit, what, once)
}

func (s *Store) within(ctx context.Context, limit time.Duration, what string, once func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.worded(ctx, what, retry(ctx, func() error { return once(ctx) }))
}

// worded tells what was attempted. When the context has ended that is why,
// however a driver puts it, unless the store's answer came before.
func (s *Store) worded(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	s.file.noteDamage(err)
	var answer *durin.Error
	if done := ctx.Err(); done != nil && !errors.As(err, &answer) && !errors.Is(err, done) {
		return fmt.Errorf("sqlstore: %s: %w (%w)", what, done, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}

// transact runs work in one transaction. Its commit does not end with ctx.
func (s *Store) transact(ctx context.Context, work func(context.Context, session) error) error {
	if s.turn != nil {
		select {
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	leave, err := s.file.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s.engine.oneWriter {
		return s.transactAlone(ctx, work)
	}
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := work(ctx, s.inside(tx)); err != nil {
		return err
	}
	return tx.Commit()
}
