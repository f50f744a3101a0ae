package durin

import (
	"context"
	"time"
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
