package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/durin-go/durin"
)

const (
	maxAttempts  = 12
	firstBackoff = 2 * time.Millisecond
	maxBackoff   = 200 * time.Millisecond
)

// retry calls once until it does not fail with what the engine asks to try
// again, a bounded number of times and within ctx. Waits grow, and differ from
// caller to caller.
func retry(ctx context.Context, once func() error) error {
	wait := firstBackoff
	for attempt := 1; ; attempt++ {
		err := once()
		if err == nil || attempt == maxAttempts || !transient(err) {
			return err
		}
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		wait = min(2*wait, maxBackoff)
	}
}

// transient reports whether err says that the transaction was taken back and may
// succeed when it is tried again. No driver can be imported here, so errors are
// known by what drivers have in common: SQLSTATE of PostgreSQL's (pgx, lib/pq)
// through a method; the number of MySQL's at the beginning of the text
// ("Error 1213 (40001): "), and of SQLite's ("database is locked").
// A Galera node that is not part of its cluster (1047) is not tried again.
func transient(err error) bool {
	if errors.Is(err, errAgain) {
		return true
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		switch state.SQLState() {
		case "40001", "40P01", "55P03": // serialization, deadlock, no lock
			return true
		}
		return false
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if text := err.Error(); transientText(text) {
			return true
		}
	}
	return false
}

var transientTexts = []string{
	"Error 1213", // deadlock
	"Error 1205", // a lock was not to be had in time
	"Error 1020", // the row changed since it was read
	"database is locked",
	"database table is locked",
	"database schema is locked",
	"SQLITE_BUSY",
}

func transientText(text string) bool {
	for _, t := range transientTexts {
		if rest, found := strings.CutPrefix(text, t); found || !strings.HasPrefix(t, "Error ") && strings.Contains(text, t) {
			// "Error 12130" is another one.
			if !strings.HasPrefix(t, "Error ") || rest == "" || rest[0] < '0' || rest[0] > '9' {
				return true
			}
		}
	}
	return false
}

// errAgain is what a unit of work fails with when it met a change that it must
// look at from the beginning.
var errAgain = errors.New("sqlstore: changed meanwhile")

// An insertError is the failure of an INSERT, or of an UPDATE of a unique
// column. What it was about cannot be told from it.
type insertError struct{ error }

func (e insertError) Unwrap() error { return e.error }

// asInsert marks the error of an INSERT; nil stays.
func asInsert(err error) error {
	if err == nil {
		return nil
	}
	return insertError{err}
}

func isInsert(err error) bool {
	var e insertError
	return errors.As(err, &e)
}

// maxInserts is how often an insert is tried that fails for no visible reason:
// what was in its way may be gone, or have been a number that it was given.
const maxInserts = 5

// insert is write for work that inserts a row. When that fails, query tells
// whether another row is in its way: then the error is ErrExists.
func (s *Store) insert(ctx context.Context, what string, work func(context.Context, session) error, query string, args ...any) error {
	for attempt := 1; ; attempt++ {
		err := s.write(ctx, what, work)
		if !isInsert(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		taken := false
		failed := s.read(ctx, what, func(ctx context.Context, t session) (err error) {
			taken, err = t.has(ctx, query, args...)
			return err
		})
		switch {
		case failed != nil:
			return errors.Join(err, failed)
		case taken:
			return fmt.Errorf("sqlstore: %s: %w", what, durin.ErrExists)
		case attempt == maxInserts:
			return err
		}
	}
}
