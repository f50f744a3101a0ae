package memstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

// CreateClient implements durin.Store.
func (s *Store) CreateClient(ctx context.Context, c durin.Client) (created durin.Client, err error) {
	err = s.view(ctx, func(st *state) error {
		created, err = st.createClient(c)
		return err
	})
	return created, err
}

func (st *state) createClient(c durin.Client) (durin.Client, error) {
	c, err := tokenrule.Client(c)
	if err != nil {
		return durin.Client{}, err
	}
	_, named := st.clientIDs[c.Name]
	_, numbered := st.clients[c.ID]
	if named || numbered {
		return durin.Client{}, fmt.Errorf("memstore: client %q: %w", c.Name, durin.ErrExists)
	}
	if c.ID == 0 {
		if c.ID, err = tokenrule.NextID(st.lastClient); err != nil {
			return durin.Client{}, err
		}
	}
	st.lastClient = max(st.lastClient, c.ID)
	st.clients[c.ID] = c
	st.clientIDs[c.Name] = c.ID
	return c, nil
}

// UpdateClient implements durin.Store. now is not needed: there is no outbox.
func (s *Store) UpdateClient(ctx context.Context, name string, _ time.Time, change func(*durin.Client) error) (durin.Client, error) {
	var written durin.Client
	read := func(st *state) (durin.Client, error) { return st.clientByName(name) }
	err := update(ctx, s, read, change, func(st *state, old, c durin.Client) error {
		c.ID, c.Created = old.ID, old.Created
		c, err := tokenrule.Client(c)
		if err != nil {
			return err
		}
		if id, taken := st.clientIDs[c.Name]; taken && id != c.ID {
			return fmt.Errorf("memstore: client %q: %w", c.Name, durin.ErrExists)
		}
		delete(st.clientIDs, old.Name)
		st.clientIDs[c.Name] = c.ID
		st.clients[c.ID] = c
		written = c
		return nil
	})
	return written, err
}

// DeleteClient implements durin.Store.
func (s *Store) DeleteClient(ctx context.Context, name string, _ time.Time) (durin.Client, error) {
	var deleted durin.Client
	err := s.view(ctx, func(st *state) (err error) {
		if deleted, err = st.clientByName(name); err != nil {
			return err
		}
		st.remove(st.matching(func(t token) bool { return t.clientID == deleted.ID }))
		delete(st.clients, deleted.ID)
		delete(st.clientIDs, name)
		st.goneClients[deleted.ID] = true
		return nil
	})
	return deleted, err
}

// ClientByName implements durin.Store.
func (s *Store) ClientByName(ctx context.Context, name string) (c durin.Client, err error) {
	err = s.view(ctx, func(st *state) error {
		c, err = st.clientByName(name)
		return err
	})
	return c, err
}

// Clients implements durin.Store.
func (s *Store) Clients(ctx context.Context) (all []durin.Client, err error) {
	err = s.view(ctx, func(st *state) error {
		all = slices.SortedFunc(maps.Values(st.clients), func(a, b durin.Client) int {
			return cmp.Compare(a.Name, b.Name)
		})
		return nil
	})
	return all, err
}
