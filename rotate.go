package durin

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/durin-go/durin/keyring"
)

// noExpiry makes every check look at a replaced token more closely: its own
// session cannot say whether it is good.
const noExpiry = math.MinInt64

// rotate renews s and puts a new token in the place of the one that was
// presented. Those who present the same one at the same time, or soon, get the
// same new one.
func (g *Guard) rotate(ctx context.Context, s *Session, keys *keyring.Ring) (Issued, error) {
	r := Rotation{Digest: s.Digest}
	const tries = 4 // a seal that cannot be opened costs one more
	for range tries {
		token := g.form.generate()
		r.Now, r.Successor, r.Seal = g.now(), token.Digest(), keys.Seal(token.Reveal())
		res, err := g.store.Rotate(ctx, r)
		if errors.Is(err, ErrNotFound) {
			return Issued{}, g.late(ctx, s.Digest)
		}
		if err != nil {
			return Issued{}, unavailable(err)
		}
		switch {
		case res.New:
			g.changed(ctx, res.Changed)
			g.tally.rotated.Add(1)
			g.renewed(ctx, &res.Session)
			return Issued{Token: token, Session: res.Session, Renewed: true}, nil
		case res.Seal == nil:
			g.changed(ctx, res.Changed)
			g.renewed(ctx, &res.Session)
			return Issued{Session: res.Session, Renewed: true}, nil
		}
		if token, err = unseal(keys, res.Seal, res.Session.Digest); err == nil {
			return Issued{Token: token, Session: res.Session, Reused: true}, nil
		}
		r.Lost = res.Session.Digest
	}
	return Issued{}, unavailable(fmt.Errorf("durin: %w, repeatedly", keyring.ErrSeal))
}

// late tells what stands against a renewal of d, which the store does not have
// as a live token: it may be one that was replaced, and is presented too late.
func (g *Guard) late(ctx context.Context, d Digest) error {
	s, err := g.store.Lookup(ctx, d)
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrInvalidToken
	case err != nil:
		return unavailable(err)
	}
	if s.ReplacedBy != nil && s.Expired(g.now()) {
		return g.replay(ctx, &s)
	}
	return ErrInvalidToken
}

// checkReplaced checks the session of c, whose token a renewal has replaced, by
// its present token. c's own session may be older than that.
func (g *Guard) checkReplaced(ctx context.Context, c *checked, wall int64) error {
	if wall > expiresMicro(c.session.ExpiresAt) {
		return g.replay(ctx, &c.session)
	}
	for at := c; at.session.ReplacedBy != nil; {
		d := *at.session.ReplacedBy
		next, err := g.load(ctx, d, "")
		if err != nil {
			return err
		}
		if next.session.ReplacedBy == nil && wall > next.expires.Load() {
			if next, err = g.reload(ctx, d, "", g.cache != nil); err != nil {
				return err
			}
		}
		at = next
	}
	return nil
}

// replay ends the session of a replaced token that is presented after its grace,
// and reports it, once. s may have been read a while ago.
func (g *Guard) replay(ctx context.Context, s *Session) error {
	digests, err := g.store.End(ctx, Selection{Digest: s.Digest}, g.now())
	if err != nil {
		return unavailable(err)
	}
	g.cacheEnd([]Digest{s.Digest})
	if len(digests) == 0 {
		return ErrInvalidToken
	}
	g.ended(ctx, replayed, digests, ending{other: *s})
	g.log.WarnContext(ctx, "durin: a token that a renewal had replaced was presented after its grace: its session has been ended",
		"session", s.ID, "user", s.UserID, "client", s.Client.Name, "address", OriginFrom(ctx).Address, "agent", OriginFrom(ctx).Agent)
	g.tellEnded(ctx, "token.replay", Selection{ID: s.ID}, s, len(digests))
	e := Event{At: g.now()}
	e.about(s)
	fire(ctx, g.opt.Hooks.Replayed, e)
	return ErrInvalidToken
}

// checkRotation reports a client whose renewals could not hand out the new token
// to everybody who asks for it.
func (g *Guard) checkRotation(c *Client) error {
	if c.Rotate > 0 && g.keys.Load() == nil {
		return &FieldError{"rotate", "Renewals that replace the token need the keys that seal it, and there are none: set a key file (Options.Keyring)."}
	}
	return nil
}
