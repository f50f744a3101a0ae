package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

const (
	replacedFields = "digest, token_id, token_created, successor, seal, seal_until, good_until, forget"
	// An id that a row came with may have been another token's once: created
	// tells them apart.
	replacedTables = " FROM durin_replaced r JOIN durin_token t ON t.id = r.token_id AND t.created = r.token_created"
)

// Rotate implements durin.Store. It locks the session's row, by the digest that
// was presented or, where that is not there any more, by the id that it had: who
// comes second sees what the first has done.
func (s *Store) Rotate(ctx context.Context, r durin.Rotation) (rotated durin.Rotated, err error) {
	now := tokenrule.Instant(r.Now)
	err = s.insert(ctx, "renewing a token", func(ctx context.Context, t session) error {
		present, err := t.lockSession(ctx, "digest = ?", r.Digest[:])
		if err == nil {
			rotated, err = t.rotate(ctx, present, r, now)
			return err
		}
		if !errors.Is(err, durin.ErrNotFound) {
			return err
		}
		rotated, err = t.rotateReplaced(ctx, r, now)
		return err
	}, tokenTaken, r.Successor[:])
	if err != nil {
		return durin.Rotated{}, err
	}
	return rotated, nil
}

// lockSession is the session that where finds, which nobody changes until the
// transaction ends.
func (t session) lockSession(ctx context.Context, where string, arg any) (durin.Session, error) {
	if t.forUpdate != "" {
		if _, err := t.has(ctx, "SELECT id FROM durin_token WHERE "+where+t.forUpdate, arg); err != nil {
			return durin.Session{}, err
		}
	}
	return t.sessionBy(ctx, " WHERE t."+where, arg)
}

// rotateReplaced answers the renewal of a token that is replaced already.
func (t session) rotateReplaced(ctx context.Context, r durin.Rotation, now time.Time) (durin.Rotated, error) {
	ids, err := t.ids(ctx, "SELECT t.id"+replacedTables+" WHERE r.digest = ? AND r.good_until >= ?", r.Digest[:], now.UnixMicro())
	if err == nil && len(ids) == 0 {
		err = errNoToken
	}
	if err != nil {
		return durin.Rotated{}, err
	}
	present, err := t.lockSession(ctx, "id = ?", ids[0])
	if err != nil {
		return durin.Rotated{}, err
	}
	if present.Expired(now) {
		return durin.Rotated{}, errNoToken
	}
	seal, err := t.sealOf(ctx, present)
	if err != nil {
		return durin.Rotated{}, err
	}
	if len(seal) > 0 && present.Digest != r.Lost {
		return durin.Rotated{Session: present, Seal: seal}, nil
	}
	rotated, err := t.rotate(ctx, present, r, now)
	if err == nil && !rotated.New {
		err = errNoToken // there is nothing to hand out
	}
	return rotated, err
}

// sealOf is the seal that the renewal which made the present token has left.
func (t session) sealOf(ctx context.Context, present durin.Session) (seal []byte, err error) {
	err = t.row(ctx, "SELECT seal FROM durin_replaced WHERE token_id = ? AND successor = ?", present.ID, present.Digest[:]).Scan(&seal)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return seal, err
}

// rotate renews the session present, whose row is locked, and puts r's token in
// the place of its own if there is one to be put.
func (t session) rotate(ctx context.Context, present durin.Session, r durin.Rotation, now time.Time) (durin.Rotated, error) {
	if present.Expired(now) {
		return durin.Rotated{}, errNoToken
	}
	rotated := durin.Rotated{Session: present, Changed: []durin.Digest{present.Digest}}
	expires := tokenrule.Instant(present.ExpiryAfter(now))
	rotated.Session.ExpiresAt = expires
	var count, had number
	if err := t.row(ctx, "SELECT COUNT(*) FROM durin_replaced WHERE token_id = ?", present.ID).Scan(&count); err != nil {
		return durin.Rotated{}, err
	}
	if !tokenrule.Rotates(*present.Client, now, expires, int(count.n)) {
		return rotated, t.setExpiry(ctx, present, expires, now)
	}
	if err := t.row(ctx, "SELECT CASE WHEN seal IS NULL THEN 0 ELSE 1 END FROM durin_token WHERE id = ?", present.ID).Scan(&had); err != nil {
		return durin.Rotated{}, err
	}
	rotated.New, rotated.Session.Digest = true, r.Successor
	seal := tokenrule.SealOf(*present.Client, had.n != 0, r.Seal)
	err := asInsert(t.exec(ctx, "UPDATE durin_token SET digest = ?, seal = ?, expires = ? WHERE id = ?", r.Successor[:], bytesOrNull(seal), instantOrNull(expires), present.ID))
	if err != nil {
		return durin.Rotated{}, err
	}
	grace := tokenrule.GraceOf(*present.Client, now, present.ExpiresAt, expires)
	err = asInsert(t.exec(ctx, insertInto("durin_replaced", replacedFields), present.Digest[:], present.ID, present.Created.UnixMicro(), r.Successor[:],
		bytesOrNull(r.Seal), grace.Until.UnixMicro(), grace.Until.UnixMicro(), grace.Forget.UnixMicro()))
	if err != nil {
		return durin.Rotated{}, err
	}
	return rotated, t.noteDigests(ctx, rotated.Changed, now, false)
}

