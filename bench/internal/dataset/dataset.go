// Package dataset makes databases of any number of tokens, fast: the rows are
// those that logins leave behind, written past the store.
package dataset

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/sqlstore"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// TokensPerUser is how many tokens each user has, one for each of the clients.
const TokensPerUser = 5

// Clients are the names of the clients, by the order of their ids.
var Clients = []string{"web", "cli", "ios", "android", "worker"}

// Token is the i-th token in clear.
func Token(i int) durin.Secret {
	sum := sha256.Sum256(strconv.AppendInt([]byte("token "), int64(i), 10))
	return durin.Secret(hex.EncodeToString(sum[:]))
}

// UserName is the name of the user with that id, counted from 1.
func UserName(id int) string { return fmt.Sprintf("user-%07d@example.org", id) }

// A DB is a SQLite file as the program opens it: one handle writes, the other
// one reads.
type DB struct{ Writer, Reader *sql.DB }

// Open opens the file, which is made if it is not there.
func Open(path string, pragmas ...string) (*DB, error) {
	open := func(conns int, more ...string) (*sql.DB, error) {
		db, err := sql.Open("sqlite", Name(path, more...))
		if err == nil {
			db.SetMaxOpenConns(conns)
			db.SetMaxIdleConns(conns)
		}
		return db, err
	}
	w, err := open(2, pragmas...)
	if err != nil {
		return nil, err
	}
	r, err := open(4, append([]string{"query_only(1)"}, pragmas...)...)
	return &DB{w, r}, err
}

// Name is the driver's name of the file, with what holds for each connection.
func Name(path string, pragmas ...string) string {
	query := url.Values{"_pragma": append([]string{"busy_timeout(3000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)"}, pragmas...), "_txlock": {"immediate"}}
	return "file:" + path + "?" + query.Encode()
}

// Store brings the schema up to date and opens the store.
func (d *DB) Store(ctx context.Context) (*sqlstore.Store, error) {
	if err := sqlstore.Migrate(ctx, d.Writer, sqlstore.SQLite); err != nil {
		return nil, err
	}
	return sqlstore.Open(ctx, d.Writer, sqlstore.SQLite, sqlstore.Options{Reader: d.Reader})
}

// Close closes both handles.
func (d *DB) Close() {
	_ = d.Reader.Close()
	_ = d.Writer.Close()
}

// Generate fills a new file with n live tokens of n/TokensPerUser users, whose
// password hash is given. progress hears how many are done; nil: nobody.
func Generate(ctx context.Context, path string, n int, hash string, progress func(int)) error {
	return generate(ctx, path, n, hash, inOrder(), progress)
}

// inOrder is the row of the i-th token.
func inOrder() func(i int) []any {
	now, expires := time.Now().UnixMicro(), time.Now().Add(365*24*time.Hour).UnixMicro()
	return func(i int) []any {
		digest := Token(i).Digest()
		user := i/TokensPerUser + 1
		return []any{i + 1, digest[:], strconv.Itoa(user), user, i%TokensPerUser + 1, now, now, expires, "laptop", "192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64)"}
	}
}

func generate(ctx context.Context, path string, n int, hash string, row func(i int) []any, progress func(int)) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already", path)
	}
	db, err := Open(path)
	if err != nil {
		return err
	}
	store, err := db.Store(ctx)
	if err == nil {
		err = clients(ctx, store)
		_ = store.Close()
	}
	db.Close()
	if err != nil {
		return err
	}
	// A crash spoils the file: it is made anew then.
	fast, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(OFF)&_pragma=journal_mode(OFF)&_pragma=cache_size(-1500000)&_pragma=locking_mode(EXCLUSIVE)")
	if err != nil {
		return err
	}
	defer func() { _ = fast.Close() }()
	fast.SetMaxOpenConns(1)
	return fill(ctx, fast, n, hash, row, progress)
}

func clients(ctx context.Context, s *sqlstore.Store) error {
	for _, name := range Clients {
		_, err := s.CreateClient(ctx, durin.Client{Name: name, TTL: 365 * 24 * time.Hour, Policy: durin.PolicyReplace, Created: time.Now()})
		if err != nil {
			return err
		}
	}
	return nil
}

// fill writes the rows, with the indexes made at the end.
func fill(ctx context.Context, db *sql.DB, n int, hash string, row func(i int) []any, progress func(int)) error {
	indexes, err := dropIndexes(ctx, db)
	if err != nil {
		return err
	}
	now := time.Now().UnixMicro()
	users := (n + TokensPerUser - 1) / TokensPerUser
	err = insert(ctx, db, "durin_user (id, name, password, active, admin, created)", users, nil, func(i int) []any {
		return []any{i + 1, UserName(i + 1), hash, 1, 0, now}
	})
	if err != nil {
		return err
	}
	err = insert(ctx, db, "durin_token (id, digest, user_id, owner, client_id, created, issued_at, expires, name, address, agent)", n, progress, row)
	if err != nil {
		return err
	}
	for _, text := range append(indexes, "PRAGMA journal_mode=WAL") {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// dropIndexes returns what makes them again.
func dropIndexes(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'durin_token' AND sql IS NOT NULL")
	if err != nil {
		return nil, err
	}
	var names, texts []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		names, texts = append(names, name), append(texts, text)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := db.ExecContext(ctx, "DROP INDEX "+name); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

const (
	rowsAtOnce  = 50
	rowsPerTurn = 50_000
)

// insert writes n rows into the table and columns of into, many in a statement.
func insert(ctx context.Context, db *sql.DB, into string, n int, progress func(int), row func(i int) []any) error {
	columns := strings.Count(into, ",") + 1
	one := "(?" + strings.Repeat(",?", columns-1) + ")"
	text := func(rows int) string {
		return "INSERT INTO " + into + " VALUES " + one + strings.Repeat(","+one, rows-1)
	}
	for first := 0; first < n; first += rowsPerTurn {
		last := min(first+rowsPerTurn, n)
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		many, err := tx.PrepareContext(ctx, text(rowsAtOnce))
		if err != nil {
			return err
		}
		for i := first; i < last; i += rowsAtOnce {
			rows := min(rowsAtOnce, last-i)
			args := make([]any, 0, rows*columns)
			for j := range rows {
				args = append(args, row(i+j)...)
			}
			if rows == rowsAtOnce {
				_, err = many.ExecContext(ctx, args...)
			} else {
				_, err = tx.ExecContext(ctx, text(rows), args...)
			}
			if err != nil {
				return err
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		if progress != nil {
			progress(last)
		}
	}
	return nil
}
