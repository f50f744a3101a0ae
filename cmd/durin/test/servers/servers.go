// Package servers gives tests real database servers: PostgreSQL, MariaDB or
// MySQL, and Redis or Valkey. It takes the one that an environment variable
// names, or the one that answers on the usual port of this machine, or starts
// one of its own from what is installed, or installs it with apt-get where it
// may. A test that can have none is skipped; where the variable CI is set it
// fails instead.
//
//	DURIN_TEST_POSTGRES  postgres://user:password@host:port/database?sslmode=disable
//	DURIN_TEST_MYSQL     user:password@tcp(host:port)/
//	DURIN_TEST_REDIS     host:port
//
// A package that uses it should let Main run its tests: that stops the servers
// that were started.
package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// A Database is an empty database of one test.
type Database struct {
	Driver string // of database/sql: "sqlite", "pgx" or "mysql"
	DSN    string // as the driver takes it
	// URL names it as the program's --db does: a path, postgres://… or
	// mysql://….
	URL string
}

// Open returns a handle on the database that is closed when the test ends.
func (d Database) Open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.Driver, d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// SQLite is a new file that goes with the test.
func SQLite(t testing.TB) Database {
	path := filepath.Join(t.TempDir(), "durin.db")
	return Database{Driver: "sqlite", DSN: SQLiteDSN(path), URL: path}
}

// SQLiteDSN is how a file is best opened.
func SQLiteDSN(path string) string {
	return "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(3000)&_txlock=immediate"
}

// PostgreSQL is a new database on a server.
func PostgreSQL(t testing.TB) Database {
	t.Helper()
	server := found(t, postgres)
	name := fresh(t, "pgx", server, `CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'`, `DROP DATABASE %s WITH (FORCE)`)
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return Database{Driver: "pgx", DSN: u.String(), URL: u.String()}
}

// MySQL is a new database on a MariaDB or MySQL server.
func MySQL(t testing.TB) Database {
	t.Helper()
	server := found(t, mariadb)
	name := fresh(t, "mysql", server, "CREATE DATABASE %s", "DROP DATABASE %s")
	cfg, err := mysql.ParseDSN(server)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DBName = name
	u := url.URL{Scheme: "mysql", Host: cfg.Addr, Path: "/" + name, User: url.UserPassword(cfg.User, cfg.Passwd)}
	if cfg.Passwd == "" {
		u.User = url.User(cfg.User)
	}
	return Database{Driver: "mysql", DSN: cfg.FormatDSN(), URL: u.String()}
}

// Redis is the address of a server that other tests use at the same time: take
// a prefix for your keys.
func Redis(t testing.TB) string {
	t.Helper()
	return found(t, redis)
}

// fresh creates a database with a name of its own, which is dropped when the
// test has ended. Without a statement for that, it goes with its server.
func fresh(t testing.TB, driver, server, create, drop string) string {
	t.Helper()
	name := "durin_test_" + strings.ToLower(rand.Text())[:16]
	if err := do(t.Context(), driver, server, fmt.Sprintf(create, name)); err != nil {
		t.Fatal(err)
	}
	if drop != "" {
		t.Cleanup(func() { drops.later(driver, server, fmt.Sprintf(drop, name)) })
	}
	return name
}

// do runs a statement on a connection of its own.
func do(ctx context.Context, driver, server, statement string) error {
	db, err := sql.Open(driver, server)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// NotShort skips a test that needs what, under -short.
func NotShort(t testing.TB, what string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("needs %s: make test runs it", what)
	}
}

// found is where the server of a kind is.
func found(t testing.TB, k *kind) string {
	t.Helper()
	NotShort(t, k.name)
	k.once.Do(func() { k.at, k.err = k.find() })
	if k.err != nil && os.Getenv("CI") != "" {
		t.Fatalf("no %s server: %v", k.name, k.err)
	}
	if k.err != nil {
		t.Skipf("no %s server: %v (name one in %s)", k.name, k.err, k.env)
	}
	return k.at
}
