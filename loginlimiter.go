package durin

import (
	"context"
	"errors"

	"github.com/durin-go/durin/internal/attempts"
)

// newLoginLimiter is package loginlimit's, which the root cannot import, with the
// numbers of its zero value.
func newLoginLimiter() LoginLimiter {
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
