package memstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
)

// Issue implements durin.Store.
func (s *Store) Issue(ctx context.Context, t durin.NewToken) (issued durin.IssuedToken, err error) {
	err = s.view(ctx, func(st *state) error {
		issued, err = st.issue(t)
		return err
	})
	return issued, err
}

func (st *state) issue(t durin.NewToken) (durin.IssuedToken, error) {
	var none durin.IssuedToken
	if err := tokenrule.CheckUser(t.UserID, t.Owned); err != nil {
		return none, err
	}
	u, known := st.user(t.UserID)
	if t.Owned && !(known && u.Active) {
		return none, fmt.Errorf("memstore: user %s: %w", t.UserID, durin.ErrInactive)
	}
	if t.Owned && t.PasswordHash != "" && t.PasswordHash != u.Password {
		return none, fmt.Errorf("memstore: user %s: %w", t.UserID, durin.ErrPasswordChanged)
	}
	c, err := st.clientByName(t.Client)
	if err != nil {
		return none, fmt.Errorf("memstore: client %q: %w", t.Client, durin.ErrUnknownClient)
	}
	d, err := tokenrule.Decide(c, t, st.rows(slot{t.UserID, c.ID}))
	if err != nil {
		return none, err
	}
	if _, taken := st.tokenIDs[t.Digest]; taken && !d.Reused {
		return none, fmt.Errorf("memstore: token: %w", durin.ErrExists)
	}
	issued, err := st.carryOut(d, t, c)
	if err == nil && t.Owned && (t.SignIn || t.PasswordHash != "") {
		u.LastLogin = tokenrule.Instant(t.Now)
		n, _ := tokenrule.ParseUserID(u.ID)
		st.users[n] = u
	}
	return issued, err
}

// rows are the tokens of a user and client as the rules see them.
func (st *state) rows(s slot) []tokenrule.Row {
	var rows []tokenrule.Row
	for _, id := range st.slots[s] {
		rows = append(rows, st.tokens[id].row())
	}
	return rows
}

func (st *state) carryOut(d tokenrule.Decision, t durin.NewToken, c durin.Client) (durin.IssuedToken, error) {
	issued := durin.IssuedToken{Reused: d.Reused, Renewed: d.Renewed}
	var row token
	if d.Reused {
		row = st.tokens[d.Row.ID]
		row.expiresAt, row.ceiling = d.ExpiresAt, d.Ceiling
		st.tokens[row.id] = row
		issued.Seal = copySeal(row.seal)
	} else {
		now := tokenrule.Instant(t.Now)
		var err error
		row, err = st.insert(token{
			digest: t.Digest, seal: tokenrule.Seal(c, t), userID: t.UserID, owned: t.Owned, clientID: c.ID, device: tokenrule.Device(t.Device),
			created: now, issuedAt: now, expiresAt: d.ExpiresAt, ceiling: d.Ceiling,
		})
		if err != nil {
			return durin.IssuedToken{}, err
		}
	}
	issued.Session = st.sessionOf(row)
	var end []int64
	for _, r := range d.End {
		end = append(end, r.ID)
	}
	issued.Ended = st.end(end, tokenrule.Instant(t.Now))
	return issued, nil
}

var errNoToken = fmt.Errorf("memstore: token: %w", durin.ErrNotFound)

// Lookup implements durin.Store.
func (s *Store) Lookup(ctx context.Context, d durin.Digest) (session durin.Session, err error) {
	err = s.view(ctx, func(st *state) error {
		id, ok := st.tokenIDs[d]
		if !ok {
			session, ok = st.replacedSession(d)
			if !ok {
				return errNoToken
			}
			return nil
		}
		session = st.session(st.tokens[id])
		return nil
	})
	return session, err
}

