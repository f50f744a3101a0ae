package durin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/browse"
)

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
	g.notify(ctx, Change{What: "client.create", Client: &c})
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
		g.notify(ctx, Change{What: "client.update", OldClient: &before, Client: &c})
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
	g.notify(ctx, Change{What: "client.delete", OldClient: &c})
	return nil
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
	g.notify(ctx, Change{What: "user.create", User: &u})
	return u, nil
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
		g.notify(ctx, Change{What: "user.update", OldUser: &before, User: &u})
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
	g.notify(ctx, Change{What: "user.delete", OldUser: &u, Count: len(digests)})
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

// newUserName puts the form of a new name into u, and makes sure that no other user
// looks the same or, with folded names, differs in case only.
func (g *Guard) newUserName(ctx context.Context, u *User) error {
	name, err := NewName(u.Name)
	if err != nil {
		return err
	}
	u.Name = name
	if err := u.Validate(); err != nil {
		return err
	}
	alike, err := g.opt.Users.UsersByFold(ctx, name, 0)
	if latin := inLatin.Replace(name); err == nil && latin != name && isASCII(latin) {
		var others []User
		others, err = g.opt.Users.UsersByFold(ctx, latin, 0)
		alike = append(alike, others...)
	}
	if err != nil {
		return err
	}
	for _, other := range alike {
		switch {
		case other.ID == u.ID || other.Name == name: // the latter is for the store
		case plain(inLatin.Replace(other.Name)) == plain(inLatin.Replace(name)):
			return &FieldError{"name", fmt.Sprintf("There is a user %q, whose name looks the same.", other.Name)}
		case g.opt.LoginNames == LoginNamesFolded:
			return &FieldError{"name", fmt.Sprintf("There is a user %q: the names differ in case only.", other.Name)}
		}
	}
	return nil
}

// inLatin writes the Cyrillic and Greek letters in Latin that look the same: whole
// words of them are another name in no other way.
var inLatin = strings.NewReplacer(
	"а", "a", "е", "e", "һ", "h", "і", "i", "ј", "j", "ӏ", "l", "о", "o", "р", "p", "ԛ", "q", "с", "c", "ѕ", "s", "ԁ", "d", "ѵ", "v", "ԝ", "w", "х", "x", "у", "y",
	"А", "A", "В", "B", "Е", "E", "Н", "H", "І", "I", "Ј", "J", "К", "K", "М", "M", "О", "O", "Р", "P", "С", "C", "Ѕ", "S", "Т", "T", "Х", "X", "У", "Y",
	"ο", "o", "ν", "v", "α", "a", "ι", "i", "ρ", "p", "Α", "A", "Β", "B", "Ε", "E", "Ζ", "Z", "Η", "H", "Ι", "I", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T", "Υ", "Y", "Χ", "X",
)

// checkRotation reports a client whose renewals could not hand out the new token
// to everybody who asks for it.
func (g *Guard) checkRotation(c *Client) error {
	if c.Rotate > 0 && g.keys.Load() == nil {
		return &FieldError{"rotate", "Renewals that replace the token need the keys that seal it, and there are none: set a key file (Options.Keyring)."}
	}
	return nil
}

// serverPrefix begins the secrets of resource servers.
const serverPrefix = "durin_rs_"

var serverForm = tokenForm{prefix: serverPrefix}

// resourceServers are those that were in the store a moment ago.
type resourceServers struct {
	reading sync.Mutex // one reads at a time
	changes atomic.Int64
	last    atomic.Pointer[serverList]
}

type serverList struct {
	read     int64 // when, on the guard's clock
	changes  int64 // that there had been before
	byDigest map[Digest]ResourceServer
}

var errNoServers = errors.New("durin: the store keeps no resource servers")

// CreateResourceServer makes a resource server, whose secret is good for ttl, or
// Never ending, and returns the secret: it is not kept. A FieldError tells what
// is wrong with the name.
func (g *Guard) CreateResourceServer(ctx context.Context, name string, ttl time.Duration) (Secret, ResourceServer, error) {
	store, ok := g.store.(ResourceServerStore)
	if !ok {
		return "", ResourceServer{}, errNoServers
	}
	if ttl <= 0 {
		return "", ResourceServer{}, &FieldError{"ttl", "A life time must be longer than zero."}
	}
	secret := serverForm.generate()
	s := ResourceServer{Name: name, Digest: secret.Digest(), Created: g.now()}
	if ttl != Never {
		s.Expires = s.Created.Add(ttl)
	}
	if err := s.Validate(); err != nil {
		return "", ResourceServer{}, err
	}
	s, err := store.CreateResourceServer(ctx, s)
	if err != nil {
		return "", ResourceServer{}, unavailable(err)
	}
	g.servers.changes.Add(1)
	g.notifyServer(ctx, "resource.create", s)
	return secret, s, nil
}

// ResourceServers returns all resource servers, by name.
func (g *Guard) ResourceServers(ctx context.Context) ([]ResourceServer, error) {
	store, ok := g.store.(ResourceServerStore)
	if !ok {
		return nil, nil
	}
	all, err := store.ResourceServers(ctx)
	return all, unavailable(err)
}

