package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/loginlimit"
	"github.com/durin-go/durin/sqlstore"
)

// A scaled is one database of n scattered tokens, opened as the program does.
type scaled struct {
	n         int
	store     *sqlstore.Store
	warm, off *durin.Guard // with a cache, and without
	inUse     []durin.Secret
	turn      uint64
	took      []work
	sizes     []relation
	pruned    pruning
	// again opens the database once more, with its transactions watched.
	again func(ctx context.Context, seen *transactions) (*sqlstore.Store, func(), error)
	close []func()
}

// A work is one kind of it: all times, and the median of each turn.
type work struct {
	name    string
	now     []time.Duration
	all     []time.Duration
	medians measure.Series
}

// A relation is a table or an index, and its size in bytes.
type relation struct {
	name string
	size int64
}

// unused is a store that does not note uses: they would be written at any time.
type unused struct{ *sqlstore.Store }

func (unused) Touch(context.Context, []durin.Use) error                           { return nil }
func (unused) AddUsage(context.Context, browse.Batch, []browse.Usage) error       { return nil }
func (unused) AddActivity(context.Context, browse.Batch, []browse.Activity) error { return nil }

// byName lets every user in who is there, whatever the password: what a log-in
// costs beside the hash.
type byName struct{ *sqlstore.Store }

// Authenticate implements durin.Authenticator.
func (n byName) Authenticate(ctx context.Context, name string, _ durin.Secret) (durin.User, error) {
	return n.UserByName(ctx, name)
}

// guards puts both on the store.
func (d *scaled) guards(ctx context.Context) error {
	for _, g := range []struct {
		to  **durin.Guard
		ttl time.Duration
	}{{&d.warm, time.Hour}, {&d.off, -1}} {
		guard, err := durin.New(ctx, durin.Options{
			Store: unused{d.store}, Users: unused{d.store}, Authenticator: byName{d.store}, LoginLimiter: loginlimit.Off(), ReuseWithoutKey: durin.PolicyReplace,
			CacheTTL: g.ttl, CacheEntries: 2 * scaleInUse, PruneAfter: -1, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		d.close = append(d.close, func() { _ = guard.Close(context.WithoutCancel(ctx)) })
		*g.to = guard
	}
	for i := range scaleInUse { // as many everywhere, spread over all
		token := dataset.Token(number(i * d.candidates() / scaleInUse))
		if _, err := d.warm.Verify(ctx, token); err != nil {
			return err
		}
		d.inUse = append(d.inUse, token)
	}
	return nil
}

// live is the number of a token that has not expired, of a client whose tokens
// stay as they are: those of the first come and go, of the last some have expired.
func (d *scaled) live(i uint64) int { return number(measure.Scatter(i, d.candidates())) }

// candidates are how many such tokens there are, and number is that of the i-th.
func (d *scaled) candidates() int { return d.n / dataset.TokensPerUser * (dataset.TokensPerUser - 2) }

func number(i int) int {
	const each = dataset.TokensPerUser - 2
	return i/each*dataset.TokensPerUser + 1 + i%each
}

func (d *scaled) stop() {
	for _, f := range slices.Backward(d.close) {
		f()
	}
}

// time notes how long f takes; as many of what it does are timed together.
func (d *scaled) time(name string, many int, f func() error) error {
	start := time.Now()
	err := f()
	took := time.Since(start) / time.Duration(many)
	i := slices.IndexFunc(d.took, func(w work) bool { return w.name == name })
	if i < 0 {
		i, d.took = len(d.took), append(d.took, work{name: name})
	}
	d.took[i].now = append(d.took[i].now, took)
	return err
}

// settle ends a turn; what a first turn found does not count.
func (d *scaled) settle(counts bool) {
	for i := range d.took {
		w := &d.took[i]
		if counts {
			w.medians = append(w.medians, quantile(w.now, 0.5))
			w.all = append(w.all, w.now...)
		}
		w.now = nil
	}
}

// quantile is in microseconds.
func quantile(all []time.Duration, q float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1)+0.5)]) / 1e3
}

