package durin

import (
	"context"
	"time"

	"github.com/durin-go/durin/browse"
)

// Hooks are called when something happened, in the goroutine it happened in and
// after it is committed: a slow hook slows its caller. Each may be nil. They
// are django-rest-durin's signals, and the ones it lacks.
type Hooks struct {
	// Created: a token was issued. Not called when one is handed out again.
	Created func(context.Context, Event)
	// Renewed: a token got a new expiry, by a renewal or by a login when
	// RefreshOnLogin is set.
	Renewed func(context.Context, Event)
	// Expired: an expired token was presented. Called once for a token on
	// each node, as long as the node remembers it.
	Expired func(context.Context, Event)
	// Revoked: a token was ended, by whatever means but its own expiry. Called
	// once for each token, with its Session as it was read before: two for a
	// session whose token a renewal had just replaced. Of a session that was
	// opened in that instant only the Digest is certain, and what it was ended
	// by: user, client or ID. A client that was deleted is one call, with Client
	// and Session.Client alone. With this hook each ending, and each issue that
	// may end a token, asks the store once more.
	Revoked func(context.Context, Event)
	// Replayed: a token that a renewal had replaced was presented after its
	// grace (Client.Rotate), and its session has been ended for that. Either
	// its owner or somebody else has a token that they should not have.
	Replayed func(context.Context, Event)
	// LoggedIn: a password login was answered with a token.
	LoggedIn func(context.Context, Event)
	// LoggedOut: a user ended the own session, or all of them.
	LoggedOut func(context.Context, Event)
	// LoginFailed: name and password were refused.
	LoginFailed func(context.Context, Event)
	// Throttled: a request was refused by a throttle.
	Throttled func(context.Context, Event)

	// Changed: a call of the Guard changed clients, users or resource servers,
	// or ended sessions. Called once for the call, whatever it was about; on
	// this node only.
	Changed func(context.Context, Change)

	// Issuing is called before a token is issued; its error, best an *Error,
	// refuses.
	Issuing func(context.Context, Event) error
}

// An Event is what a hook is told: a copy of its own. Fields that do not apply are
// zero.
type Event struct {
	At       time.Time
	UserID   string
	UserName string // as given, for logins
	Client   string // by name
	Session  *Session
	Login    bool // Created and Renewed: at a log-in by password
	Origin   Origin
	Err      error // why, for LoginFailed and Throttled
}

// A Change is what Hooks.Changed is told: that the Guard changed something, by
// one of its calls. What is one of
//
//	client.create, client.update, client.delete
//	user.create, user.update, user.delete
//	resource.create, resource.delete
//	logout, logout.all
//	token.revoke    sessions were ended, by whoever
//	token.replace   sessions were ended to make room for a new one
//	token.replay    a session was ended, for a replaced token of it was presented too late
//
// Fields that do not apply are zero. What it points to are copies.
type Change struct {
	At   time.Time
	What string

	// OldClient and Client are before and after; so are OldUser and User.
	OldClient, Client *Client
	OldUser, User     *User
	Server            *ResourceServer // its Digest is not told

	// Ended says which sessions were ended, and Count how many. Session is
	// the only one, as far as it was to be had.
	Ended   Selection
	Session *Session
	Count   int
}

// An Origin is where a request comes from, as far as that is known.
type Origin struct {
	Address   string // of the peer, or as a trusted proxy told
	Agent     string // the User-Agent header
	RequestID string
}

type originKey struct{}

// WithOrigin returns a context that bears o, for hooks and sessions.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginFrom returns the Origin of ctx, or a zero one.
func OriginFrom(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

func fire(ctx context.Context, hook func(context.Context, Event), e Event) {
	if hook == nil {
		return
	}
	if e.Origin == (Origin{}) {
		e.Origin = OriginFrom(ctx)
	}
	e.Session = e.Session.clone()
	hook(ctx, e)
}

// about makes s what e is about.
func (e *Event) about(s *Session) {
	e.Session, e.UserID, e.UserName = s, s.UserID, s.UserName
	if s.Client != nil {
		e.Client = s.Client.Name
	}
}

// notify calls the hook of a change.
func (g *Guard) notify(ctx context.Context, c Change) {
	if g.opt.Hooks.Changed == nil {
		return
	}
	c.At = g.now()
	c.OldClient, c.Client, c.OldUser, c.User, c.Server = clone(c.OldClient), clone(c.Client), clone(c.OldUser), clone(c.User), clone(c.Server)
	c.Session = c.Session.clone()
	g.opt.Hooks.Changed(ctx, c)
}

// clone is a copy of what p points to, if it does.
func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// notifyEnded reports the sessions that a call ended.
func (g *Guard) notifyEnded(ctx context.Context, what string, sel Selection, s *Session, n int) {
	if n > 0 {
		g.notify(ctx, Change{What: what, Ended: sel, Session: s, Count: n})
	}
}

// about returns the session that sel names, if there is somebody to tell of it.
// What cannot be found out is not told.
func (g *Guard) about(ctx context.Context, sel Selection) *Session {
	if g.opt.Hooks.Changed == nil || sel.ID == 0 && sel.Digest == (Digest{}) {
		return nil
	}
	if sel.ID == 0 {
		s, err := g.store.Lookup(ctx, sel.Digest)
		if err != nil {
			return nil
		}
		return &s
	}
	list, err := g.store.Sessions(ctx, browse.Query{ID: sel.ID, Limit: 1})
	if err != nil || len(list) == 0 {
		return nil
	}
	return &list[0]
}

// ending is what is known of sessions that a call is about to end, for the hook.
// The zero ending knows nothing.
type ending struct {
	sessions map[Digest]*Session
	other    Session // what holds for those that are not among them
}

// maxReported bounds the sessions that are read before they are ended all at once.
const maxReported = 10_000

// lookEnding reads the sessions of q, of whom user, client and id hold for all, if
// there is somebody to tell of their end. What cannot be read is not told.
func (g *Guard) lookEnding(ctx context.Context, q browse.Query) ending {
	if g.opt.Hooks.Revoked == nil {
		return ending{}
	}
	e := ending{sessions: map[Digest]*Session{}, other: Session{ID: q.ID, UserID: q.UserID, Client: &Client{Name: q.Client}}}
	for q.Limit = 1000; len(e.sessions) < maxReported; {
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
