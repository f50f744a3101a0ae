package enginetest

import (
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// TestMigrateTogether starts three programs at once on an empty database.
func TestMigrateTogether(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		var all sync.WaitGroup
		for range 3 {
			db := d.Open(t)
			all.Go(func() {
				if err := sqlstore.Migrate(t.Context(), db, e.dialect); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		e.open(t, d.Open(t), sqlstore.Options{})
	})
}

// TestNoAdvisoryLock works on a server that knows the lock of migrations, but
// does not carry it out, as engines do that only speak PostgreSQL's language.
func TestNoAdvisoryLock(t *testing.T) {
	e := engines[1]
	d := e.new(t)
	const function = `CREATE FUNCTION public.pg_advisory_xact_lock(bigint) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'not to be had' USING ERRCODE = 'feature_not_supported'; END $$`
	if _, err := d.Open(t).ExecContext(t.Context(), function); err != nil {
		t.Fatal(err)
	}
	d.DSN += "&search_path=public,pg_catalog"
	s := e.open(t, d.Open(t), sqlstore.Options{})
	for _, c := range []durin.Client{{ID: 7, Name: "a"}, {Name: "b"}} {
		c.TTL, c.Policy = time.Hour, durin.PolicyReplace
		if got, err := s.CreateClient(t.Context(), c); err != nil || got.ID < 7 {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestPlanAndStatus(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		if _, err := sqlstore.Open(t.Context(), db, e.dialect, sqlstore.Options{}); !errors.Is(err, sqlstore.ErrSchema) {
			t.Errorf("opened an empty database: %v", err)
		}
		plan, err := sqlstore.Plan(t.Context(), db, e.dialect)
		if err != nil || len(plan) == 0 || len(plan[0].Statements) == 0 {
			t.Fatalf("the plan is %v, %v", plan, err)
		}
		if tables := columns(t, e, db); len(tables) != 0 {
			t.Errorf("planning made %v", tables)
		}
		for range 2 {
			if err := sqlstore.Migrate(t.Context(), db, e.dialect); err != nil {
				t.Fatal(err)
			}
		}
		status, err := sqlstore.Status(t.Context(), db, e.dialect)
		if err != nil || len(status) != len(plan) || status[0].Applied.IsZero() {
			t.Errorf("the status is %v, %v", status, err)
		}
		if plan, err := sqlstore.Plan(t.Context(), db, e.dialect); err != nil || len(plan) != 0 {
			t.Errorf("afterwards the plan is %v, %v", plan, err)
		}
	})
}

// TestLaterSchema lets a later program change the schema under this one.
func TestLaterSchema(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		s := e.open(t, db, sqlstore.Options{})
		later := func(version, minReader string) {
			t.Helper()
			if _, err := db.Exec("INSERT INTO durin_schema (version, name, min_reader, applied_at) VALUES (" + version + ", 'later', " + minReader + ", 1)"); err != nil {
				t.Fatal(err)
			}
		}
		later("98", "1")
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("a compatible schema: %v", err)
		}
		e.open(t, db, sqlstore.Options{})
		later("99", "98")
		if err := s.Ping(t.Context()); !errors.Is(err, sqlstore.ErrSchema) {
			t.Errorf("pinged a schema of the future: %v", err)
		}
		if _, err := sqlstore.Open(t.Context(), db, e.dialect, sqlstore.Options{}); !errors.Is(err, sqlstore.ErrSchema) {
			t.Errorf("opened a schema of the future: %v", err)
		}
		if err := sqlstore.Migrate(t.Context(), db, e.dialect); !errors.Is(err, sqlstore.ErrSchema) {
			t.Errorf("migrated a schema of the future: %v", err)
		}
	})
}

// TestSameColumns holds the dialects' files against each other.
func TestSameColumns(t *testing.T) {
	var first map[string][]string
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		e.open(t, db, sqlstore.Options{})
		got := columns(t, e, db)
		if first == nil {
			first = got
		}
		if len(got) < 9 || !maps.EqualFunc(first, got, slices.Equal) {
			t.Errorf("the tables are\n%v\nand in the first engine\n%v", got, first)
		}
	})
}

var columnQueries = map[sqlstore.Dialect]string{
	sqlstore.SQLite:     "SELECT m.name, c.name, 1 - c.\"notnull\" FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name LIKE 'durin%' ORDER BY m.name, c.cid",
	sqlstore.PostgreSQL: "SELECT table_name, column_name, CASE is_nullable WHEN 'YES' THEN 1 ELSE 0 END FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position",
	sqlstore.MySQL:      "SELECT table_name, column_name, CASE is_nullable WHEN 'YES' THEN 1 ELSE 0 END FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
}

// columns are those of each table, with a mark at those that may be NULL.
func columns(t *testing.T, e engine, db *sql.DB) map[string][]string {
	t.Helper()
	rows, err := db.Query(columnQueries[e.dialect])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string][]string{}
	for rows.Next() {
		var table, column string
		var null bool
		if err := rows.Scan(&table, &column, &null); err != nil {
			t.Fatal(err)
		}
		if null && column != "id" && column != "seq" { // SQLite's key is never NULL, and does not say so
			column += "?"
		}
		all[table] = append(all[table], column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
