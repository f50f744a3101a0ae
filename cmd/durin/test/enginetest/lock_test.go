package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// TestSQLiteLocked lets another program hold the write lock: queries go on,
// writes fail within the time-out and say nothing of any row, and go on
// afterwards.
func TestSQLiteLocked(t *testing.T) {
	d := servers.SQLite(t)
	s := filled(t, d, "a", sqlstore.Options{Timeout: 300 * time.Millisecond})
	other, err := d.Open(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(t.Context(), durin.Secret("a").Digest()); err != nil {
		t.Error(err)
	}
	_, err = s.Renew(t.Context(), durin.Secret("a").Digest(), now)
	var answer *durin.Error
	if err == nil || errors.As(err, &answer) {
		t.Errorf("renewed while locked: %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Renew(t.Context(), durin.Secret("a").Digest(), now); err != nil {
		t.Error(err)
	}
}

// TestCancelled ends calls while they wait for a row that somebody else has
// locked. The connection must be good for others afterwards.
func TestCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		s := e.open(t, db, sqlstore.Options{})
		if _, err := s.CreateClient(t.Context(), durin.Client{Name: "a", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
			t.Fatal(err)
		}
		issue(t, s, "a", "a", "u")
		tx, err := d.Open(t).BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE durin_token SET last_used = 1"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := s.End(ctx, durin.Selection{UserID: "u"}, now)
			failed <- err
		}()
		time.Sleep(50 * time.Millisecond) // so that it most likely waits
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if ended, err := s.End(t.Context(), durin.Selection{UserID: "u"}, now); err != nil || len(ended) != 1 {
			t.Errorf("ended %v, %v", ended, err)
		}
	})
}
