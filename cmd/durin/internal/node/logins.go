package node

import (
	"context"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/loginlimit"
)

// Logins are the limits on guessing: of this node, or of all that share a Redis.
type Logins struct {
	local *loginlimit.Limiter
	redis *lateRedis // nil: nothing is shared
}

// newLogins makes the limits, nil where they are off.
func (n *Node) newLogins() *Logins {
	if !n.Config.LoginLimit {
		return nil
	}
	l := &Logins{local: loginlimit.New(n.Config.LoginNumbers)}
	if n.Shared != nil {
		l.redis = n.Shared.redis
	}
	return l
}

// limiter is who counts at this moment.
func (l *Logins) limiter() durin.LoginLimiter {
	if p := l.parts(); p != nil {
		return p.logins
	}
	return l.local
}

// parts are nil until Redis was there once.
func (l *Logins) parts() *redisParts {
	if l.redis == nil {
		return nil
	}
	return l.redis.parts.Load()
}

// Admit implements durin.LoginLimiter.
func (l *Logins) Admit(ctx context.Context, a durin.LoginAttempt) (bool, error) {
	return l.limiter().Admit(ctx, a)
}

// Done implements durin.LoginLimiter.
func (l *Logins) Done(ctx context.Context, a durin.LoginAttempt, err error) {
	l.limiter().Done(ctx, a, err)
}

// Held lists the locks in force; none where the limits are off. shared says that
// they are those of all nodes.
func (l *Logins) Held(ctx context.Context) (held []loginlimit.Held, shared bool, err error) {
	if l == nil {
		return nil, false, nil
	}
	if p := l.parts(); p != nil {
		held, err = p.logins.Held(ctx, time.Now())
		return held, !p.logins.Away(), err
	}
	held, err = l.local.Held(ctx, time.Now())
	return held, false, err
}

// Lift ends the locks of an account; shared says that it did on all nodes.
func (l *Logins) Lift(ctx context.Context, account string) (n int, shared bool, err error) {
	if l == nil {
		return 0, false, nil
	}
	if p := l.parts(); p != nil {
		n, err = p.logins.Lift(ctx, account)
		return n, err == nil, err
	}
	return l.local.Lift(account), false, nil
}
