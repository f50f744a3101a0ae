package durin

import (
	"context"

	"github.com/durin-go/durin/browse"
)

// ending is what is known of sessions that a call is about to end, for the hook.
// The zero ending knows nothing.
type ending struct {
	sessions map[Digest]*Session
	other    Session // what holds for those that are not among them
}

// maxTold bounds the sessions that are read before they are ended all at once.
const maxTold = 10_000

// lookEnding reads the sessions of q, of whom user, client and id hold for all, if
// there is somebody to tell of their end. What cannot be read is not told.
func (g *Guard) lookEnding(ctx context.Context, q browse.Query) ending {
	if g.opt.Hooks.Revoked == nil {
		return ending{}
	}
	e := ending{sessions: map[Digest]*Session{}, other: Session{ID: q.ID, UserID: q.UserID, Client: &Client{Name: q.Client}}}
	for q.Limit = 1000; len(e.sessions) < maxTold; {
		some, err := g.store.Sessions(ctx, q)
		if err != nil || len(some) == 0 {
			break
		}
		e.add(some)
		q.After = some[len(some)-1].ID
	}
	return e
}

// lookSelection is lookEnding for what sel selects.
func (g *Guard) lookSelection(ctx context.Context, sel Selection) ending {
	if g.opt.Hooks.Revoked == nil || sel.Digest == (Digest{}) {
		return g.lookEnding(ctx, browse.Query{ID: sel.ID, UserID: sel.UserID, Client: sel.Client})
	}
	s, err := g.store.Lookup(ctx, sel.Digest)
	if err != nil {
		return ending{}
	}
	return ending{other: s} // its own token, and those that renewals have replaced
}

func (e *ending) add(some []Session) {
	for i := range some {
		e.sessions[some[i].Digest] = &some[i]
	}
	if len(e.sessions) == 1 && len(some) == 1 {
		e.other = some[0]
	}
}

// of is the event of the end of the token d.
func (e *ending) of(d Digest) Event {
	s := e.sessions[d]
	if s == nil {
		other := e.other
		s = &other
	}
	if s.Client == nil {
		s.Client = &Client{}
	}
	s.Digest, s.ReplacedBy = d, nil
	var event Event
	event.about(s)
	return event
}
