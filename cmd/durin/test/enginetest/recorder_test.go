package enginetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"sync"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// A recorder keeps the statements that a handle runs, with one set of their
// arguments.
type recorder struct {
	mu   sync.Mutex
	seen map[string][]any
	// deleted counts the rows that the present transaction has deleted, most
	// those of the one that deleted most: one writes at a time here.
	deleted, most int64
	// step, when set, is called before each statement, commit before each commit.
	step, commit func()
	// prepared counts how often each text was prepared.
	prepared map[string]int
}

// recorded returns a handle on d whose statements are kept.
func recorded(t *testing.T, d servers.Database) (*sql.DB, *recorder) {
	r := &recorder{seen: map[string][]any{}, prepared: map[string]int{}}
	db := sql.OpenDB(connector{d: d, driver: d.Open(t).Driver(), r: r})
	t.Cleanup(func() { _ = db.Close() })
	return db, r
}

func (r *recorder) note(query string, args []driver.NamedValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.step != nil {
		r.step()
	}
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a.Value
	}
	r.seen[strings.TrimSpace(query)] = values
}

type connector struct {
	d      servers.Database
	driver driver.Driver
	r      *recorder
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.d.DSN)
	if err != nil {
		return nil, err
	}
	return recordingConn{conn, c.r}, nil
}

type recordingConn struct {
	driver.Conn
	r *recorder
}

// result counts what a statement has deleted.
func (r *recorder) result(query string, result driver.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case strings.HasPrefix(query, "BEGIN"):
		r.deleted = 0
	case strings.HasPrefix(query, "DELETE"):
		n, _ := result.RowsAffected()
		r.deleted += n
		r.most = max(r.most, r.deleted)
	}
}

func (c recordingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.r.result("BEGIN", nil)
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return recordingTx{tx, c.r}, err
}

type recordingTx struct {
	driver.Tx
	r *recorder
}

func (t recordingTx) Commit() error {
	t.r.mu.Lock()
	commit := t.r.commit
	t.r.mu.Unlock()
	if commit != nil {
		commit()
	}
	return t.Tx.Commit()
}

func (c recordingConn) Prepare(query string) (driver.Stmt, error) {
	c.r.mu.Lock()
	c.r.prepared[query]++
	c.r.mu.Unlock()
	stmt, err := c.Conn.Prepare(query)
	return recordingStmt{stmt, query, c.r}, err
}

type recordingStmt struct {
	driver.Stmt
	query string
	r     *recorder
}

func (s recordingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.r.note(s.query, args)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s recordingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.r.note(s.query, args)
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if err == nil {
		s.r.result(s.query, result)
	}
	return result, err
}

func (c recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.r.note(query, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c recordingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.r.note(query, args)
	result, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if err == nil {
		c.r.result(query, result)
	}
	return result, err
}
