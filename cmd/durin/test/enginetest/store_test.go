package enginetest

import (
	"database/sql"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
	"github.com/durin-go/durin/storetest"
)

var repeat = flag.Int("repeat", 1, "how often tests of concurrent calls are done")

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// An engine is what the tests of this package run on.
type engine struct {
	name    string
	dialect sqlstore.Dialect
	new     func(testing.TB) servers.Database
}

var engines = []engine{
	{"SQLite", sqlstore.SQLite, servers.SQLite},
	{"PostgreSQL", sqlstore.PostgreSQL, servers.PostgreSQL},
	{"MySQL", sqlstore.MySQL, servers.MySQL},
}

// onEach runs test on every engine, with an empty database.
func onEach(t *testing.T, test func(t *testing.T, e engine, d servers.Database)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { test(t, e, e.new(t)) })
	}
}

// open returns a store on db, whose schema it brings up to date.
func (e engine) open(t testing.TB, db *sql.DB, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	if err := sqlstore.Migrate(t.Context(), db, e.dialect); err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.Open(t.Context(), db, e.dialect, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			storetest.Options{Repeat: *repeat}.Run(t, func(t *testing.T) durin.Store {
				db := e.new(t)
				if e.dialect == sqlstore.PostgreSQL {
					db.DSN += "&synchronous_commit=off" // nothing here asks what a power cut leaves
				}
				return e.open(t, db.Open(t), sqlstore.Options{Timeout: time.Minute}) // of a busy disk
			})
		})
	}
}
