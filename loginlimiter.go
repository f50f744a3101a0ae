package durin

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/internal/attempts"
)

// NewLoginLimiter returns a LoginLimiter that counts in this process's memory:
//
//   - Ten failures of an account within 15 minutes lock it for 30 seconds; then
//     one attempt at a time is let through, and each further failure locks for
//     twice as long, up to 15 minutes.
//   - A hundred failures from one address (an IPv6 /64), over all accounts, lock
//     it the same way.
//   - Attempts that bear a live token of the account are counted apart, so that
//     strangers do not lock out a device that has logged in before.
//
// A right password takes back the failures of its account from its address.
// Attempts that run side by side never get further than one after the other.
func NewLoginLimiter() LoginLimiter {
	return &localLoginLimiter{core: attempts.New(attempts.Numbers{})}
}

type localLoginLimiter struct {
	core    *attempts.Limiter
	waiting atomic.Int64
}

// maxWaitingLogins bounds the logins that wait for others of the same account or
// address.
const maxWaitingLogins = 1024

func (l *localLoginLimiter) Admit(ctx context.Context, a LoginAttempt) (bool, error) {
	began := time.Now()
	if l.waiting.Add(1) > maxWaitingLogins {
		l.waiting.Add(-1)
		return false, ErrBusy
	}
	defer l.waiting.Add(-1)
	for {
		verdict, ended := l.core.Ask(a.At.Add(time.Since(began)), attemptOf(a))
		if verdict != attempts.Later {
			return verdict == attempts.Admitted, nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
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
