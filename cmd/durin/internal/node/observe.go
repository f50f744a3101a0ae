package node

import (
	"context"
	"database/sql"
	"errors"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/metrics"
	"github.com/redis/rueidis"
)

// An observer is told of the beginning of a call, and, by what it returns, of its
// end. Nil: nobody looks.
type observer = func(ctx context.Context, call string) (context.Context, func(error))

// observer makes metrics and spans of the calls of a part.
func (o Options) observer(part string) observer {
	m, t := o.Metrics, o.Trace
	switch {
	case m == nil:
		return nil
	case t == nil:
		return func(ctx context.Context, call string) (context.Context, func(error)) {
			return ctx, m.Observe(part, call)
		}
	}
	return func(ctx context.Context, call string) (context.Context, func(error)) {
		done := m.Observe(part, call)
		ctx, end := t.Observe(ctx, part, call)
		return ctx, func(err error) {
			end(metrics.IsFailure(err))
			done(err)
		}
	}
}

// watch lets the metrics read the node's parts.
func (n *Node) watch() {
	pools := map[string]*sql.DB{"main": n.Database.DB}
	if r := n.Database.Reader(); r != nil {
		pools["reader"] = r
	}
	n.Metrics.Watch(metrics.Sources{Guard: n.Guard, Hasher: n.Hasher, Audit: n.Audit, Pools: pools, Channels: n.channels, HasKey: n.HasKeys})
}

// channels tells through which ways endings on other nodes are heard of.
func (n *Node) channels() map[string]bool {
	up := map[string]bool{"outbox": n.Guard.Lag() <= StaleBound}
	if set, answers := n.Shared.Redis(); set {
		up["redis"] = answers
	}
	if set, connected := n.Shared.Notify(); set {
		up["notify"] = connected
	}
	return up
}

// observedUsers observes the checks of passwords.
type observedUsers struct {
	users   durin.Authenticator
	observe observer
}

func observeUsers(users durin.Authenticator, o observer) durin.Authenticator {
	if o == nil {
		return users
	}
	return observedUsers{users, o}
}

// Authenticate implements durin.Authenticator.
func (u observedUsers) Authenticate(ctx context.Context, name string, password durin.Secret) (durin.User, error) {
	ctx, done := u.observe(ctx, "checking a password")
	user, err := u.users.Authenticate(ctx, name, password)
	done(err)
	return user, err
}

// observedRedis observes the commands that a client does one by one.
type observedRedis struct {
	rueidis.Client
	observe observer
}

func observeRedis(c rueidis.Client, o observer) rueidis.Client {
	if o == nil {
		return c
	}
	return observedRedis{c, o}
}

// Do implements rueidis.Client.
func (c observedRedis) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	ctx, done := c.observe(ctx, cmd.Commands()[0]) // EVALSHA, PUBLISH: never a key
	result := c.Client.Do(ctx, cmd)
	err := result.Error()
	if e, ok := rueidis.IsRedisErr(err); ok && (e.IsNil() || e.IsNoScript()) {
		err = nil
	}
	if errors.Is(err, rueidis.ErrClosing) { // we are stopping
		err = context.Canceled
	}
	done(err)
	return result
}
