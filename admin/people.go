package admin

import (
	"context"
	"errors"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

// people finds users, wherever they are kept.
type people struct {
	guard     *durin.Guard
	users     durin.UserStore // nil: the application has its own
	directory Directory
}

func newPeople(g *durin.Guard, o Options) people { return people{g, o.Users, o.Directory} }

// byID returns a user. ErrNotFound, or the store could not be asked.
func (p people) byID(ctx context.Context, id string) (durin.User, error) {
	var u durin.User
	var err error
	if p.users != nil {
		u, err = p.users.UserByID(ctx, id)
	} else {
		u, err = p.directory.User(ctx, id)
		u.ID = id
	}
	if err != nil && !errors.Is(err, durin.ErrNotFound) && !errors.Is(err, context.Canceled) {
		return durin.User{}, &unavailable{err}
	}
	return u, err
}

// lookUp is byID for an id that somebody has typed. A directory that fails with it,
// and answers else, says that no user has such an id: it is in no form of an id.
func (p people) lookUp(ctx context.Context, id string) (durin.User, error) {
	u, err := p.byID(ctx, id)
	if err == nil || errors.Is(err, durin.ErrNotFound) || p.directory == nil || ctx.Err() != nil {
		return u, err
	}
	if _, away := p.directory.Search(ctx, id, 1); away != nil {
		return u, err
	}
	return durin.User{}, durin.ErrNotFound
}

// An unavailable error tells that users could not be looked up.
type unavailable struct{ cause error }

func (e *unavailable) Error() string   { return "admin: looking up a user: " + e.cause.Error() }
func (e *unavailable) Unwrap() []error { return []error{durin.ErrUnavailable, e.cause} }

// administrator returns the user with that id if it is an administrator and
// active now: else ErrBadCredentials.
func (p people) administrator(ctx context.Context, id string) (durin.User, error) {
	u, err := p.byID(ctx, id)
	switch {
	case errors.Is(err, durin.ErrNotFound):
		return durin.User{}, durin.ErrBadCredentials
	case err != nil:
		return durin.User{}, err
	case !u.Admin || !u.Active:
		return durin.User{}, durin.ErrBadCredentials
	}
	return u, nil
}

// find returns the user whom text names: by name, else by id.
func (p people) find(ctx context.Context, text string) (durin.User, error) {
	if p.users != nil {
		u, err := p.users.UserByName(ctx, text)
		if errors.Is(err, durin.ErrNotFound) {
			return p.lookUp(ctx, text)
		}
		return u, err
	}
	some, err := p.directory.Search(ctx, text, 1)
	if err != nil {
		return durin.User{}, &unavailable{err}
	}
	if len(some) == 1 && some[0].Name == text {
		return some[0], nil
	}
	return p.lookUp(ctx, text)
}

// begins returns at most limit users whose name begins with prefix.
func (p people) begins(ctx context.Context, prefix string, limit int) ([]durin.User, error) {
	if p.users != nil {
		return p.guard.FindUsers(ctx, browse.Users{Prefix: prefix}, "", limit)
	}
	some, err := p.directory.Search(ctx, prefix, limit)
	if err != nil {
		return nil, &unavailable{err}
	}
	return some[:min(len(some), limit)], nil
}

// names tells users' names on one page, and asks once for each.
type names struct {
	people people
	known  map[string]string
}

// of is the user's name, or the id where there is none.
func (n *names) of(ctx context.Context, id, known string) string {
	if known != "" {
		return known
	}
	if name, ok := n.known[id]; ok {
		return name
	}
	if n.known == nil {
		n.known = map[string]string{}
	}
	n.known[id] = id
	if u, err := n.people.byID(ctx, id); err == nil && u.Name != "" {
		n.known[id] = u.Name
	}
	return n.known[id]
}
