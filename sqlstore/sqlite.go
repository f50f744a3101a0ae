package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"time"
)

// endTimeout bounds the end of a transaction whose context is gone.
const endTimeout = 5 * time.Second

// takeLock changes nothing, and has the write lock afterwards.
const takeLock = "UPDATE durin_schema SET name = name WHERE 0"

// transactAlone runs work in a SQLite transaction that takes the write lock
// first: one that reads first and writes later fails at once when somebody else
// has written in between, however long it would be ready to wait.
func (s *Store) transactAlone(ctx context.Context, work func(context.Context, session) error) error {
	s.written.prepareDue(ctx)
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return alone(ctx, conn, func(tx *sql.Tx) error {
		t := s.inside(tx)
		if err := t.exec(ctx, takeLock); err != nil {
			return err
		}
		return work(ctx, t)
	})
}

// alone runs work in a transaction on conn; work must begin with a statement that
// writes, and so has the lock. Only the beginning ends with ctx, not the commit.
// Whatever happens, conn is in no transaction afterwards, or is closed.
func alone(ctx context.Context, conn *sql.Conn, work func(*sql.Tx) error) error {
	// A context that ends while its transaction lasts would roll it back at any
	// moment, beside us.
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	tx, err := conn.BeginTx(lasting, nil)
	done := false
	defer func() {
		if !done && (tx == nil || tx.Rollback() != nil) {
			rollback(ctx, conn) // an interrupted BEGIN may have begun
		}
	}()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	defer time.AfterFunc(endTimeout, cancel).Stop()
	if err := tx.Commit(); err != nil {
		return err
	}
	done = true
	return nil
}

// rollback ends the transaction, if there is one: SQLite may have ended it by
// itself. A connection of which that is not certain is closed, which ends it too.
func rollback(ctx context.Context, conn *sql.Conn) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	_, err := conn.ExecContext(ending, "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		discard(conn)
	}
}

// discard closes the connection behind conn rather than give it back.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
