package durin

import (
	"context"
	"errors"

	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/keyring"
)

// LogOut ends a session at its owner's wish. ErrInvalidToken if it has ended
// already, ErrNoToken for nobody's, nil.
func (g *Guard) LogOut(ctx context.Context, s *Session) error {
	if s == nil {
		return ErrNoToken
	}
	return g.logOut(ctx, s, "logout", Selection{Digest: s.Digest})
}

// LogOutEverywhere ends all sessions of the owner of s, s among them, at the
// owner's wish: API keys too, which are sessions of their client; to spare those
// use End with Selection.Spare. ErrInvalidToken if there were none left,
// ErrNoToken for nobody's, nil.
func (g *Guard) LogOutEverywhere(ctx context.Context, s *Session) error {
	if s == nil {
		return ErrNoToken
	}
	return g.logOut(ctx, s, "logout.all", Selection{UserID: s.UserID})
}

func (g *Guard) logOut(ctx context.Context, s *Session, what string, sel Selection) error {
	ended, err := g.end(ctx, loggedOut, sel)
	if err != nil {
		return err
	}
	if ended == 0 {
		return ErrInvalidToken
	}
	g.tellEnded(ctx, what, sel, s, ended)
	e := Event{At: g.now()}
	e.about(s)
	fire(ctx, g.opt.Hooks.LoggedOut, e)
	return nil
}

// End ends the sessions that sel selects and returns how many tokens that were:
// a session whose token was just replaced by a renewal has two. When it returns
// they are refused here, and on other nodes as soon as those hear of it: within
// StaleBound. A selection of nothing, which would end everything, is a *FieldError.
func (g *Guard) End(ctx context.Context, sel Selection) (int, error) {
	s := g.about(ctx, sel)
	n, err := g.end(ctx, revoked, sel)
	g.tellEnded(ctx, "token.revoke", sel, s, n)
	return n, err
}

func (g *Guard) end(ctx context.Context, why cause, sel Selection) (int, error) {
	known := g.lookSelection(ctx, sel)
	digests, err := g.store.End(ctx, sel, g.now())
	if err != nil {
		return 0, unavailable(err)
	}
	g.ended(ctx, why, digests, known)
	return len(digests), nil
}

// Sessions lists sessions, expired ones among them until they are pruned, with
// their Device.
func (g *Guard) Sessions(ctx context.Context, q browse.Query) ([]Session, error) {
	if q.Now.IsZero() {
		q.Now = g.now()
	}
	list, err := g.store.Sessions(ctx, q)
	return list, unavailable(err)
}

// Clients returns all clients, by name.
func (g *Guard) Clients(ctx context.Context) ([]Client, error) {
	all, err := g.store.Clients(ctx)
	return all, unavailable(err)
}

// ClientByName returns the client called name, or ErrUnknownClient.
func (g *Guard) ClientByName(ctx context.Context, name string) (Client, error) {
	c, err := g.store.ClientByName(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return c, ErrUnknownClient
	}
	return c, unavailable(err)
}

// CreateClient adds a client; a TTL of zero becomes Options.TokenTTL. The error
// tells every fault, each a *FieldError, or is ErrExists.
func (g *Guard) CreateClient(ctx context.Context, c Client) (Client, error) {
	if c.TTL == 0 {
		c.TTL = g.opt.TokenTTL
	}
	if c.Policy == "" {
		c.Policy = PolicyReuse
	}
	var named error
	c.Name, named = NewName(c.Name)
	if err := errors.Join(c.Validate(), named, g.checkRotation(&c)); err != nil {
		return Client{}, err
	}
	if c.Created.IsZero() {
		c.Created = g.now()
	}
	c, err := g.store.CreateClient(ctx, c)
	if err != nil {
		return c, unavailable(err)
	}
	g.tell(ctx, Change{What: "client.create", Client: &c})
	return c, nil
}

// UpdateClient changes a client; change may be called more than once, and its error
// is returned as it is. Its sessions follow at once: a check reads them
// anew.
func (g *Guard) UpdateClient(ctx context.Context, name string, change func(*Client) error) (Client, error) {
	var before Client
	var refusal error
	c, err := g.store.UpdateClient(ctx, name, g.now(), func(c *Client) error {
		before = *c
		if refusal = change(c); refusal != nil {
			return refusal
		}
		if c.Name != before.Name {
			var err error
			if c.Name, err = NewName(c.Name); err != nil {
				return err
			}
		}
		if before.Rotate == 0 {
			return errors.Join(c.Validate(), g.checkRotation(c))
		}
		return c.Validate()
	})
	if refusal != nil {
		return Client{}, refusal
	}
	if err != nil {
		return Client{}, unavailable(err)
	}
	g.clientChanged(ctx, &c, false)
	if before != c {
		g.tell(ctx, Change{What: "client.update", OldClient: &before, Client: &c})
	}
	return c, nil
}

