package enginetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// TestCancelledAtEachStep ends the context of every method before its first
// statement, its second, and so on: the call says so or has done its work, and
// nothing is left locked or half done.
func TestCancelledAtEachStep(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		cancelledAtEachStep(t, e, d, true)
	})
	t.Run("SQLite with statements that are kept", func(t *testing.T) {
		cancelledAtEachStep(t, engines[0], servers.SQLite(t), false)
	})
}

func cancelledAtEachStep(t *testing.T, e engine, d servers.Database, unprepared bool) {
	db, r := recorded(t, d)
	s := e.open(t, db, sqlstore.Options{NoPrepare: unprepared, Timeout: time.Minute})
	if _, err := s.CreateClient(t.Context(), durin.Client{Name: "a", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
		t.Fatal(err)
	}
	issue(t, s, "b", "a", "u")
	steps := 0
	for method, call := range calls(s) {
		for at := 0; cancelledAt(t, r, method, call, at); at++ {
			steps++
		}
	}
	r.step = nil
	for i := range 3 { // each with a connection that was cut short
		issue(t, s, string(rune('x'+i)), "a", "u")
	}
	live, err := s.Sessions(t.Context(), browse.Query{UserID: "u", Client: "a", State: browse.Live, Now: now})
	if err != nil || len(live) != 1 {
		t.Errorf("%d live tokens of one, %v", len(live), err)
	}
	t.Logf("cancelled at %d statements", steps)
}

// cancelledAt reports whether the call came to the statement.
func cancelledAt(t *testing.T, r *recorder, method string, call func(context.Context) error, at int) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	count, came := 0, false
	r.mu.Lock()
	r.step = func() {
		if count == at {
			came = true
			cancel()
		}
		count++
	}
	r.mu.Unlock()
	err := call(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step = nil
	var answer *durin.Error
	if came && err != nil && !errors.Is(err, context.Canceled) && !errors.As(err, &answer) {
		t.Errorf("%s, cancelled at statement %d: %v", method, at, err)
	}
	return came && at < 100
}
