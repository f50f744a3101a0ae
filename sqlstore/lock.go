package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

const (
	// schemaKey is ours among the advisory locks of a PostgreSQL database.
	schemaKey = "431332026734"
	// lockName is ours among the named locks of a MySQL server: one for each
	// database on it.
	lockName = "CONCAT('durin.', LEFT(SHA1(DATABASE()), 32))"
	// lockSeconds is how long MySQL waits before it is asked again.
	lockSeconds = 5
)

var errLockWait = errors.New("sqlstore: another program has been changing the schema for too long")

// locked runs work while no other program changes the schema.
func locked(ctx context.Context, e *engine, db *sql.DB, work func(context.Context, session) error) error {
	switch e.dialect {
	case SQLite:
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		return alone(ctx, conn, func(tx *sql.Tx) error { return lockedByTable(ctx, session{engine: e, on: tx}, work) })
	case PostgreSQL:
		return lockedByKey(ctx, e, db, work)
	}
	return lockedByName(ctx, e, db, work)
}

// lockedByTable takes SQLite's write lock by making a table, which is gone again
// before the work begins: there need not be any to take it with.
func lockedByTable(ctx context.Context, t session, work func(context.Context, session) error) error {
	for _, text := range []string{"CREATE TABLE durin_lock (n BIGINT)", "DROP TABLE durin_lock"} {
		if err := t.exec(ctx, text); err != nil {
			return err
		}
	}
	return work(ctx, t)
}

// lockedByKey does everything in one transaction, to which the lock belongs: so
// it works through a pooler, too. Engines that speak PostgreSQL's language and
// have no such lock go without: of several programs that begin at once one then
// succeeds, and the others fail.
func lockedByKey(ctx context.Context, e *engine, db *sql.DB, work func(context.Context, session) error) error {
	err := inOneTransaction(ctx, e, db, func(ctx context.Context, t session) error {
		if err := t.exec(ctx, "SELECT pg_advisory_xact_lock("+schemaKey+")"); err != nil {
			return lockError{err}
		}
		return work(ctx, t)
	})
	if hasNoLock(err) {
		return inOneTransaction(ctx, e, db, work)
	}
	return err
}

// A lockError is the failure to get the lock.
type lockError struct{ error }

func (e lockError) Unwrap() error { return e.error }

// hasNoLock reports whether the engine does not know the lock: CockroachDB has no
// such function (42883), YugabyteDB one that it does not carry out (0A000).
func hasNoLock(err error) bool {
	var lock lockError
	var state interface{ SQLState() string }
	return errors.As(err, &lock) && errors.As(err, &state) && (state.SQLState() == "42883" || state.SQLState() == "0A000")
}

func inOneTransaction(ctx context.Context, e *engine, db *sql.DB, work func(context.Context, session) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := work(ctx, session{engine: e, on: tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// lockedByName holds the lock on one connection, which is closed afterwards: that
// frees the lock whatever happened.
func lockedByName(ctx context.Context, e *engine, db *sql.DB, work func(context.Context, session) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer discard(conn)
	t := session{engine: e, on: conn}
	for {
		var got number
		if err := t.row(ctx, "SELECT GET_LOCK("+lockName+", ?)", lockSeconds).Scan(&got); err != nil {
			return err
		}
		if !got.set {
			return errLockWait
		}
		if got.n == 1 {
			return work(ctx, t)
		}
	}
}
