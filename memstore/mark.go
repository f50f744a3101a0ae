package memstore

import (
	"context"
	"time"

	"github.com/durin-go/durin"
)

// MarkUser implements durin.Store.
func (s *Store) MarkUser(ctx context.Context, userID string, _ time.Time) (marked []durin.Digest, err error) {
	err = s.view(ctx, func(st *state) error {
		for _, id := range st.matching(func(t token) bool { return t.userID == userID }) {
			marked = append(marked, st.tokens[id].digest)
		}
		return nil
	})
	return marked, err
}
