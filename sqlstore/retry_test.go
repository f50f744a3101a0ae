package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

type stateError string

func (e stateError) Error() string    { return "ERROR: something (SQLSTATE " + string(e) + ")" }
func (e stateError) SQLState() string { return string(e) }

func TestTransient(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{stateError("40001"), true},
		{stateError("40P01"), true},
		{stateError("55P03"), true},
		{stateError("23505"), false},
		{errors.New("Error 1213 (40001): Deadlock found when trying to get lock; try restarting transaction"), true},
		{errors.New("Error 1213: Deadlock found when trying to get lock"), true},
		{errors.New("Error 1205 (HY000): Lock wait timeout exceeded"), true},
		{errors.New("Error 1020 (HY000): Record has changed since last read in table 'durin_token'"), true},
		{errors.New("Error 1047 (08S01): WSREP has not yet prepared node for application use"), false},
		{errors.New("Error 1062 (23000): Duplicate entry 'Error 1213' for key 'name'"), false},
		{errors.New("Error 12130 (HY000): another"), false},
		{errors.New("database is locked (5) (SQLITE_BUSY)"), true},
		{errors.New("sqlite3: database is locked"), true},
		{errors.New("database table is locked: durin_token"), true},
		{errors.New("attempt to write a readonly database (8)"), false},
		{errAgain, true},
		{context.Canceled, false},
	} {
		for _, err := range []error{test.err, fmt.Errorf("wrapped: %w", test.err), asInsert(test.err)} {
			if got := transient(err); got != test.want {
				t.Errorf("%v: %v", err, got)
			}
		}
	}
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		fails := func(n int) func() error {
			calls = 0
			return func() error {
				if calls++; calls <= n {
					return errAgain
				}
				return nil
			}
		}
		if err := retry(t.Context(), fails(3)); err != nil || calls != 4 {
			t.Errorf("3 failures: %d calls, %v", calls, err)
		}
		if err := retry(t.Context(), fails(1000)); !errors.Is(err, errAgain) || calls != maxAttempts {
			t.Errorf("endless failures: %d calls, %v", calls, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := retry(ctx, fails(1000)); !errors.Is(err, errAgain) || calls >= maxAttempts {
			t.Errorf("failures past the deadline: %d calls, %v", calls, err)
		}
		if err := retry(t.Context(), func() error { calls = -1; return errNoToken }); !errors.Is(err, errNoToken) || calls != -1 {
			t.Errorf("an answer: %v", err)
		}
	})
}
