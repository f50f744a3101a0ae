package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// A Dialect names the engine behind a *sql.DB.
type Dialect string

const (
	// SQLite is version 3.37 or later.
	SQLite Dialect = "sqlite"
	// PostgreSQL is version 12 or later.
	PostgreSQL Dialect = "postgres"
	// MySQL is MySQL 8.0 or MariaDB 10.5, or later.
	MySQL Dialect = "mysql"
)

// An engine is what differs between dialects. All other SQL text is the same,
// written with ? for its parameters.
type engine struct {
	dialect Dialect
	// numbered parameters are $1, $2.
	numbered bool
	// oneWriter says that a writing transaction locks the whole database, so
	// that rows need no locks of their own.
	oneWriter bool
	// forShare and forUpdate end a SELECT that locks the rows it reads
	// against change and deletion, and against locking by others.
	forShare, forUpdate string
	// onConflict turns an INSERT into an update of the row with that key; %s
	// is the key's columns.
	onConflict string
	// advance moves the source of new ids of a {table} above all that are in
	// it; empty where that happens by itself.
	advance []string
	// hasTable counts the tables with the name given.
	hasTable string
}

var engines = map[Dialect]engine{
	SQLite: {
		dialect:    SQLite,
		oneWriter:  true,
		onConflict: " ON CONFLICT (%s) DO UPDATE SET ",
		hasTable:   "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
	},
	PostgreSQL: {
		dialect:    PostgreSQL,
		numbered:   true,
		forShare:   " FOR SHARE",
		forUpdate:  " FOR UPDATE",
		onConflict: " ON CONFLICT (%s) DO UPDATE SET ",
		// Those who advance wait for each other, others do not: a sequence is
		// only moved on, so at worst a number is given out that is taken, and
		// the insert is tried again.
		advance: []string{
			"SELECT version FROM durin_schema WHERE version = 1 FOR UPDATE",
			"SELECT CASE WHEN COALESCE(pg_sequence_last_value(CAST(pg_get_serial_sequence('{table}', 'id') AS regclass)), 0) < t.highest THEN setval(pg_get_serial_sequence('{table}', 'id'), t.highest) END " +
				"FROM (SELECT COALESCE(MAX(id), 0) AS highest FROM {table}) AS t",
		},
		hasTable: "SELECT COUNT(*) FROM (SELECT 1 WHERE to_regclass(?) IS NOT NULL) AS t",
	},
	MySQL: {
		dialect:    MySQL,
		forShare:   " LOCK IN SHARE MODE",
		forUpdate:  " FOR UPDATE",
		onConflict: " ON DUPLICATE KEY UPDATE ",
		hasTable:   "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
	},
}

func engineOf(d Dialect) (engine, error) {
	e, ok := engines[d]
	if !ok {
		return engine{}, fmt.Errorf("sqlstore: %q is not one of the dialects sqlite, postgres and mysql", string(d))
	}
	return e, nil
}

// bind writes the parameters of query in the engine's way. No statement of ours
// has a question mark for anything else.
func (e *engine) bind(query string) string {
	if !e.numbered {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n := 0
	for {
		i := strings.IndexByte(query, '?')
		if i < 0 {
			b.WriteString(query)
			return b.String()
		}
		n++
		b.WriteString(query[:i])
		fmt.Fprintf(&b, "$%d", n)
		query = query[i+1:]
	}
}

// upsert is the end of an INSERT that meets a row with the same key.
func (e *engine) upsert(key string) string {
	if !strings.Contains(e.onConflict, "%s") {
		return e.onConflict
	}
	return fmt.Sprintf(e.onConflict, key)
}

// A handle is a *sql.DB, *sql.Conn or *sql.Tx, or one that prepares for it.
type handle interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// A session speaks an engine's dialect on a handle, in a transaction or not.
type session struct {
	*engine
	on handle
}

func (t session) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.on.ExecContext(ctx, t.bind(query), args...)
	return err
}

func (t session) row(ctx context.Context, query string, args ...any) *sql.Row {
	return t.on.QueryRowContext(ctx, t.bind(query), args...)
}

// each calls scan for every row of query.
func (t session) each(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := t.on.QueryContext(ctx, t.bind(query), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// has reports whether query finds a row.
func (t session) has(ctx context.Context, query string, args ...any) (bool, error) {
	found := false
	err := t.each(ctx, func(*sql.Rows) error { found = true; return nil }, query, args...)
	return found, err
}

// repeat runs query once for each list of arguments.
func (t session) repeat(ctx context.Context, query string, n int, args func(i int) []any) error {
	if n > 1 {
		t = t.preparing()
	}
	for i := range n {
		if err := t.exec(ctx, query, args(i)...); err != nil {
			return err
		}
	}
	return nil
}

// advanceIDs makes the next id of table higher than all that were given
// explicitly.
func (t session) advanceIDs(ctx context.Context, table string) error {
	for _, text := range t.advance {
		if err := t.exec(ctx, strings.ReplaceAll(text, "{table}", table)); err != nil {
			return err
		}
	}
	return nil
}
