package memstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

// CreateResourceServer implements durin.ResourceServerStore.
func (s *Store) CreateResourceServer(ctx context.Context, r durin.ResourceServer) (durin.ResourceServer, error) {
	r, err := tokenrule.ResourceServer(r)
	if err != nil {
		return durin.ResourceServer{}, err
	}
	err = s.view(ctx, func(st *state) error {
		for _, other := range st.servers {
			if other.Digest == r.Digest {
				return fmt.Errorf("memstore: resource server %q: %w", r.Name, durin.ErrExists)
			}
		}
		if r.ID, err = tokenrule.NextID(st.lastServer); err != nil {
			return err
		}
		st.lastServer = r.ID
		st.servers[r.ID] = r
		return nil
	})
	if err != nil {
		return durin.ResourceServer{}, err
	}
	return r, nil
}

// ResourceServers implements durin.ResourceServerStore.
func (s *Store) ResourceServers(ctx context.Context) (all []durin.ResourceServer, err error) {
	err = s.view(ctx, func(st *state) error {
		all = slices.SortedFunc(maps.Values(st.servers), func(a, b durin.ResourceServer) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
		})
		return nil
	})
	return all, err
}

// DeleteResourceServer implements durin.ResourceServerStore.
func (s *Store) DeleteResourceServer(ctx context.Context, id int64) error {
	return s.view(ctx, func(st *state) error {
		if _, ok := st.servers[id]; !ok {
			return fmt.Errorf("memstore: resource server %d: %w", id, durin.ErrNotFound)
		}
		delete(st.servers, id)
		return nil
	})
}
