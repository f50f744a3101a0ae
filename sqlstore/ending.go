package sqlstore

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/nodes"
)

// End implements durin.Store. The rows are locked as they are selected, so what
// is returned is what this call ended, and nobody else.
func (s *Store) End(ctx context.Context, sel durin.Selection, now time.Time) (ended []durin.Digest, err error) {
	if err := tokenrule.CheckSelection(sel); err != nil {
		return nil, err
	}
	if !tokenrule.IsText(sel.UserID) || !tokenrule.IsText(sel.Client) || !tokenrule.IsText(sel.Spare) {
		return nil, ctx.Err()
	}
	var f filter
	f.number("id = ?", sel.ID)
	f.text("user_id = ?", sel.UserID)
	f.text("client_id = (SELECT id FROM durin_client WHERE name = ?)", sel.Client)
	f.number("id <> ?", sel.Except)
	f.text("client_id NOT IN (SELECT id FROM durin_client WHERE name = ?)", sel.Spare)
	write := s.write
	if sel.ID == 0 && sel.Digest == (durin.Digest{}) && sel.UserID == "" {
		write = s.writeMuch // all of a client
	}
	err = write(ctx, "ending tokens", func(ctx context.Context, t session) error {
		if sel.Digest == (durin.Digest{}) {
			ended, err = t.endWhere(ctx, f.where(), now, f.args...)
		} else {
			ended, err = t.endToken(ctx, sel.Digest, f, now)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// endToken ends the session of a token, present or replaced, if f holds for it.
// Once the look by its digest has found nothing, no renewal that replaces it is
// under way.
func (t session) endToken(ctx context.Context, d durin.Digest, f filter, now time.Time) ([]durin.Digest, error) {
	present, replaced := f.clone(), f.clone()
	present.add("digest = ?", d[:])
	ended, err := t.endWhere(ctx, present.where(), now, present.args...)
	if err != nil || len(ended) > 0 {
		return ended, err
	}
	ids, err := t.ids(ctx, "SELECT t.id"+replacedTables+" WHERE r.digest = ?", d[:])
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	replaced.add("id = ?", ids[0])
	return t.endWhere(ctx, replaced.where(), now, replaced.args...)
}

// MarkUser implements durin.Store.
func (s *Store) MarkUser(ctx context.Context, userID string, now time.Time) (marked []durin.Digest, err error) {
	if !tokenrule.IsText(userID) {
		return nil, ctx.Err()
	}
	err = s.writeMuch(ctx, "marking the tokens of a user", func(ctx context.Context, t session) error {
		marked, err = t.markUser(ctx, userID, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return marked, nil
}

// markUser locks the tokens of a user, and notes that what a check says of them may
// have changed.
func (t session) markUser(ctx context.Context, userID string, now time.Time) ([]durin.Digest, error) {
	marked, err := t.digests(ctx, " WHERE user_id = ? ORDER BY id"+t.forUpdate, userID)
	if err != nil {
		return nil, err
	}
	graces, err := t.graces(ctx, marked, now)
	if err != nil {
		return nil, err
	}
	marked = append(marked, graces...)
	return marked, t.noteDigests(ctx, marked, now, false)
}

// endWhere ends the tokens that where finds.
func (t session) endWhere(ctx context.Context, where string, now time.Time, args ...any) ([]durin.Digest, error) {
	ended, err := t.digests(ctx, where+" ORDER BY id"+t.forUpdate, args...)
	if err != nil {
		return nil, err
	}
	return t.endTokens(ctx, ended, now)
}

func (t session) digests(ctx context.Context, where string, args ...any) ([]durin.Digest, error) {
	var all []durin.Digest
	err := t.each(ctx, func(rows *sql.Rows) error {
		var d durin.Digest
		err := rows.Scan(digestColumn{&d})
		all = append(all, d)
		return err
	}, "SELECT digest FROM durin_token"+where, args...)
	return all, err
}

// endTokens deletes tokens whose rows are locked, and notes them. It returns them,
// and those that they have replaced lately.
func (t session) endTokens(ctx context.Context, ended []durin.Digest, now time.Time) ([]durin.Digest, error) {
	graces, err := t.dropReplaced(ctx, ended, now)
	if err != nil {
		return nil, err
	}
	err = portions(ended, func(some []durin.Digest) error {
		return t.exec(ctx, "DELETE FROM durin_token WHERE digest IN "+list(len(some)), digestArgs(some)...)
	})
	if err != nil {
		return nil, err
	}
	ended = append(ended, graces...)
	return ended, t.noteDigests(ctx, ended, now, true)
}

const insertEndings = "INSERT INTO durin_outbox (at, gone, digest, client_id) VALUES "

// noteDigests writes tokens to the outbox: gone for good, or to be read anew.
func (t session) noteDigests(ctx context.Context, ended []durin.Digest, now time.Time, gone bool) error {
	at := tokenrule.Instant(now).UnixMicro()
	return portions(ended, func(some []durin.Digest) error {
		args := make([]any, 0, 3*len(some))
		for i := range some {
			args = append(args, at, flag(gone), some[i][:])
		}
		return t.exec(ctx, insertEndings+"(?, ?, ?, NULL)"+strings.Repeat(", (?, ?, ?, NULL)", len(some)-1), args...)
	})
}

// noteClient writes all of a client to the outbox: gone for good, or to be read
// anew.
func (t session) noteClient(ctx context.Context, id int64, now time.Time, gone bool) error {
	return t.exec(ctx, insertEndings+"(?, ?, NULL, ?)", tokenrule.Instant(now).UnixMicro(), flag(gone), id)
}

// portions calls f with all of list in a few sizes, so that there are few
// different statements to prepare.
func portions[T any](list []T, f func([]T) error) error {
	for _, size := range []int{100, 10, 1} {
		for len(list) >= size {
			if err := f(list[:size]); err != nil {
				return err
			}
			list = list[size:]
		}
	}
	return nil
}

// Endings implements nodes.Outbox.
func (s *Store) Endings(ctx context.Context, after int64, limit int) (some []nodes.Ending, err error) {
	err = s.read(ctx, "reading the outbox", func(ctx context.Context, t session) error {
		some = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var e nodes.Ending
			var at, client, gone number
			err := rows.Scan(&e.Seq, &at, digestColumn{(*durin.Digest)(&e.Digest)}, &client, &gone)
			e.At, e.ClientID, e.Gone = at.instant(), client.n, gone.n != 0
			some = append(some, e)
			return err
		}, "SELECT seq, at, digest, client_id, gone FROM durin_outbox WHERE seq > ? ORDER BY seq LIMIT ?", after, int64(tokenrule.Limit(limit)))
	})
	if n := len(some); err == nil && n > 0 {
		s.file.saw(some[n-1].Seq)
	}
	return some, err
}

// LastEnding implements nodes.Outbox. Prune leaves the highest row.
func (s *Store) LastEnding(ctx context.Context) (int64, error) {
	var seq number
	err := s.read(ctx, "reading the outbox", func(ctx context.Context, t session) error {
		return t.row(ctx, "SELECT MAX(seq) FROM durin_outbox").Scan(&seq)
	})
	if err == nil {
		s.file.saw(seq.n)
	}
	return seq.n, err
}
