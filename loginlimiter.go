package durin

import (
	"context"
	"errors"

	"github.com/durin-go/durin/internal/attempts"
)

// NewLoginLimiter returns a LoginLimiter that counts in this process's memory:
//
//   - Ten failures of an account from one address (an IPv6 /64) within 15
//     minutes lock it there for 30 seconds; then one attempt at a time is let
//     through, and each further failure locks for twice as long, up to 15
//     minutes. Callers whose address is not known count as one address.
//   - Twenty failures of an account from everywhere lock it the same way.
//   - A hundred failures from one address, over all accounts, lock the address.
//   - Attempts that bear a live token of the account are counted apart, so that
//     strangers do not lock out a device that has logged in before.
//
// A right password takes back the failures of its account from its address.
// Attempts that run side by side never get further than one after the other.
// Package loginlimit has it with other numbers, and tells who is held back.
func NewLoginLimiter() LoginLimiter {
	return &localLoginLimiter{core: attempts.New(attempts.Numbers{})}
}

type localLoginLimiter struct{ core *attempts.Limiter }

func (l *localLoginLimiter) Admit(ctx context.Context, a LoginAttempt) (bool, error) {
	admitted, err := l.core.Wait(ctx, a.At, attemptOf(a))
	if errors.Is(err, attempts.ErrFull) {
		err = ErrBusy
	}
	return admitted, err
}

func (l *localLoginLimiter) Done(_ context.Context, a LoginAttempt, err error) {
	outcome := attempts.Aborted
	switch {
	case err == nil:
		outcome = attempts.Right
	case errors.Is(err, ErrBadCredentials):
		outcome = attempts.Wrong
	}
	l.core.Done(a.At, attemptOf(a), outcome)
}

func attemptOf(a LoginAttempt) attempts.Attempt {
	return attempts.Attempt{Account: a.Name, Address: a.Address, Known: a.Known}
}

type noLoginLimit struct{}

func (noLoginLimit) Admit(context.Context, LoginAttempt) (bool, error) { return true, nil }
func (noLoginLimit) Done(context.Context, LoginAttempt, error)         {}

// NoLoginLimit returns a LoginLimiter that admits every attempt: for tests, and
// where something else protects the login.
func NoLoginLimit() LoginLimiter { return noLoginLimit{} }
