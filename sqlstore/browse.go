package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
)

var _ durin.Browser = (*Store)(nil)

// Browse implements durin.Browser.
func (s *Store) Browse(ctx context.Context, f browse.Filter, after browse.Cursor, limit int) (some []durin.Session, err error) {
	if !tokenrule.IsText(f.UserID) || !tokenrule.IsText(f.Client) {
		return nil, ctx.Err()
	}
	where := browseFilter(f)
	order := browseOrder(f)
	behind(&where, f, after)
	err = s.read(ctx, "looking through sessions", func(ctx context.Context, t session) error {
		some, err = t.sessions(ctx, where.where()+order+" LIMIT ?", append(where.args, int64(tokenrule.Limit(limit)))...)
		return err
	})
	return some, err
}

// browseFilter is f on a durin_token called t. Where sessions do not come by
// their expiry, that column stands in an expression: an engine that chose its
// index would have to sort all of them.
func browseFilter(f browse.Filter) filter {
	var w filter
	w.text("t.user_id = ?", f.UserID)
	w.text("t.client_id = (SELECT id FROM durin_client WHERE name = ?)", f.Client)
	switch now := tokenrule.Instant(f.Now).UnixMicro(); {
	case f.State == browse.Live && tokenrule.ByExpiry(f):
		w.add("t.expires >= ?", now)
		w.add("t.expires < ?", tokenrule.Instant(f.ExpiresBefore).UnixMicro())
	case f.State == browse.Live:
		w.add("(t.expires IS NULL OR t.expires + 0 >= ?)", now)
	case f.State == browse.Expired:
		w.add("t.expires < ?", now)
	}
	w.number("t.id <> ?", f.Except)
	return w
}

func browseOrder(f browse.Filter) string {
	switch {
	case !tokenrule.ByExpiry(f):
		return " ORDER BY t.id DESC"
	case f.State == browse.Expired:
		return " ORDER BY t.expires DESC, t.id DESC"
	}
	return " ORDER BY t.expires, t.id"
}

// behind goes on after the cursor.
func behind(w *filter, f browse.Filter, after browse.Cursor) {
	at := tokenrule.Instant(after.ExpiresAt).UnixMicro()
	switch {
	case after.ID == 0:
	case !tokenrule.ByExpiry(f):
		w.add("t.id < ?", after.ID)
	case f.State == browse.Expired:
		w.add("t.expires <= ?", at)
		w.add("(t.expires < ? OR t.id < ?)", at)
		w.args = append(w.args, after.ID)
	default:
		w.add("t.expires >= ?", at)
		w.add("(t.expires > ? OR t.id > ?)", at)
		w.args = append(w.args, after.ID)
	}
}

// CountSessions implements durin.Browser. Those that never expire are counted
// apart, so that an index serves each.
func (s *Store) CountSessions(ctx context.Context, f browse.Filter, limit int) (n int, err error) {
	if !tokenrule.IsText(f.UserID) || !tokenrule.IsText(f.Client) {
		return 0, ctx.Err()
	}
	most := int64(tokenrule.Limit(limit))
	err = s.read(ctx, "counting sessions", func(ctx context.Context, t session) error {
		n = 0
		for _, w := range countFilters(f) {
			var some int64
			query := "SELECT COUNT(*) FROM (SELECT 1 AS one FROM durin_token t" + w.where() + countOrder(f) + " LIMIT ?) AS found"
			if err := t.row(ctx, query, append(w.args, most-int64(n))...).Scan(&some); err != nil {
				return err
			}
			if n += int(some); int64(n) >= most {
				break
			}
		}
		return nil
	})
	return n, err
}

// countOrder leads an engine to an index, where it would else read the table and
// hope to meet enough rows soon.
func countOrder(f browse.Filter) string {
	if f.UserID != "" {
		return ""
	}
	return " ORDER BY t.expires"
}

func countFilters(f browse.Filter) []filter {
	if f.State != browse.Live || tokenrule.ByExpiry(f) {
		return []filter{browseFilter(f)}
	}
	any := f
	any.State = browse.Any
	never, later := browseFilter(any), browseFilter(any)
	never.conditions = append(never.conditions, "t.expires IS NULL")
	later.add("t.expires >= ?", tokenrule.Instant(f.Now).UnixMicro())
	return []filter{later, never}
}

