package durin

import (
	"context"
	"errors"
)

// Renew sets the expiry of a live session to the life time of its client from
// now, as the client stands in the store: longer or shorter than before, never
// beyond MaxLife or the session's Ceiling. It is for the session's owner: where Client.Rotate is set, the
// result has the Token that takes the place of the one that s was checked by,
// Reused if an earlier renewal of the same one has made it. Else Token is empty,
// and the token stays. ErrInvalidToken if the session has ended or run out,
// ErrNoToken for nobody's, nil.
func (g *Guard) Renew(ctx context.Context, s *Session) (Issued, error) {
	if s == nil {
		return Issued{}, ErrNoToken
	}
	keys := g.keys.Load()
	if keys == nil || s.Client != nil && s.Client.Rotate == 0 && s.ReplacedBy == nil {
		renewed, err := g.Prolong(ctx, s)
		return Issued{Session: renewed, Renewed: err == nil}, err
	}
	if err := g.settle(ctx, s); err != nil {
		return Issued{}, err
	}
	return g.rotate(ctx, s, keys)
}

// Prolong is Renew for others than the session's owner, like administrators: the
// token stays in any case.
func (g *Guard) Prolong(ctx context.Context, s *Session) (Session, error) {
	if s == nil {
		return Session{}, ErrNoToken
	}
	if err := g.settle(ctx, s); err != nil {
		return Session{}, err
	}
	renewed, err := g.store.Renew(ctx, s.Digest, g.now())
	if errors.Is(err, ErrNotFound) {
		return Session{}, g.late(ctx, s.Digest)
	}
	if err != nil {
		return Session{}, unavailable(err)
	}
	g.changed(ctx, []Digest{s.Digest})
	g.renewed(ctx, &renewed)
	return renewed, nil
}

// renewed counts and tells that s has got a new expiry.
func (g *Guard) renewed(ctx context.Context, s *Session) {
	g.tally.renewed.Add(1)
	e := Event{At: g.now()}
	e.about(s)
	fire(ctx, g.opt.Hooks.Renewed, e)
}

// settle writes a sliding expiry that only this process knows yet.
func (g *Guard) settle(ctx context.Context, s *Session) error {
	probe := Session{Digest: s.Digest}
	if !g.uses.extend(&probe) {
		return nil
	}
	return g.flushUses(ctx)
}
