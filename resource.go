package durin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A ResourceServer is the right of another service of yours to ask about tokens
// (RFC 7662) and to end them (RFC 7009), by a random secret. Several with one
// name are the service's secrets of a while: add the new one, give it to the
// service, delete the old one.
type ResourceServer struct {
	// ID is given by the Store.
	ID int64
	// Name is 1 to 64 ASCII letters, digits, dots, dashes and underscores.
	Name string
	// Digest is the SHA-256 of the secret.
	Digest Digest
	// Created is when it was made, Expires the last instant at which the secret
	// is good; the zero Time: never.
	Created, Expires time.Time
}

// Validate reports every fault of s, joined; each is a *FieldError.
func (s ResourceServer) Validate() error {
	var faults []error
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}
	if s.Name == "" || len(s.Name) > 64 || strings.ContainsFunc(s.Name, odd) {
		faults = append(faults, &FieldError{"name", "A resource server's name has 1 to 64 letters, digits, dots, dashes and underscores."})
	}
	if s.Digest == (Digest{}) {
		faults = append(faults, &FieldError{"digest", "There is no secret."})
	}
	return errors.Join(faults...)
}

// A ResourceServerStore is a Store that keeps resource servers, by a Store's
// contract.
type ResourceServerStore interface {
	// CreateResourceServer adds s and returns it with its ID. ErrExists if
	// there is one with that digest.
	CreateResourceServer(ctx context.Context, s ResourceServer) (ResourceServer, error)
	// ResourceServers returns all, those that have run out too, by name, then
	// ID.
	ResourceServers(ctx context.Context) ([]ResourceServer, error)
	// DeleteResourceServer deletes one. ErrNotFound.
	DeleteResourceServer(ctx context.Context, id int64) error
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
	g.tellServer(ctx, "resource.create", s)
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
	g.tellServer(ctx, "resource.delete", ResourceServer{ID: id})
	return nil
}

func (g *Guard) tellServer(ctx context.Context, what string, s ResourceServer) {
	s.Digest = Digest{}
	g.tell(ctx, Change{What: what, Server: &s})
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
