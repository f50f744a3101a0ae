package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
)

const (
	sessionColumns = "t.id, t.user_id, t.created, t.issued_at, t.expires, t.ceiling, t.last_used, t.owner, u.name, u.active, " + clientColumns
	sessionTables  = " FROM durin_token t JOIN durin_client c ON c.id = t.client_id LEFT JOIN durin_user u ON u.id = t.owner"
	// lookupText finds a token, or the present one of the session in which a
	// renewal has replaced it: then its own good_until and the digest that has
	// taken its place come last. One query, for strangers' tokens are neither.
	lookupText = "SELECT " + sessionColumns + ", NULL, NULL" + sessionTables + " WHERE t.digest = ? UNION ALL " +
		"SELECT " + sessionColumns + ", r.good_until, t.digest" + replacedTables +
		" JOIN durin_client c ON c.id = t.client_id LEFT JOIN durin_user u ON u.id = t.owner WHERE r.digest = ?"
	deviceColumns = ", t.digest, t.name, t.address, t.agent"
	sessionText   = "SELECT " + sessionColumns + deviceColumns + sessionTables
)

// A sessionRow is what sessionColumns scan into, and after them deviceColumns.
type sessionRow struct {
	s                                  durin.Session
	created, issued, expires, lastUsed number
	ceiling                            number
	owner, active                      number
	userName                           sql.NullString
	client                             clientRow
	device                             durin.Device
}

func (r *sessionRow) targets(to []any) []any {
	return r.client.targets(append(to, &r.s.ID, &r.s.UserID, &r.created, &r.issued, &r.expires, &r.ceiling, &r.lastUsed, &r.owner, &r.userName, &r.active))
}

func (r *sessionRow) withDevice(to []any) []any {
	return append(r.targets(to), digestColumn{&r.s.Digest}, &r.device.Name, &r.device.Address, &r.device.Agent)
}

func (r *sessionRow) session() durin.Session {
	s := r.s
	client := r.client.client()
	s.Client = &client
	s.Created, s.IssuedAt = r.created.instant(), r.issued.instant()
	s.Ceiling, s.LastUsed = r.ceiling.instant(), r.lastUsed.instant()
	s.ExpiresAt = durin.Earliest(r.expires.instant(), s.Ceiling) // a program of before may have moved it beyond
	s.UserName = r.userName.String
	s.Inactive = r.owner.set && r.active.n == 0
	return s
}

var errNoToken = fmt.Errorf("token: %w", durin.ErrNotFound)

// Lookup implements durin.Store, with one prepared query.
func (s *Store) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	var row sessionRow
	var until number
	var present durin.Digest
	err := s.bounded(ctx, s.timeout, "looking up a token", func(ctx context.Context) error {
		leave, err := s.file.enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		var found *sql.Row
		if s.lookup != nil {
			found = s.lookup.QueryRowContext(ctx, d[:], d[:])
		} else {
			found = s.reader.QueryRowContext(ctx, s.look, d[:], d[:])
		}
		var targets [26]any
		err = found.Scan(append(row.targets(targets[:0]), &until, digestColumn{&present})...)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoToken
		}
		return err
	})
	if err != nil {
		return durin.Session{}, err
	}
	found := row.session()
	found.Digest = d
	if until.set {
		found.ReplacedBy, found.ExpiresAt = &present, until.instant()
	}
	return found, nil
}

// Sessions implements durin.Store.
func (s *Store) Sessions(ctx context.Context, q browse.Query) (some []durin.Session, err error) {
	if !tokenrule.IsText(q.UserID) || !tokenrule.IsText(q.Client) {
		return nil, ctx.Err()
	}
	where, args := sessionFilter(q)
	err = s.read(ctx, "reading sessions", func(ctx context.Context, t session) error {
		some, err = t.sessions(ctx, where, args...)
		return err
	})
	return some, err
}

