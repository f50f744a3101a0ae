package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/sqlstore"
)

// scalePostgres runs on a server, in schemas that are dropped at the end.
func (s *suite) scalePostgres() error {
	if !s.answers() {
		s.add(row{Figure: "scale", What: "PostgreSQL", Value: "not run: no server answers"})
		return nil
	}
	return s.scale("PostgreSQL", func(n int) (*scaled, error) {
		d := &scaled{n: n}
		schema := fmt.Sprintf("durin_scale_%d_%d", n, time.Now().UnixNano())
		whole, err := sql.Open("pgx", s.postgres)
		if err != nil {
			return nil, err
		}
		d.close = append(d.close, func() {
			_, _ = whole.ExecContext(context.WithoutCancel(s.ctx), "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
			_ = whole.Close()
		})
		if _, err := whole.ExecContext(s.ctx, "CREATE SCHEMA "+schema); err != nil {
			return d, err
		}
		inside := s.postgres + "&search_path=" + schema
		db, err := sql.Open("pgx", inside)
		if err != nil {
			return d, err
		}
		db.SetMaxIdleConns(4)
		d.close = append(d.close, func() { _ = db.Close() })
		if err := sqlstore.Migrate(s.ctx, db, sqlstore.PostgreSQL); err != nil {
			return d, err
		}
		if d.store, err = sqlstore.Open(s.ctx, db, sqlstore.PostgreSQL, sqlstore.Options{}); err != nil {
			return d, err
		}
		hash, err := s.userHash()
		if err != nil {
			return d, err
		}
		d.again = func(ctx context.Context, seen *transactions) (*sqlstore.Store, func(), error) {
			watched := sql.OpenDB(connector{inside, db.Driver(), seen})
			store, err := sqlstore.Open(ctx, watched, sqlstore.PostgreSQL, sqlstore.Options{})
			return store, func() { _ = watched.Close() }, err
		}
		if err := dataset.ScatterPostgres(s.ctx, db, d.store, n, hash); err != nil {
			return d, err
		}
		d.sizes, err = postgresSizes(s.ctx, db)
		return d, err
	})
}

func (s *suite) answers() bool {
	db, err := sql.Open("pgx", s.postgres)
	if err != nil {
		return false
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	return db.PingContext(ctx) == nil
}

func postgresSizes(ctx context.Context, db *sql.DB) ([]relation, error) {
	rows, err := db.QueryContext(ctx, `SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i') AND relname ~ '^durin_(token|slot|user)' ORDER BY relkind DESC, 2 DESC`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []relation
	for rows.Next() {
		var r relation
		if err := rows.Scan(&r.name, &r.size); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// scaleSQLite runs on files that go at the end.
func (s *suite) scaleSQLite() error {
	return s.scale("SQLite", func(n int) (*scaled, error) {
		d := &scaled{n: n}
		path := filepath.Join(s.dir, fmt.Sprintf("scattered-%d.db", n))
		d.close = append(d.close, func() {
			for _, end := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(path + end)
			}
		})
		hash, err := s.userHash()
		if err != nil {
			return d, err
		}
		if err := dataset.ScatterSQLite(s.ctx, path, n, hash); err != nil {
			return d, err
		}
		db, err := dataset.Open(path)
		if err != nil {
			return d, err
		}
		d.close = append(d.close, db.Close)
		if d.store, err = db.Store(s.ctx); err != nil {
			return d, err
		}
		d.again = func(ctx context.Context, seen *transactions) (*sqlstore.Store, func(), error) {
			watched := sql.OpenDB(connector{dataset.Name(path), db.Writer.Driver(), seen})
			watched.SetMaxOpenConns(2)
			store, err := sqlstore.Open(ctx, watched, sqlstore.SQLite, sqlstore.Options{})
			return store, func() { _ = watched.Close() }, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return d, err
		}
		d.sizes = []relation{{"the file", info.Size()}}
		return d, nil
	})
}
