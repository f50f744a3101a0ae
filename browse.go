package durin

import (
	"context"
	"errors"
	"time"

	"github.com/durin-go/durin/browse"
)

// A Browser is a Store that answers the questions of people who look through
// it, by a Store's contract. No answer takes longer because there is much in the
// store that was not asked for.
type Browser interface {
	// Browse returns at most limit sessions of f behind the cursor, with their
	// Device.
	Browse(ctx context.Context, f browse.Filter, after browse.Cursor, limit int) ([]Session, error)
	// CountSessions counts the sessions of f, and stops at limit.
	CountSessions(ctx context.Context, f browse.Filter, limit int) (int, error)
	// EndSome ends at most limit sessions of f, as Store.End does. An empty
	// filter is an error.
	EndSome(ctx context.Context, f browse.Filter, limit int, now time.Time) ([]Digest, error)
	// FindUsers returns at most limit users of f with a name after the given
	// one, by name in byte order. A Store without users returns none.
	FindUsers(ctx context.Context, f browse.Users, after string, limit int) ([]User, error)

	// AddActivity adds to the counts of the day and client, unless it has added
	// the batch before.
	AddActivity(ctx context.Context, batch browse.Batch, rows []browse.Activity) error
	// Activity returns the counts from day since on, by day, then client.
	Activity(ctx context.Context, since time.Time) ([]browse.Activity, error)
	// UsageOn returns at most limit counts of one day, most requests first.
	UsageOn(ctx context.Context, day time.Time, limit int) ([]browse.Usage, error)
}

var errNoBrowser = errors.New("durin: the store is no Browser")

func (g *Guard) browser() (Browser, error) {
	if b, ok := g.store.(Browser); ok {
		return b, nil
	}
	return nil, errNoBrowser
}

// CanBrowse reports whether the store is a Browser: without one Browse,
// CountSessions, EndSome, FindUsers, Activity and UsageOn fail.
func (g *Guard) CanBrowse() bool {
	_, err := g.browser()
	return err == nil
}

// Browse lists sessions for people. See Browser.
func (g *Guard) Browse(ctx context.Context, f browse.Filter, after browse.Cursor, limit int) ([]Session, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	some, err := b.Browse(ctx, g.stamped(f), after, limit)
	return some, unavailable(err)
}

// CountSessions counts the sessions of f, and stops at limit.
func (g *Guard) CountSessions(ctx context.Context, f browse.Filter, limit int) (int, error) {
	b, err := g.browser()
	if err != nil {
		return 0, err
	}
	n, err := b.CountSessions(ctx, g.stamped(f), limit)
	return n, unavailable(err)
}

// EndSome ends at most limit sessions of f, and returns how many: call it until
// it returns less. What is ended is refused as after End. A filter that selects
// by nothing is an error.
func (g *Guard) EndSome(ctx context.Context, f browse.Filter, limit int) (int, error) {
	b, err := g.browser()
	if err != nil {
		return 0, err
	}
	f = g.stamped(f)
	known := ending{}
	if g.opt.Hooks.Revoked != nil {
		known = ending{sessions: map[Digest]*Session{}, other: Session{UserID: f.UserID, Client: &Client{Name: f.Client}}}
		if some, err := b.Browse(ctx, f, browse.Cursor{}, limit); err == nil {
			known.add(some)
		}
	}
	digests, err := b.EndSome(ctx, f, limit, g.now())
	if err != nil {
		return 0, unavailable(err)
	}
	g.ended(ctx, revoked, digests, known)
	g.tellEnded(ctx, "token.revoke", Selection{UserID: f.UserID, Client: f.Client, Except: f.Except}, nil, len(digests))
	return len(digests), nil
}

// FindUsers lists users for people. See Browser.
func (g *Guard) FindUsers(ctx context.Context, f browse.Users, after string, limit int) ([]User, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	some, err := b.FindUsers(ctx, f, after, limit)
	return some, unavailable(err)
}

// Activity returns the counts from day since on; those of the last minute may
// not be in yet.
func (g *Guard) Activity(ctx context.Context, since time.Time) ([]browse.Activity, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	rows, err := b.Activity(ctx, since)
	return rows, unavailable(err)
}

// UsageOn returns the busiest users and clients of a day.
func (g *Guard) UsageOn(ctx context.Context, day time.Time, limit int) ([]browse.Usage, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	rows, err := b.UsageOn(ctx, day, limit)
	return rows, unavailable(err)
}

// Usage returns what a user did through each client, from day since on.
func (g *Guard) Usage(ctx context.Context, since time.Time, userID string, limit int) ([]browse.Usage, error) {
	rows, err := g.store.Usage(ctx, since, userID, 0, limit)
	return rows, unavailable(err)
}

func (g *Guard) stamped(f browse.Filter) browse.Filter {
	if f.Now.IsZero() {
		f.Now = g.now()
	}
	return f
}
