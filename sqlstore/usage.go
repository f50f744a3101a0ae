package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
)

const touchText = "UPDATE durin_token SET " +
	"last_used = CASE WHEN last_used IS NULL OR last_used < ? THEN ? ELSE last_used END, " +
	"expires = CASE WHEN expires >= ? AND expires < ? AND (ceiling IS NULL OR ceiling >= ?) THEN ? ELSE expires END WHERE digest = ?"

// Touch implements durin.Store. Rows are locked in the order of their digests, so
// that two calls never wait for each other.
func (s *Store) Touch(ctx context.Context, uses []durin.Use) error {
	if len(uses) == 0 {
		return ctx.Err()
	}
	uses = slices.SortedStableFunc(slices.Values(uses), func(a, b durin.Use) int {
		return bytes.Compare(a.Digest[:], b.Digest[:])
	})
	return s.write(ctx, "noting uses", func(ctx context.Context, t session) error {
		return t.repeat(ctx, touchText, len(uses), func(i int) []any {
			use := &uses[i]
			at, extend := tokenrule.Instant(use.At).UnixMicro(), instantOrNull(tokenrule.Instant(use.Extend))
			return []any{at, at, at, extend, extend, extend, use.Digest[:]}
		})
	})
}

// AddUsage implements durin.Store.
func (s *Store) AddUsage(ctx context.Context, batch browse.Batch, usage []browse.Usage) error {
	if len(usage) == 0 {
		return ctx.Err()
	}
	usage = slices.SortedFunc(slices.Values(usage), func(a, b browse.Usage) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.ClientID, b.ClientID))
	})
	return s.addOnce(ctx, "adding usage", batch, func(ctx context.Context, t session) error {
		query := insertInto("durin_usage", "day, user_id, client_id, requests, throttled") +
			t.upsert("day, user_id, client_id") + "requests = durin_usage.requests + ?, throttled = durin_usage.throttled + ?"
		return t.repeat(ctx, query, len(usage), func(i int) []any {
			u := &usage[i]
			return []any{u.Day.UTC().Truncate(24 * time.Hour).UnixMicro(), u.UserID, u.ClientID, u.Requests, u.Throttled, u.Requests, u.Throttled}
		})
	})
}

// addOnce is write for work that adds a batch of counts. One that is there was
// added before, by a call whose caller did not hear of it.
func (s *Store) addOnce(ctx context.Context, what string, batch browse.Batch, work func(context.Context, session) error) error {
	if batch.ID == ([16]byte{}) {
		return s.write(ctx, what, work)
	}
	err := s.insert(ctx, what, func(ctx context.Context, t session) error {
		if err := t.exec(ctx, insertInto("durin_batch", "id, at"), batch.ID[:], tokenrule.Instant(batch.At).UnixMicro()); err != nil {
			return asInsert(err)
		}
		return work(ctx, t)
	}, "SELECT 1 FROM durin_batch WHERE id = ?", batch.ID[:])
	if errors.Is(err, durin.ErrExists) {
		return nil
	}
	return err
}

// Usage implements durin.Store. Rows with as many requests come by day, user and
// client.
func (s *Store) Usage(ctx context.Context, since time.Time, userID string, clientID int64, limit int) (some []browse.Usage, err error) {
	if !tokenrule.IsText(userID) {
		return nil, ctx.Err()
	}
	var f filter
	f.add("day >= ?", microsUp(since))
	f.text("user_id = ?", userID)
	f.number("client_id = ?", clientID)
	query := "SELECT day, user_id, client_id, requests, throttled FROM durin_usage" + f.where() +
		" ORDER BY requests DESC, day, user_id, client_id LIMIT ?"
	err = s.read(ctx, "reading usage", func(ctx context.Context, t session) error {
		some = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var u browse.Usage
			var day number
			err := rows.Scan(&day, &u.UserID, &u.ClientID, &u.Requests, &u.Throttled)
			u.Day = day.instant()
			some = append(some, u)
			return err
		}, query, append(f.args, int64(tokenrule.Limit(limit)))...)
	})
	return some, err
}

// microsUp is the first microsecond that is not before t.
func microsUp(t time.Time) int64 {
	n := t.UnixMicro()
	if time.UnixMicro(n).Before(t) {
		n++
	}
	return n
}

// Seals implements durin.Store.
func (s *Store) Seals(ctx context.Context, after int64, limit int) (some []durin.Sealed, err error) {
	err = s.readMuch(ctx, "reading seals", func(ctx context.Context, t session) error {
		some = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var one durin.Sealed
			err := rows.Scan(&one.ID, digestColumn{&one.Digest}, &one.Seal)
			some = append(some, one)
			return err
		}, "SELECT id, digest, seal FROM durin_token WHERE id > ? AND seal IS NOT NULL ORDER BY id LIMIT ?", after, int64(tokenrule.Limit(limit)))
	})
	return some, err
}

// Reseal implements durin.Store. A seal of nothing takes the seal away.
func (s *Store) Reseal(ctx context.Context, d durin.Digest, old, new []byte) (done bool, err error) {
	err = s.write(ctx, "replacing a seal", func(ctx context.Context, t session) error {
		done = false
		var present []byte
		err := t.row(ctx, "SELECT seal FROM durin_token WHERE digest = ?"+t.forUpdate, d[:]).Scan(&present)
		if err == sql.ErrNoRows {
			return nil
		}
		if err != nil || len(present) == 0 || !bytes.Equal(present, old) {
			return err
		}
		done = true
		return t.exec(ctx, "UPDATE durin_token SET seal = ? WHERE digest = ?", bytesOrNull(new), d[:])
	})
	return done && err == nil, err
}
