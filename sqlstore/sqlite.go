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

// transactAlone runs work in a SQLite transaction that takes the write lock
// first: one that reads first and writes later fails at once when somebody else
// has written in between, however long it would be ready to wait.
func (s *Store) transactAlone(ctx context.Context, work func(context.Context, session) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return alone(ctx, conn, func() error { return work(ctx, s.session(conn)) })
}

// alone runs work between BEGIN IMMEDIATE and COMMIT. Whatever happens, conn is
// in no transaction afterwards, or is closed.
func alone(ctx context.Context, conn *sql.Conn, work func() error) (err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		rollback(ctx, conn) // an interrupted BEGIN may have begun
		return err
	}
	done := false
	defer func() {
		if !done {
			rollback(ctx, conn)
		}
	}()
	if err := work(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if _, err := conn.ExecContext(ending, "COMMIT"); err != nil {
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
