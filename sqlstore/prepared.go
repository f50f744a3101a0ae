package sqlstore

import (
	"context"
	"database/sql"
	"sync"
)

// A prepared handle prepares each statement once, for units of work that run the
// same few statements for many rows.
type prepared struct {
	on    handle
	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// preparing returns t on a prepared handle, where statements are prepared at all,
// and what frees it.
func (t session) preparing() (session, func()) {
	if !t.prepares {
		return t, func() {}
	}
	p := &prepared{on: t.on, stmts: map[string]*sql.Stmt{}}
	t.on = p
	return t, p.close
}

func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stmt := p.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := p.on.PrepareContext(ctx, query)
	if err == nil {
		p.stmts[query] = stmt
	}
	return stmt, err
}

func (p *prepared) close() {
	for _, stmt := range p.stmts {
		_ = stmt.Close()
	}
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := p.stmt(ctx, query)
	if err != nil {
		return p.on.QueryRowContext(ctx, query, args...) // it fails alike
	}
	return stmt.QueryRowContext(ctx, args...)
}

func (p *prepared) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.on.PrepareContext(ctx, query)
}
