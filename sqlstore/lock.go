package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

const (
	// schemaKey and sequenceKey are ours among the advisory locks of a
	// PostgreSQL database.
	schemaKey   = "431332026734"
	sequenceKey = "431332026735"
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
		return alone(ctx, conn, func() error { return work(ctx, session{engine: e, on: conn}) })
	case PostgreSQL:
		return lockedByKey(ctx, e, db, work)
	}
	return lockedByName(ctx, e, db, work)
}

// lockedByKey does everything in one transaction, to which the lock belongs: so
// it works through a pooler, too.
func lockedByKey(ctx context.Context, e *engine, db *sql.DB, work func(context.Context, session) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	t := session{engine: e, on: tx}
	if err := t.exec(ctx, "SELECT pg_advisory_xact_lock("+schemaKey+")"); err != nil {
		return err
	}
	if err := work(ctx, t); err != nil {
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
