package memstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

// A replacedToken is one that a renewal has put another in the place of.
type replacedToken struct {
	tokenID   int64
	successor durin.Digest
	seal      []byte // of the successor; never written to
	until     time.Time
	forget    time.Time
}

// Rotate implements durin.Store.
func (s *Store) Rotate(ctx context.Context, r durin.Rotation) (rotated durin.Rotated, err error) {
	err = s.view(ctx, func(st *state) error {
		rotated, err = st.rotate(r, tokenrule.Instant(r.Now))
		return err
	})
	return rotated, err
}

func (st *state) rotate(r durin.Rotation, now time.Time) (durin.Rotated, error) {
	if id, ok := st.tokenIDs[r.Digest]; ok {
		return st.rotateToken(st.tokens[id], r, now)
	}
	old, ok := st.replaced[r.Digest]
	if !ok || now.After(old.until) {
		return durin.Rotated{}, errNoToken
	}
	t := st.tokens[old.tokenID]
	if !t.live(now) {
		return durin.Rotated{}, errNoToken
	}
	for _, d := range st.replacedOf(t.id) {
		if one := st.replaced[d]; one.successor == t.digest && len(one.seal) > 0 && t.digest != r.Lost {
			return durin.Rotated{Session: st.sessionOf(t), Seal: bytes.Clone(one.seal)}, nil
		}
	}
	rotated, err := st.rotateToken(t, r, now)
	if err == nil && !rotated.New {
		err = errNoToken // there is nothing to hand out
	}
	return rotated, err
}

// rotateToken renews t, which is there, and puts r's token in its place if there
// is one to be put.
func (st *state) rotateToken(t token, r durin.Rotation, now time.Time) (durin.Rotated, error) {
	if !t.live(now) {
		return durin.Rotated{}, errNoToken
	}
	c := st.clients[t.clientID]
	old := t
	t.expiresAt = st.expiryAfter(t, now)
	rotates := tokenrule.Rotates(c, now, t.expiresAt, len(st.replacedOf(t.id)))
	if rotates {
		grace := tokenrule.GraceOf(c, now, old.expiresAt, t.expiresAt)
		st.replaced[t.digest] = replacedToken{t.id, r.Successor, copySeal(r.Seal), grace.Until, grace.Forget}
		delete(st.tokenIDs, t.digest)
		t.digest = r.Successor
		t.seal = tokenrule.SealOf(c, len(t.seal) > 0, r.Seal)
		st.tokenIDs[t.digest] = t.id
	}
	st.tokens[t.id] = t
	return durin.Rotated{Session: st.sessionOf(t), New: rotates, Changed: []durin.Digest{old.digest}}, nil
}

// replacedOf are the digests that renewals have replaced in the session with that
// id, in any order.
func (st *state) replacedOf(id int64) []durin.Digest {
	var all []durin.Digest
	for d, one := range st.replaced {
		if one.tokenID == id {
			all = append(all, d)
		}
	}
	return all
}

// graces are the replaced tokens of those sessions that are in their grace.
func (st *state) graces(ids []int64, now time.Time) []durin.Digest {
	var all []durin.Digest
	if len(st.replaced) == 0 {
		return nil
	}
	for d, one := range st.replaced {
		if slices.Contains(ids, one.tokenID) && !now.After(one.until) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b durin.Digest) int { return bytes.Compare(a[:], b[:]) })
	return all
}

// replacedSession is the session of a replaced token, as a check sees it.
func (st *state) replacedSession(d durin.Digest) (durin.Session, bool) {
	one, ok := st.replaced[d]
	if !ok {
		return durin.Session{}, false
	}
	s := st.session(st.tokens[one.tokenID])
	present := s.Digest
	s.Digest, s.ReplacedBy, s.ExpiresAt = d, &present, one.until
	return s, true
}

// ForgetReplaced implements durin.Store.
func (s *Store) ForgetReplaced(ctx context.Context, now time.Time) error {
	now = tokenrule.Instant(now)
	return s.view(ctx, func(st *state) error {
		for d, one := range st.replaced {
			switch {
			case one.forget.Before(now):
				delete(st.replaced, d)
			case now.After(one.until) && one.seal != nil:
				one.seal = nil
				st.replaced[d] = one
			}
		}
		return nil
	})
}
