package durin

import (
	"context"
	"errors"
	"time"

	"github.com/durin-go/durin/browse"
)

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

// tell calls the hook of a change.
func (g *Guard) tell(ctx context.Context, c Change) {
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

// tellEnded tells of sessions that a call ended.
func (g *Guard) tellEnded(ctx context.Context, what string, sel Selection, s *Session, n int) {
	if n > 0 {
		g.tell(ctx, Change{What: what, Ended: sel, Session: s, Count: n})
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

var errNoUsers = errors.New("durin: no Options.Users: the application keeps its users itself")

// CreateUser adds one of Options.Users, called as NewName says, whose name no other
// user's looks like; a Created of zero becomes now. The error
// tells every fault, each a *FieldError, or is ErrExists.
func (g *Guard) CreateUser(ctx context.Context, u User) (User, error) {
	if g.opt.Users == nil {
		return User{}, errNoUsers
	}
	if u.Created.IsZero() {
		u.Created = g.now()
	}
	if err := errors.Join(u.Validate(), g.newUserName(ctx, &u)); err != nil {
		return User{}, unavailable(err)
	}
	u, err := g.opt.Users.CreateUser(ctx, u)
	if err != nil {
		return User{}, unavailable(err)
	}
	g.tell(ctx, Change{What: "user.create", User: &u})
	return u, nil
}
