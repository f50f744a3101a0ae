package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

const (
	// oftenRun is how often a text is run until it is kept prepared.
	oftenRun = 4
	// maxKept is how many texts a handle keeps prepared at most.
	maxKept = 100
	// maxCounted is of how many others it knows how often they were run.
	maxCounted = 400
	// maxText is how long a text is at most that is kept, in bytes: a statement
	// on many rows takes much memory, and little of its time is its preparation.
	maxText = 1000
)

// Kept statements are those that a handle often runs: they are prepared once for
// each of its connections, and freed with it. None is let go for another: of those
// whose texts are put together from filters some stay outside.
type kept struct {
	db *sql.DB

	mu    sync.Mutex
	ready map[string]*sql.Stmt
	runs  map[string]int // of other texts
	due   []string       // those to prepare before the next transaction
	done  bool
}

func keep(db *sql.DB) *kept {
	return &kept{db: db, ready: map[string]*sql.Stmt{}, runs: map[string]int{}}
}

// find returns the statement, or nil, and then whether it is the caller's to
// prepare it.
func (k *kept) find(query string) (stmt *sql.Stmt, due bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if stmt := k.ready[query]; stmt != nil {
		return stmt, false
	}
	if k.done || len(k.ready) >= maxKept || len(query) > maxText {
		return nil, false
	}
	if len(k.runs) >= maxCounted {
		clear(k.runs)
	}
	k.runs[query]++
	return nil, k.runs[query] == oftenRun
}

// prepare takes the text in. Where that fails it is counted anew.
func (k *kept) prepare(ctx context.Context, query string) *sql.Stmt {
	stmt, err := k.db.PrepareContext(ctx, query)
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.runs, query)
	if err != nil {
		return nil
	}
	if k.done || k.ready[query] != nil || len(k.ready) >= maxKept {
		_ = stmt.Close()
		return nil
	}
	k.ready[query] = stmt
	return stmt
}

// inside is find within a transaction. Nothing can be prepared on the handle there,
// which may have no other connection: prepareDue does it before the next one.
func (k *kept) inside(query string) *sql.Stmt {
	stmt, due := k.find(query)
	if due {
		k.mu.Lock()
		k.due = append(k.due, query)
		k.mu.Unlock()
	}
	return stmt
}

func (k *kept) prepareDue(ctx context.Context) {
	if k == nil {
		return
	}
	k.mu.Lock()
	due := k.due
	k.due = nil
	k.mu.Unlock()
	for _, query := range due {
		k.prepare(ctx, query)
	}
}

// close frees the statements. What is run later is run unprepared.
func (k *kept) close() error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	ready := k.ready
	k.ready, k.done = nil, true
	k.mu.Unlock()
	var all error
	for _, stmt := range ready {
		all = errors.Join(all, stmt.Close())
	}
	return all
}

// A reader is a handle for queries on no transaction, with statements that are kept.
type reader struct {
	*sql.DB
	kept *kept
}

func (r reader) stmt(ctx context.Context, query string) *sql.Stmt {
	stmt, due := r.kept.find(query)
	if due {
		stmt = r.kept.prepare(ctx, query)
	}
	return stmt
}

func (r reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := r.stmt(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return r.DB.QueryContext(ctx, query, args...)
}

func (r reader) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := r.stmt(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return r.DB.QueryRowContext(ctx, query, args...)
}

// A prepared handle is a transaction's. It runs the kept statements prepared, and
// if all is set every other one too, until the transaction ends.
type prepared struct {
	tx    *sql.Tx
	kept  *kept // may be nil
	all   bool
	stmts map[string]*sql.Stmt
}

// preparing returns t on a handle that prepares each statement, where statements are
// prepared at all: for units of work that run the same few for many rows.
func (t session) preparing() session {
	if p, ok := t.on.(*prepared); ok {
		t.on = &prepared{tx: p.tx, kept: p.kept, all: true}
	}
	return t
}

// stmt returns nil for a statement that is to be run unprepared.
func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := p.stmts[query]; stmt != nil {
		return stmt, nil
	}
	var stmt *sql.Stmt
	if p.kept != nil {
		if stmt = p.kept.inside(query); stmt != nil {
			stmt = p.tx.StmtContext(ctx, stmt)
		}
	}
	if stmt == nil {
		if !p.all {
			return nil, nil
		}
		var err error
		if stmt, err = p.tx.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	if p.stmts == nil {
		p.stmts = map[string]*sql.Stmt{}
	}
	p.stmts[query] = stmt
	return stmt, nil
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return p.tx.ExecContext(ctx, query, args...)
	}
	return stmt.ExecContext(ctx, args...)
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return p.tx.QueryContext(ctx, query, args...)
	}
	return stmt.QueryContext(ctx, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := p.stmt(ctx, query)
	if err != nil || stmt == nil { // what could not be prepared fails alike
		return p.tx.QueryRowContext(ctx, query, args...)
	}
	return stmt.QueryRowContext(ctx, args...)
}
