package enginetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// eachLocking runs test on SQLite, opened so that a transaction begins with the
// write lock, and so that it does not.
func eachLocking(t *testing.T, test func(t *testing.T, d servers.Database)) {
	for name, cut := range map[string]string{"immediate": "", "deferred": "&_txlock=immediate"} {
		t.Run(name, func(t *testing.T) {
			d := servers.SQLite(t)
			d.DSN = strings.TrimSuffix(d.DSN, cut)
			test(t, d)
		})
	}
}

// oneConn is a handle with a single connection.
func oneConn(t *testing.T, d servers.Database) *sql.DB {
	t.Helper()
	db := d.Open(t)
	db.SetMaxOpenConns(1)
	return db
}

// often issues tokens until everything that this takes is kept prepared.
func often(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	if _, err := s.CreateClient(t.Context(), durin.Client{Name: "a", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		issue(t, s, fmt.Sprint("a", i), "a", "u")
		if err := s.AppendAudit(t.Context(), "node", appendOne); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLockedFromTheBeginning lets another connection write in the middle of a
// transaction that has only read so far.
func TestLockedFromTheBeginning(t *testing.T) {
	eachLocking(t, func(t *testing.T, d servers.Database) {
		s := engines[0].open(t, oneConn(t, d), sqlstore.Options{})
		often(t, s)
		impatient := d
		impatient.DSN = strings.Replace(d.DSN, "busy_timeout(3000)", "busy_timeout(0)", 1)
		other := impatient.Open(t)
		asked := false
		err := s.AppendAudit(t.Context(), "node", func(h audit.Head) ([]audit.Row, audit.Head, error) {
			asked = true
			if _, err := other.Exec("UPDATE durin_client SET name = name"); err == nil || !strings.Contains(err.Error(), "locked") {
				t.Errorf("another connection wrote: %v", err)
			}
			return appendOne(h)
		})
		if err != nil || !asked {
			t.Error(asked, err)
		}
		if _, err := other.Exec("UPDATE durin_client SET name = name"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestCancelledBeforeTheLock ends a call that waits for another program's lock,
// for which its connection would wait for ever.
func TestCancelledBeforeTheLock(t *testing.T) {
	eachLocking(t, func(t *testing.T, d servers.Database) {
		patient := d
		patient.DSN = strings.Replace(d.DSN, "busy_timeout(3000)", "busy_timeout(2000000000)", 1)
		s := engines[0].open(t, oneConn(t, patient), sqlstore.Options{Timeout: time.Hour})
		often(t, s)
		other, err := d.Open(t).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		for range 3 {
			if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel) // so that it most likely waits
			if err := s.Writable(ctx, now); !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
				t.Fatal(err)
			}
			issue(t, s, "later", "a", "u2")
			if _, err := s.End(t.Context(), durin.Selection{UserID: "u2"}, now); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestCommitOutlastsContext ends the context of a call when its commit begins.
func TestCommitOutlastsContext(t *testing.T) {
	eachLocking(t, func(t *testing.T, d servers.Database) {
		db, r := recorded(t, d)
		s := engines[0].open(t, db, sqlstore.Options{})
		often(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		r.mu.Lock()
		r.commit = cancel
		r.mu.Unlock()
		_, err := s.Issue(ctx, durin.NewToken{UserID: "u", Client: "a", Digest: durin.Secret("b").Digest(), Now: now})
		if err != nil || ctx.Err() == nil {
			t.Fatal(err, ctx.Err())
		}
		if _, err := s.Lookup(t.Context(), durin.Secret("b").Digest()); err != nil {
			t.Error(err)
		}
	})
}

// TestPanicInTransaction lets what runs in a transaction panic: nothing is kept of
// it, and the only connection is good for others.
func TestPanicInTransaction(t *testing.T) {
	s := engines[0].open(t, oneConn(t, servers.SQLite(t)), sqlstore.Options{})
	often(t, s)
	func() {
		defer func() { _ = recover() }()
		_ = s.AppendAudit(t.Context(), "other", func(audit.Head) ([]audit.Row, audit.Head, error) { panic("at once") })
	}()
	if heads, err := s.AuditHeads(t.Context()); err != nil || len(heads) != 1 {
		t.Errorf("%v, %v", heads, err)
	}
	issue(t, s, "later", "a", "u2")
}

// TestStatementsAreKept counts what is prepared on a single connection: what is
// often run once, and of statements in very many forms a bounded number.
func TestStatementsAreKept(t *testing.T) {
	d := servers.SQLite(t)
	d.DSN = strings.Replace(d.DSN, "synchronous(FULL)", "synchronous(OFF)", 1)
	db, r := recorded(t, d)
	db.SetMaxOpenConns(1)
	s := engines[0].open(t, db, sqlstore.Options{})
	often(t, s)
	if len(r.prepared) < 10 {
		t.Errorf("only %d statements are kept", len(r.prepared))
	}
	for rows := 1; rows <= 20; rows++ {
		for range 5 {
			if err := s.AppendAudit(t.Context(), "node", func(h audit.Head) (all []audit.Row, _ audit.Head, _ error) {
				for range rows {
					var some []audit.Row
					some, h, _ = appendOne(h)
					all = append(all, some...)
				}
				return all, h, nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for form := range 96 {
		q := browse.Query{ID: int64(form & 1), After: int64(form >> 1 & 1), Newest: form>>2&1 == 1, State: []browse.State{browse.Live, browse.Expired, browse.Any}[form>>5], Now: now}
		if form>>3&1 == 1 {
			q.UserID = "u"
		}
		if form>>4&1 == 1 {
			q.Client = "a"
		}
		for range 5 {
			if _, err := s.Sessions(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(r.prepared); n < 60 || n > 101 { // and the look-up
		t.Errorf("%d statements were prepared", n)
	}
	for text, n := range r.prepared {
		if n > 1 {
			t.Errorf("prepared %d times on one connection: %s", n, text)
		}
	}
}
