package durin

import (
	"context"
	"errors"
)

// Renew sets the expiry of a live session to the life time of its client from
// now, as the client stands in the store: longer or shorter than before, never
// beyond MaxLife. ErrInvalidToken if the session has ended or run out.
func (g *Guard) Renew(ctx context.Context, s *Session) (Session, error) {
	if err := g.settle(ctx, s); err != nil {
		return Session{}, err
	}
	renewed, err := g.store.Renew(ctx, s.Digest, g.now())
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrInvalidToken
	}
	if err != nil {
		return Session{}, unavailable(err)
	}
	g.tally.renewed.Add(1)
	g.changed(ctx, []Digest{s.Digest})
	fire(ctx, g.opt.Hooks.Renewed, Event{At: g.now(), UserID: s.UserID, UserName: s.UserName, Client: s.Client.Name, Session: &renewed})
	return renewed, nil
}

// settle writes a sliding expiry that only this process knows yet.
func (g *Guard) settle(ctx context.Context, s *Session) error {
	probe := Session{Digest: s.Digest}
	if !g.uses.extend(&probe) {
		return nil
	}
	return g.flushUses(ctx)
}