// graces are the tokens that renewals have replaced by those with the digests
// given, whose rows are locked, and that are in their grace at now.
func (t session) graces(ctx context.Context, tokens []durin.Digest, now time.Time) (all []durin.Digest, err error) {
	err = t.replacedOf(ctx, tokens, func(d durin.Digest, until time.Time) {
		if !now.After(until) {
			all = append(all, d)
		}
	})
	return all, err
}

// replacedOf calls f with each token that renewals have replaced in the sessions of
// tokens. It asks for few at a time, so that every engine looks them up one by one.
func (t session) replacedOf(ctx context.Context, tokens []durin.Digest, f func(d durin.Digest, until time.Time)) error {
	const few = 10
	if len(tokens) > few {
		var any number // of the index' first entry: mostly there is none
		if err := t.row(ctx, "SELECT MIN(forget) FROM durin_replaced").Scan(&any); err != nil || !any.set {
			return err
		}
	}
	look := func(some []durin.Digest) error {
		return t.each(ctx, func(rows *sql.Rows) error {
			var d durin.Digest
			var until number
			err := rows.Scan(digestColumn{&d}, &until)
			f(d, until.instant())
			return err
		}, "SELECT r.digest, r.good_until FROM durin_token t JOIN durin_replaced r ON r.token_id = t.id AND r.token_created = t.created WHERE t.digest IN "+list(len(some))+" ORDER BY r.digest", digestArgs(some)...)
	}
	for some := range slices.Chunk(tokens, few) {
		if err := portions(some, look); err != nil {
			return err
		}
	}
	return nil
}

// dropReplaced deletes what is known of tokens that renewals have replaced by
// those with the digests given, and returns those that are in their grace.
func (t session) dropReplaced(ctx context.Context, tokens []durin.Digest, now time.Time) ([]durin.Digest, error) {
	var all, graces []durin.Digest
	err := t.replacedOf(ctx, tokens, func(d durin.Digest, until time.Time) {
		all = append(all, d)
		if !now.After(until) {
			graces = append(graces, d)
		}
	})
	if err != nil {
		return nil, err
	}
	return graces, t.deleteReplaced(ctx, all)
}

func (t session) deleteReplaced(ctx context.Context, all []durin.Digest) error {
	return portions(all, func(some []durin.Digest) error {
		return t.exec(ctx, "DELETE FROM durin_replaced WHERE digest IN "+list(len(some)), digestArgs(some)...)
	})
}

func digestArgs(digests []durin.Digest) []any {
	args := make([]any, len(digests))
	for i := range digests {
		args[i] = digests[i][:]
	}
	return args
}

// ForgetReplaced implements durin.Store. It looks before it writes: mostly there
// is nothing to do.
func (s *Store) ForgetReplaced(ctx context.Context, now time.Time) error {
	at := tokenrule.Instant(now).UnixMicro()
	for _, part := range []struct{ find, change string }{
		{"SELECT digest FROM durin_replaced WHERE seal_until < ? ORDER BY seal_until LIMIT ?", "UPDATE durin_replaced SET seal = NULL, seal_until = NULL WHERE digest IN "},
		{"SELECT digest FROM durin_replaced WHERE forget < ? ORDER BY forget LIMIT ?", "DELETE FROM durin_replaced WHERE digest IN "},
	} {
		for more := true; more; {
			var some []durin.Digest
			err := s.read(ctx, "looking for replaced tokens", func(ctx context.Context, t session) error {
				some = nil
				return t.each(ctx, func(rows *sql.Rows) error {
					var d durin.Digest
					err := rows.Scan(digestColumn{&d})
					some = append(some, d)
					return err
				}, part.find, at, int64(pruneBatch))
			})
			if err != nil {
				return err
			}
			if more = len(some) == pruneBatch; len(some) == 0 {
				continue
			}
			err = s.write(ctx, "forgetting replaced tokens", func(ctx context.Context, t session) error {
				return portions(some, func(some []durin.Digest) error {
					return t.exec(ctx, part.change+list(len(some)), digestArgs(some)...)
				})
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