// EndSome implements durin.Browser.
func (s *Store) EndSome(ctx context.Context, f browse.Filter, limit int, now time.Time) (ended []durin.Digest, err error) {
	if err := tokenrule.CheckFilter(f); err != nil {
		return nil, err
	}
	if !tokenrule.IsText(f.UserID) || !tokenrule.IsText(f.Client) {
		return nil, ctx.Err()
	}
	w := browseFilter(f)
	query := "SELECT t.digest FROM durin_token t" + w.where() + browseOrder(f) + " LIMIT ?"
	err = s.writeMuch(ctx, "ending some tokens", func(ctx context.Context, t session) error {
		ended = nil
		err := t.each(ctx, func(rows *sql.Rows) error {
			var d durin.Digest
			err := rows.Scan(digestColumn{&d})
			ended = append(ended, d)
			return err
		}, query+t.forUpdate, append(w.args, int64(tokenrule.Limit(limit)))...)
		if err != nil {
			return err
		}
		ended, err = t.endTokens(ctx, ended, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// FindUsers implements durin.Browser.
func (s *Store) FindUsers(ctx context.Context, f browse.Users, after string, limit int) (some []durin.User, err error) {
	if !tokenrule.IsText(f.Prefix) || !tokenrule.IsText(after) {
		return nil, ctx.Err()
	}
	var w filter // partial indexes want their condition as it is written there
	if f.Admin {
		w.conditions = append(w.conditions, "admin = 1")
	}
	if f.Inactive {
		w.conditions = append(w.conditions, "active = 0")
	}
	w.add("name > ?", after)
	if f.Prefix != "" {
		w.add("name >= ?", f.Prefix)
		w.add("name < ?", f.Prefix+highest)
	}
	err = s.read(ctx, "looking for users", func(ctx context.Context, t session) error {
		some = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			u, err := scanUser(rows)
			some = append(some, u)
			return err
		}, "SELECT "+userColumns+" FROM durin_user"+w.where()+" ORDER BY name LIMIT ?", append(w.args, int64(tokenrule.Limit(limit)))...)
	})
	return some, err
}

// highest comes after whatever may go on behind a prefix: no name has the last
// character that there is, which stands for none.
const highest = "\U0010FFFF"

// AddActivity implements durin.Browser.
func (s *Store) AddActivity(ctx context.Context, batch browse.Batch, rows []browse.Activity) error {
	if len(rows) == 0 {
		return ctx.Err()
	}
	rows = slices.SortedFunc(slices.Values(rows), func(a, b browse.Activity) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.ClientID, b.ClientID))
	})
	return s.addOnce(ctx, "adding activity", batch, func(ctx context.Context, t session) error {
		query := insertInto("durin_activity", "day, client_id, requests, throttled, logins, refused, failed") + t.upsert("day, client_id") +
			"requests = durin_activity.requests + ?, throttled = durin_activity.throttled + ?, logins = durin_activity.logins + ?, " +
			"refused = durin_activity.refused + ?, failed = durin_activity.failed + ?"
		return t.repeat(ctx, query, len(rows), func(i int) []any {
			r := &rows[i]
			return []any{tokenrule.Day(r.Day).UnixMicro(), r.ClientID, r.Requests, r.Throttled, r.Logins, r.Refused, r.Failed,
				r.Requests, r.Throttled, r.Logins, r.Refused, r.Failed}
		})
	})
}

// Activity implements durin.Browser.
func (s *Store) Activity(ctx context.Context, since time.Time) (all []browse.Activity, err error) {
	err = s.read(ctx, "reading activity", func(ctx context.Context, t session) error {
		all = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var r browse.Activity
			var day number
			err := rows.Scan(&day, &r.ClientID, &r.Requests, &r.Throttled, &r.Logins, &r.Refused, &r.Failed)
			r.Day = day.instant()
			all = append(all, r)
			return err
		}, "SELECT day, client_id, requests, throttled, logins, refused, failed FROM durin_activity WHERE day >= ? ORDER BY day, client_id", microsUp(since))
	})
	return all, err
}

// UsageOn implements durin.Browser.
func (s *Store) UsageOn(ctx context.Context, day time.Time, limit int) (some []browse.Usage, err error) {
	err = s.read(ctx, "reading the usage of a day", func(ctx context.Context, t session) error {
		some = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			u := browse.Usage{Day: tokenrule.Day(day)}
			err := rows.Scan(&u.UserID, &u.ClientID, &u.Requests, &u.Throttled)
			some = append(some, u)
			return err
		}, "SELECT user_id, client_id, requests, throttled FROM durin_usage WHERE day = ? ORDER BY requests DESC, user_id DESC, client_id DESC LIMIT ?",
			tokenrule.Day(day).UnixMicro(), int64(tokenrule.Limit(limit)))
	})
	return some, err
}