// sessionFilter is q as the end of sessionText.
func sessionFilter(q browse.Query) (string, []any) {
	var f filter
	f.number("t.id = ?", q.ID)
	f.text("t.user_id = ?", q.UserID)
	f.text("t.client_id = (SELECT id FROM durin_client WHERE name = ?)", q.Client)
	switch now := tokenrule.Instant(q.Now).UnixMicro(); q.State {
	case browse.Live:
		f.add("(t.expires IS NULL OR t.expires >= ?)", now)
	case browse.Expired:
		f.add("t.expires < ?", now)
	}
	order := " ORDER BY t.id LIMIT ?"
	if q.Newest {
		f.number("t.id < ?", q.After)
		order = " ORDER BY t.id DESC LIMIT ?"
	} else {
		f.number("t.id > ?", q.After)
	}
	return f.where() + order, append(f.args, int64(tokenrule.Limit(q.Limit)))
}

// sessions are those that sessionText with the end where finds, with Device.
func (t session) sessions(ctx context.Context, where string, args ...any) ([]durin.Session, error) {
	var some []durin.Session
	err := t.each(ctx, func(rows *sql.Rows) error {
		var row sessionRow
		err := rows.Scan(row.withDevice(nil)...)
		session := row.session()
		session.Device = &row.device
		some = append(some, session)
		return err
	}, sessionText+where, args...)
	return some, err
}

// sessionBy is the one session that where finds.
func (t session) sessionBy(ctx context.Context, where string, args ...any) (durin.Session, error) {
	some, err := t.sessions(ctx, where, args...)
	if err == nil && len(some) == 0 {
		err = errNoToken
	}
	if err != nil {
		return durin.Session{}, err
	}
	return some[0], nil
}

// Renew implements durin.Store.
func (s *Store) Renew(ctx context.Context, d durin.Digest, now time.Time) (renewed durin.Session, err error) {
	now = tokenrule.Instant(now)
	err = s.write(ctx, "renewing a token", func(ctx context.Context, t session) error {
		if t.forUpdate != "" {
			if _, err := t.has(ctx, "SELECT id FROM durin_token WHERE digest = ?"+t.forUpdate, d[:]); err != nil {
				return err
			}
		}
		old, err := t.sessionBy(ctx, " WHERE t.digest = ?", d[:])
		if err != nil {
			return err
		}
		if old.Expired(now) {
			return errNoToken
		}
		renewed = old
		renewed.ExpiresAt = tokenrule.Instant(old.ExpiryAfter(now))
		return t.setExpiry(ctx, old, renewed.ExpiresAt, now)
	})
	if err != nil {
		return durin.Session{}, err
	}
	return renewed, nil
}

// setExpiry writes the expiry of a token whose row is locked. Nodes that remember
// a later one must hear of it.
func (t session) setExpiry(ctx context.Context, old durin.Session, expires, now time.Time) error {
	err := t.exec(ctx, "UPDATE durin_token SET expires = ? WHERE id = ?", instantOrNull(expires), old.ID)
	if err == nil && tokenrule.Earlier(expires, old.ExpiresAt) {
		err = t.noteDigests(ctx, []durin.Digest{old.Digest}, now, false)
	}
	return err
}

// A filter gathers conditions that must all hold.
type filter struct {
	conditions []string
	args       []any
}

func (f *filter) add(condition string, arg any) {
	f.conditions = append(f.conditions, condition)
	f.args = append(f.args, arg)
}

func (f *filter) number(condition string, n int64) {
	if n != 0 {
		f.add(condition, n)
	}
}

func (f *filter) text(condition, s string) {
	if s != "" {
		f.add(condition, s)
	}
}

// clone is a filter to go on from.
func (f filter) clone() filter {
	return filter{slices.Clone(f.conditions), slices.Clone(f.args)}
}

// where is the conditions with their keyword; nothing if there are none.
func (f *filter) where() string {
	if len(f.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(f.conditions, " AND ")
}
