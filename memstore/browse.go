package memstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
)

// Browse implements durin.Browser.
func (s *Store) Browse(ctx context.Context, f browse.Filter, after browse.Cursor, limit int) (some []durin.Session, err error) {
	err = s.view(ctx, func(st *state) error {
		order := inOrder(f)
		from := token{id: after.ID, expiresAt: tokenrule.Instant(after.ExpiresAt)}
		for _, t := range st.filtered(f) {
			if (after.ID == 0 || order(from, t) < 0) && len(some) < tokenrule.Limit(limit) {
				some = append(some, st.sessionOf(t))
			}
		}
		return nil
	})
	return some, err
}

// inOrder compares as sessions of f come.
func inOrder(f browse.Filter) func(a, b token) int {
	return func(a, b token) int {
		switch {
		case !tokenrule.ByExpiry(f):
			return cmp.Compare(b.id, a.id)
		case f.State == browse.Expired:
			return cmp.Or(b.expiresAt.Compare(a.expiresAt), cmp.Compare(b.id, a.id))
		}
		return cmp.Or(a.expiresAt.Compare(b.expiresAt), cmp.Compare(a.id, b.id))
	}
}

// filtered are the tokens of f, in order.
func (st *state) filtered(f browse.Filter) []token {
	now, before := tokenrule.Instant(f.Now), tokenrule.Instant(f.ExpiresBefore)
	ids := st.matching(func(t token) bool {
		return (f.UserID == "" || f.UserID == t.userID) &&
			(f.Client == "" || f.Client == st.clients[t.clientID].Name) &&
			(f.State != browse.Live || t.live(now)) &&
			(f.State != browse.Expired || !t.live(now)) &&
			(f.State != browse.Live || before.IsZero() || !t.expiresAt.IsZero() && t.expiresAt.Before(before)) &&
			(f.Except == 0 || f.Except != t.id)
	})
	all := make([]token, len(ids))
	for i, id := range ids {
		all[i] = st.tokens[id]
	}
	slices.SortFunc(all, inOrder(f))
	return all
}

// CountSessions implements durin.Browser.
func (s *Store) CountSessions(ctx context.Context, f browse.Filter, limit int) (n int, err error) {
	err = s.view(ctx, func(st *state) error {
		n = min(len(st.filtered(f)), tokenrule.Limit(limit))
		return nil
	})
	return n, err
}

// EndSome implements durin.Browser.
func (s *Store) EndSome(ctx context.Context, f browse.Filter, limit int, now time.Time) (ended []durin.Digest, err error) {
	if err := tokenrule.CheckFilter(f); err != nil {
		return nil, err
	}
	err = s.view(ctx, func(st *state) error {
		all := st.filtered(f)
		var ids []int64
		for _, t := range all[:min(len(all), tokenrule.Limit(limit))] {
			ids = append(ids, t.id)
		}
		ended = st.end(ids, tokenrule.Instant(now))
		return nil
	})
	return ended, err
}

// FindUsers implements durin.Browser.
func (s *Store) FindUsers(ctx context.Context, f browse.Users, after string, limit int) (some []durin.User, err error) {
	err = s.view(ctx, func(st *state) error {
		for _, u := range st.users {
			if u.Name > after && strings.HasPrefix(u.Name, f.Prefix) && (!f.Admin || u.Admin) && (!f.Inactive || !u.Active) {
				some = append(some, u)
			}
		}
		slices.SortFunc(some, func(a, b durin.User) int { return cmp.Compare(a.Name, b.Name) })
		some = some[:min(len(some), tokenrule.Limit(limit))]
		return nil
	})
	return some, err
}

type activityKey struct {
	day      time.Time
	clientID int64
}

// AddActivity implements durin.Browser.
func (s *Store) AddActivity(ctx context.Context, batch browse.Batch, rows []browse.Activity) error {
	return s.view(ctx, func(st *state) error {
		if !st.isNew(batch) {
			return nil
		}
		for _, r := range rows {
			k := activityKey{tokenrule.Day(r.Day), r.ClientID}
			sum := st.activity[k]
			sum.Day, sum.ClientID = k.day, k.clientID
			sum.Requests += r.Requests
			sum.Throttled += r.Throttled
			sum.Logins += r.Logins
			sum.Refused += r.Refused
			sum.Failed += r.Failed
			st.activity[k] = sum
		}
		return nil
	})
}

// Activity implements durin.Browser.
func (s *Store) Activity(ctx context.Context, since time.Time) (rows []browse.Activity, err error) {
	err = s.view(ctx, func(st *state) error {
		rows = slices.SortedFunc(maps.Values(st.activity), func(a, b browse.Activity) int {
			return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.ClientID, b.ClientID))
		})
		rows = slices.DeleteFunc(rows, func(r browse.Activity) bool { return r.Day.Before(since) })
		return nil
	})
	return rows, err
}

// UsageOn implements durin.Browser.
func (s *Store) UsageOn(ctx context.Context, day time.Time, limit int) (some []browse.Usage, err error) {
	err = s.view(ctx, func(st *state) error {
		for k, u := range st.usage {
			if k.day.Equal(tokenrule.Day(day)) {
				some = append(some, u)
			}
		}
		slices.SortFunc(some, func(a, b browse.Usage) int {
			return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(b.UserID, a.UserID), cmp.Compare(b.ClientID, a.ClientID))
		})
		some = some[:min(len(some), tokenrule.Limit(limit))]
		return nil
	})
	return some, err
}