// DeleteResourceServer deletes a resource server. Its secret is refused here at
// once, and on other nodes within StaleBound.
func (g *Guard) DeleteResourceServer(ctx context.Context, id int64) error {
	store, ok := g.store.(ResourceServerStore)
	if !ok {
		return errNoServers
	}
	if err := store.DeleteResourceServer(ctx, id); err != nil {
		return unavailable(err)
	}
	g.servers.changes.Add(1)
	g.notifyServer(ctx, "resource.delete", ResourceServer{ID: id})
	return nil
}

func (g *Guard) notifyServer(ctx context.Context, what string, s ResourceServer) {
	s.Digest = Digest{}
	g.notify(ctx, Change{What: what, Server: &s})
}

// CheckResourceServer checks the secret of a resource server, and its name unless
// that is empty. ErrInvalidServer, or ErrUnavailable. What the store says is
// remembered for StaleBound.
func (g *Guard) CheckResourceServer(ctx context.Context, name string, secret Secret) (ResourceServer, error) {
	if !strings.HasPrefix(string(secret), serverPrefix) || !serverForm.possible(string(secret)) {
		return ResourceServer{}, ErrInvalidServer
	}
	list, err := g.listServers(ctx)
	if err != nil {
		return ResourceServer{}, unavailable(err)
	}
	s, ok := list.byDigest[secret.Digest()]
	if !ok || name != "" && name != s.Name || !s.Expires.IsZero() && g.now().After(s.Expires) {
		return ResourceServer{}, ErrInvalidServer
	}
	return s, nil
}

func (g *Guard) listServers(ctx context.Context) (*serverList, error) {
	fresh := func() *serverList {
		list := g.servers.last.Load()
		if list == nil || list.changes != g.servers.changes.Load() || g.clock.Mono()-list.read > int64(g.opt.StaleBound) {
			return nil
		}
		return list
	}
	if list := fresh(); list != nil {
		return list, nil
	}
	g.servers.reading.Lock()
	defer g.servers.reading.Unlock()
	if list := fresh(); list != nil {
		return list, nil
	}
	store, ok := g.store.(ResourceServerStore)
	if !ok {
		return &serverList{}, nil
	}
	list := &serverList{read: g.clock.Mono(), changes: g.servers.changes.Load(), byDigest: map[Digest]ResourceServer{}}
	all, err := store.ResourceServers(ctx)
	if err != nil {
		return nil, fmt.Errorf("durin: reading the resource servers: %w", err)
	}
	for _, s := range all {
		list.byDigest[s.Digest] = s
	}
	g.servers.last.Store(list)
	return list, nil
}

var errNoBrowser = errors.New("durin: the store is no Browser")

func (g *Guard) browser() (Browser, error) {
	if b, ok := g.store.(Browser); ok {
		return b, nil
	}
	return nil, errNoBrowser
}

// CanBrowse reports whether the store is a Browser: without one Browse,
// CountSessions, EndSome, FindUsers, Activity and UsageOn fail.
func (g *Guard) CanBrowse() bool {
	_, err := g.browser()
	return err == nil
}

// Browse lists sessions for people. See Browser.
func (g *Guard) Browse(ctx context.Context, f browse.Filter, after browse.Cursor, limit int) ([]Session, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	some, err := b.Browse(ctx, g.stamped(f), after, limit)
	return some, unavailable(err)
}

// CountSessions counts the sessions of f, and stops at limit.
func (g *Guard) CountSessions(ctx context.Context, f browse.Filter, limit int) (int, error) {
	b, err := g.browser()
	if err != nil {
		return 0, err
	}
	n, err := b.CountSessions(ctx, g.stamped(f), limit)
	return n, unavailable(err)
}

// FindUsers lists users for people. See Browser.
func (g *Guard) FindUsers(ctx context.Context, f browse.Users, after string, limit int) ([]User, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	some, err := b.FindUsers(ctx, f, after, limit)
	return some, unavailable(err)
}

// Activity returns the counts from day since on; those of the last minute may
// not be in yet.
func (g *Guard) Activity(ctx context.Context, since time.Time) ([]browse.Activity, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	rows, err := b.Activity(ctx, since)
	return rows, unavailable(err)
}

// UsageOn returns the busiest users and clients of a day.
func (g *Guard) UsageOn(ctx context.Context, day time.Time, limit int) ([]browse.Usage, error) {
	b, err := g.browser()
	if err != nil {
		return nil, err
	}
	rows, err := b.UsageOn(ctx, day, limit)
	return rows, unavailable(err)
}

// Usage returns what a user did through each client, from day since on.
func (g *Guard) Usage(ctx context.Context, since time.Time, userID string, limit int) ([]browse.Usage, error) {
	rows, err := g.store.Usage(ctx, since, userID, 0, limit)
	return rows, unavailable(err)
}

func (g *Guard) stamped(f browse.Filter) browse.Filter {
	if f.Now.IsZero() {
		f.Now = g.now()
	}
	return f
}