// round does a turn of everything.
func (d *scaled) round(ctx context.Context) error {
	for _, part := range []func(context.Context) error{d.checks, d.logins, d.lists} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("%s tokens: %w", thousands(d.n), err)
		}
	}
	return nil
}

func (d *scaled) checks(ctx context.Context) error {
	for range scaleChecks {
		d.turn++
		token := dataset.Token(d.live(d.turn))
		if err := d.time("check, not cached", 1, func() error { _, err := d.off.Verify(ctx, token); return err }); err != nil {
			return err
		}
	}
	for range scaleChecks {
		err := d.time("check, cached", scaleBatch, func() error {
			for range scaleBatch {
				d.turn++
				if _, err := d.warm.Verify(ctx, d.inUse[measure.Scatter(d.turn, len(d.inUse))]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// logins lets users log in, who each have a token of the client already, look at
// their sessions, renew and log out.
func (d *scaled) logins(ctx context.Context) error {
	for range scaleWrites {
		d.turn++
		user := measure.Scatter(d.turn, d.n/dataset.TokensPerUser) + 1
		ask := durin.LoginRequest{Name: dataset.UserName(user), Client: dataset.Clients[0]}
		var in durin.LoggedIn
		var session *durin.Session
		var some []durin.Session
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"log-in, without its password hash", func() (err error) { in, err = d.off.Login(ctx, ask); return err }},
			{"", func() (err error) { session, err = d.off.Verify(ctx, in.Token); return err }},
			{"a user's sessions", func() (err error) {
				some, err = d.off.Sessions(ctx, browse.Query{UserID: in.User.ID, State: browse.Live, Now: time.Now()})
				return err
			}},
			{"renewal", func() error { _, err := d.off.Renew(ctx, session); return err }},
			{"revocation", func() error { return d.off.LogOut(ctx, session) }},
			{"", func() error { _, err := d.off.Login(ctx, ask); return err }},
		} {
			err := error(nil)
			if step.name == "" {
				err = step.do()
			} else {
				err = d.time(step.name, 1, step.do)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		if n := len(some); n != dataset.TokensPerUser && n != dataset.TokensPerUser-1 {
			return fmt.Errorf("user %d has %d sessions", user, n)
		}
	}
	return nil
}

// lists are what administrators look at, and what nodes ask all the time.
func (d *scaled) lists(ctx context.Context) error {
	for range scaleWrites {
		d.turn++
		now, client := time.Now(), dataset.Clients[2]
		place := browse.Cursor{ID: int64(measure.Scatter(d.turn, d.n)) + 2, ExpiresAt: now.Add(time.Duration(measure.Scatter(d.turn, 300)) * 24 * time.Hour)}
		last, err := d.store.LastEnding(ctx)
		if err != nil {
			return err
		}
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"admin: the newest of all tokens", d.browse(ctx, browse.Filter{Now: now}, browse.Cursor{})},
			{"admin: a page in the middle", d.browse(ctx, browse.Filter{Now: now}, place)},
			{"admin: live ones of a client", d.browse(ctx, browse.Filter{Client: client, State: browse.Live, Now: now}, place)},
			{"admin: those that expire within a week", d.browse(ctx, browse.Filter{State: browse.Live, Now: now, ExpiresBefore: now.Add(7 * 24 * time.Hour)}, browse.Cursor{})},
			{"admin: counting to 10,000", func() error {
				_, err := d.off.CountSessions(ctx, browse.Filter{Client: client, State: browse.Live, Now: now}, scaleCount)
				return err
			}},
			{"admin: users by the beginning of a name", func() error {
				_, err := d.off.FindUsers(ctx, browse.Users{Prefix: dataset.UserName(measure.Scatter(d.turn, d.n/dataset.TokensPerUser) + 1)[:11]}, "", scaleShown)
				return err
			}},
			{"a poll of the outbox", func() error { _, err := d.store.Endings(ctx, last, 1000); return err }},
		} {
			if err := d.time(step.name, 1, step.do); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
	}
	return nil
}

func (d *scaled) browse(ctx context.Context, f browse.Filter, at browse.Cursor) func() error {
	return func() error { _, err := d.off.Browse(ctx, f, at, scaleShown); return err }
}
