package enginetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// TestPruneAll fills every table that Prune looks after with more than one
// batch.
func TestPruneAll(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		s := e.open(t, db, sqlstore.Options{})
		if _, err := s.CreateClient(t.Context(), durin.Client{ID: 1, Name: "a", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
			t.Fatal(err)
		}
		issue(t, s, "live", "a", "u")
		populate(t, e, db) // tokens of clients 1 to 20; all but 1 are gone
		before := now.Add(45 * time.Minute)
		if n, err := s.Prune(t.Context(), before.Add(-50*time.Minute), 10); err != nil || n != 0 {
			t.Errorf("pruned %d tokens, %v", n, err)
		}
		if n := count(t, db, "durin_token WHERE client_id <> 1"); n != 0 {
			t.Errorf("%d tokens of clients that are gone are left", n)
		}
		for i := range rowsOfPlan/500 + 2 {
			if n, err := s.Prune(t.Context(), before, 700); err != nil || n > 700 {
				t.Errorf("round %d: pruned %d tokens, %v", i, n, err)
			}
		}
		for table, want := range map[string]int{
			"durin_token": 1, "durin_slot": 1, "durin_client": 1, "durin_user": rowsOfPlan,
		} {
			if n := count(t, db, table); n != want {
				t.Errorf("%s has %d rows, want %d", table, n, want)
			}
		}
		last, err := s.LastEnding(t.Context())
		if err != nil || last == 0 {
			t.Errorf("the last ending is %d, %v", last, err)
		}
		if n := count(t, db, fmt.Sprintf("durin_outbox WHERE at < %d AND seq < %d", before.Add(-15*time.Minute).UnixMicro(), last)); n != 0 {
			t.Errorf("%d old endings are left", n)
		}
		if _, err := s.Lookup(t.Context(), durin.Secret("live").Digest()); err != nil {
			t.Error(err)
		}
		if n := count(t, db, "durin_usage"); n != rowsOfPlan {
			t.Errorf("%d counts of a day are left", n)
		}
	})
}

// TestPruneHoldsNoLongLock: however much there is to delete, each transaction
// deletes a bounded number of rows, and others write in between.
func TestPruneHoldsNoLongLock(t *testing.T) {
	const batch = 500
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db, r := recorded(t, d)
		s := e.open(t, db, sqlstore.Options{NoPrepare: true})
		if _, err := s.CreateClient(t.Context(), durin.Client{ID: 1, Name: "a", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
			t.Fatal(err)
		}
		populate(t, e, d.Open(t))
		before := now.Add(24 * time.Hour)
		if n, err := s.Prune(t.Context(), before, 3*batch); err != nil || n > 3*batch {
			t.Fatalf("pruned %d, %v", n, err)
		}
		for range 2 {
			if _, err := s.Prune(t.Context(), before, 3*batch); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, db, "durin_token"); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
		if n, err := s.Prune(t.Context(), before.AddDate(2, 0, 0), 0); err != nil || n != 0 {
			t.Errorf("pruned %d, %v", n, err)
		}
		if n := count(t, db, "durin_usage"); n != 0 {
			t.Errorf("%d counts of two years ago are left", n)
		}
		if r.most == 0 || r.most > batch {
			t.Errorf("a transaction deleted %d rows", r.most)
		}
	})
}

func count(t *testing.T, db *sql.DB, rows string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT COUNT(*) FROM " + rows).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDeleteClientInterrupted ends the context as soon as the client's row is
// gone: the tokens that are left are out of use, and go with the next Prune.
func TestDeleteClientInterrupted(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		s := e.open(t, db, sqlstore.Options{})
		if _, err := s.CreateClient(t.Context(), durin.Client{ID: 1, Name: "a", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
			t.Fatal(err)
		}
		issue(t, s, "a", "a", "u")
		populate(t, e, db)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			for ctx.Err() == nil {
				if _, err := s.ClientByName(t.Context(), "a"); errors.Is(err, durin.ErrNotFound) {
					return
				}
			}
		}()
		_, err := s.DeleteClient(ctx, "a", now)
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if _, err := s.Lookup(t.Context(), durin.Secret("a").Digest()); !errors.Is(err, durin.ErrNotFound) {
			t.Errorf("looking up a token of the client: %v", err)
		}
		if _, err := s.Prune(t.Context(), now, 10); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "durin_token"); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
	})
}

// TestOtherModes uses the drivers in ways that poolers and careful operators
// ask for.
func TestOtherModes(t *testing.T) {
	for _, mode := range []struct {
		name   string
		engine engine
		change func(dsn string) string
		opts   sqlstore.Options
	}{
		{"PostgreSQL through a pooler", engines[1], func(dsn string) string { return dsn + "&default_query_exec_mode=exec" }, sqlstore.Options{NoPrepare: true}},
		{"PostgreSQL with simple queries", engines[1], func(dsn string) string { return dsn + "&default_query_exec_mode=simple_protocol" }, sqlstore.Options{NoPrepare: true}},
		{"PostgreSQL, serializable", engines[1], func(dsn string) string { return dsn + "&default_transaction_isolation=serializable" }, sqlstore.Options{}},
		{"MySQL with prepared statements", engines[2], func(dsn string) string { return dsn + "&interpolateParams=false&clientFoundRows=true" }, sqlstore.Options{}},
		{"SQLite with one connection", engines[0], func(dsn string) string { return dsn }, sqlstore.Options{}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			d := mode.engine.new(t)
			d.DSN = mode.change(d.DSN)
			db := d.Open(t)
			if mode.engine.dialect == sqlstore.SQLite {
				db.SetMaxOpenConns(1)
			}
			s := mode.engine.open(t, db, mode.opts)
			for _, name := range []string{"a", "b"} {
				if _, err := s.CreateClient(t.Context(), durin.Client{Name: name, TTL: time.Hour, Policy: durin.PolicyEvict, MaxTokens: 1}); err != nil {
					t.Fatal(err)
				}
			}
			exercise(t, s)
		})
	}
}

// TestTwoPrograms lets two handles on one database issue tokens for one user and
// client at once, as two processes do.
func TestTwoPrograms(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		first, second := e.open(t, d.Open(t), sqlstore.Options{}), e.open(t, d.Open(t), sqlstore.Options{})
		if _, err := first.CreateClient(t.Context(), durin.Client{Name: "a", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
			t.Fatal(err)
		}
		const each = 20
		ended := make(chan []durin.Digest)
		for i, s := range []*sqlstore.Store{first, second} {
			go func() {
				var all []durin.Digest
				for n := range each {
					got, err := s.Issue(t.Context(), durin.NewToken{UserID: "u", Client: "a", Digest: durin.Secret(fmt.Sprint(i, n)).Digest(), Now: now})
					if err != nil {
						t.Error(err)
					}
					all = append(all, got.Ended...)
				}
				ended <- all
			}()
		}
		gone := map[durin.Digest]bool{}
		for _, d := range append(<-ended, <-ended...) {
			if gone[d] {
				t.Errorf("%v was ended twice", d)
			}
			gone[d] = true
		}
		live, err := first.Sessions(t.Context(), browse.Query{})
		if err != nil || len(live) != 1 || len(gone) != 2*each-1 || gone[live[0].Digest] {
			t.Errorf("%d tokens live, %d were ended, %v", len(live), len(gone), err)
		}
	})
}