// Sessions implements durin.Store.
func (s *Store) Sessions(ctx context.Context, q browse.Query) (some []durin.Session, err error) {
	err = s.view(ctx, func(st *state) error {
		ids := st.matching(func(t token) bool { return st.asked(q, t) })
		if q.Newest {
			slices.Reverse(ids)
		}
		for _, id := range ids[:min(len(ids), tokenrule.Limit(q.Limit))] {
			some = append(some, st.sessionOf(st.tokens[id]))
		}
		return nil
	})
	return some, err
}

func (st *state) asked(q browse.Query, t token) bool {
	switch {
	case q.ID != 0 && q.ID != t.id,
		q.UserID != "" && q.UserID != t.userID,
		q.Client != "" && q.Client != st.clients[t.clientID].Name,
		q.State == browse.Live && !t.live(tokenrule.Instant(q.Now)),
		q.State == browse.Expired && t.live(tokenrule.Instant(q.Now)):
		return false
	case q.Newest:
		return q.After == 0 || t.id < q.After
	}
	return t.id > q.After
}

// Renew implements durin.Store.
func (s *Store) Renew(ctx context.Context, d durin.Digest, now time.Time) (session durin.Session, err error) {
	now = tokenrule.Instant(now)
	err = s.view(ctx, func(st *state) error {
		t, ok := st.tokens[st.tokenIDs[d]]
		if !ok || !t.live(now) {
			return errNoToken
		}
		t.expiresAt = st.expiryAfter(t, now)
		st.tokens[t.id] = t
		session = st.sessionOf(t)
		return nil
	})
	return session, err
}

// End implements durin.Store.
func (s *Store) End(ctx context.Context, sel durin.Selection, now time.Time) (ended []durin.Digest, err error) {
	if err := tokenrule.CheckSelection(sel); err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	err = s.view(ctx, func(st *state) error {
		replaced := st.replaced[sel.Digest].tokenID
		ended = st.end(st.matching(func(t token) bool {
			return (sel.ID == 0 || sel.ID == t.id) &&
				(sel.Digest == durin.Digest{} || sel.Digest == t.digest || replaced == t.id) &&
				(sel.UserID == "" || sel.UserID == t.userID) &&
				(sel.Client == "" || sel.Client == st.clients[t.clientID].Name) &&
				(sel.Spare == "" || sel.Spare != st.clients[t.clientID].Name) &&
				(sel.Except == 0 || sel.Except != t.id)
		}), tokenrule.Instant(now))
		return nil
	})
	return ended, err
}

// MarkUser implements durin.Store.
func (s *Store) MarkUser(ctx context.Context, userID string, now time.Time) (marked []durin.Digest, err error) {
	err = s.view(ctx, func(st *state) error {
		marked = st.digestsOf(userID, tokenrule.Instant(now))
		return nil
	})
	return marked, err
}

// Prune implements durin.Store.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (n int, err error) {
	before = tokenrule.Instant(before)
	err = s.view(ctx, func(st *state) error {
		dead := st.matching(func(t token) bool {
			return !t.expiresAt.IsZero() && t.expiresAt.Before(before) && t.imported.Before(before)
		})
		n = min(len(dead), max(0, limit))
		st.remove(dead[:n])
		maps.DeleteFunc(st.batches, func(_ [16]byte, at time.Time) bool { return at.Before(before.Add(-batchesKept)) })
		return nil
	})
	return n, err
}

// Touch implements durin.Store.
func (s *Store) Touch(ctx context.Context, uses []durin.Use) error {
	return s.view(ctx, func(st *state) error {
		for _, use := range uses {
			t, ok := st.tokens[st.tokenIDs[use.Digest]]
			if !ok {
				continue
			}
			at, extend := tokenrule.Instant(use.At), tokenrule.Instant(use.Extend)
			if t.live(at) && tokenrule.Earlier(t.expiresAt, extend) && !extend.IsZero() && !tokenrule.Earlier(t.ceiling, extend) {
				t.expiresAt = extend
			}
			if at.After(t.lastUsed) {
				t.lastUsed = at
			}
			st.tokens[t.id] = t
		}
		return nil
	})
}