// DeleteClient deletes a client and ends all its sessions.
func (g *Guard) DeleteClient(ctx context.Context, name string) error {
	c, err := g.store.DeleteClient(ctx, name, g.now())
	if err != nil {
		return unavailable(err)
	}
	g.clientChanged(ctx, &c, true)
	g.tell(ctx, Change{What: "client.delete", OldClient: &c})
	return nil
}

// UpdateUser changes one of Options.Users, a new name as NewName says; what that
// means for the user's sessions holds at once. Change may be called more than once,
// and its error is returned as it is. For another password see ChangePassword.
func (g *Guard) UpdateUser(ctx context.Context, id string, change func(*User) error) (User, error) {
	if g.opt.Users == nil {
		return User{}, errNoUsers
	}
	var before User
	var refusal error
	u, digests, err := g.opt.Users.UpdateUser(ctx, id, g.now(), func(u *User) error {
		before = *u
		if refusal = change(u); refusal != nil {
			return refusal
		}
		if u.Name != before.Name {
			return errors.Join(u.Validate(), g.newUserName(ctx, u))
		}
		return u.Validate()
	})
	if refusal != nil {
		return User{}, refusal
	}
	if err != nil {
		return User{}, unavailable(err)
	}
	g.changed(ctx, digests)
	if before != u {
		g.tell(ctx, Change{What: "user.update", OldUser: &before, User: &u})
	}
	return u, nil
}

// A PasswordChange gives one of Options.Users another password.
type PasswordChange struct {
	UserID string
	// Hash is that of the new password.
	Hash string
	// Checked, when set, is the hash that the present password was found to be
	// right by: User.Password of CheckPassword. If the user has another one by
	// now, nothing is changed, with ErrPasswordChanged.
	Checked Secret
	// Except is the ID of a session to keep, Spare the name of a client to keep
	// those of. Zero and empty: all are ended, API keys too.
	Except int64
	Spare  string
	// Keep ends no session.
	Keep bool
}

// ChangePassword gives one of Options.Users another password, and ends what was
// opened with the one before. It returns how many tokens that were. A log-in whose
// password was checked before opens no session after it.
func (g *Guard) ChangePassword(ctx context.Context, c PasswordChange) (int, error) {
	_, err := g.UpdateUser(ctx, c.UserID, func(u *User) error {
		if c.Checked != "" && c.Checked.Reveal() != u.Password {
			return ErrPasswordChanged
		}
		u.Password = c.Hash
		return nil
	})
	if err != nil || c.Keep {
		return 0, err
	}
	return g.End(ctx, Selection{UserID: c.UserID, Except: c.Except, Spare: c.Spare})
}

// DeleteUser deletes one of Options.Users and ends the user's sessions.
func (g *Guard) DeleteUser(ctx context.Context, id string) error {
	if g.opt.Users == nil {
		return errNoUsers
	}
	known := g.lookEnding(ctx, browse.Query{UserID: id})
	u, digests, err := g.opt.Users.DeleteUser(ctx, id, g.now())
	if err != nil {
		return unavailable(err)
	}
	g.ended(ctx, withUser, digests, known)
	g.tell(ctx, Change{What: "user.delete", OldUser: &u, Count: len(digests)})
	return nil
}

// UserChanged makes every node ask anew about a user of the application's own:
// call it when what Options.UserActive says has changed.
func (g *Guard) UserChanged(ctx context.Context, userID string) error {
	digests, err := g.store.MarkUser(ctx, userID, g.now())
	if err != nil {
		return unavailable(err)
	}
	g.changed(ctx, digests)
	return nil
}

// OpenSeal returns the clear token of a session that was issued with a seal
// that can be opened, for the one who owns it. keyring.ErrSeal if there is none.
func (g *Guard) OpenSeal(ctx context.Context, s *Session) (Secret, error) {
	keys := g.keys.Load()
	if keys == nil || s == nil {
		return "", keyring.ErrSeal
	}
	list, err := g.store.Seals(ctx, s.ID-1, 1)
	if err != nil {
		return "", unavailable(err)
	}
	if len(list) == 0 || list[0].Digest != s.Digest {
		return "", keyring.ErrSeal
	}
	return unseal(keys, list[0].Seal, s.Digest)
}

// unseal opens the seal of the token d, or returns keyring.ErrSeal.
func unseal(keys *keyring.Ring, seal []byte, d Digest) (Secret, error) {
	token, err := keys.Open(seal, d)
	return Secret(token), err
}
