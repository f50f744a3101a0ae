package memstore

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
)

type usageKey struct {
	day      time.Time
	userID   string
	clientID int64
}

// AddUsage implements durin.Store.
func (s *Store) AddUsage(ctx context.Context, batch browse.Batch, usage []browse.Usage) error {
	return s.view(ctx, func(st *state) error {
		if !st.isNew(batch) {
			return nil
		}
		for _, u := range usage {
			k := usageKey{u.Day.UTC().Truncate(24 * time.Hour), u.UserID, u.ClientID}
			sum := st.usage[k]
			sum.Day, sum.UserID, sum.ClientID = k.day, k.userID, k.clientID
			sum.Requests += u.Requests
			sum.Throttled += u.Throttled
			st.usage[k] = sum
		}
		return nil
	})
}

// isNew notes batch, and reports whether it is to be added.
func (st *state) isNew(batch browse.Batch) bool {
	if batch.ID == ([16]byte{}) {
		return true
	}
	if _, added := st.batches[batch.ID]; added {
		return false
	}
	st.batches[batch.ID] = tokenrule.Instant(batch.At)
	return true
}

// batchesKept is how long before the instant of a Prune batches are known.
const batchesKept = 48 * time.Hour

// Usage implements durin.Store. Rows with as many requests come by day, user
// and client.
func (s *Store) Usage(ctx context.Context, since time.Time, userID string, clientID int64, limit int) (some []browse.Usage, err error) {
	err = s.view(ctx, func(st *state) error {
		some = slices.SortedFunc(maps.Values(st.usage), func(a, b browse.Usage) int {
			return cmp.Or(cmp.Compare(b.Requests, a.Requests), a.Day.Compare(b.Day),
				cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.ClientID, b.ClientID))
		})
		some = slices.DeleteFunc(some, func(u browse.Usage) bool {
			return u.Day.Before(since) || userID != "" && u.UserID != userID || clientID != 0 && u.ClientID != clientID
		})
		some = some[:min(len(some), tokenrule.Limit(limit))]
		return nil
	})
	return some, err
}

// Seals implements durin.Store.
func (s *Store) Seals(ctx context.Context, after int64, limit int) (some []durin.Sealed, err error) {
	err = s.view(ctx, func(st *state) error {
		ids := st.matching(func(t token) bool { return t.id > after && len(t.seal) > 0 })
		for _, id := range ids[:min(len(ids), tokenrule.Limit(limit))] {
			t := st.tokens[id]
			some = append(some, durin.Sealed{ID: t.id, Digest: t.digest, Seal: copySeal(t.seal)})
		}
		return nil
	})
	return some, err
}

// Reseal implements durin.Store. A token without a seal gets none; an empty new
// seal takes the seal away.
func (s *Store) Reseal(ctx context.Context, d durin.Digest, old, new []byte) (done bool, err error) {
	err = s.view(ctx, func(st *state) error {
		t, ok := st.tokens[st.tokenIDs[d]]
		if done = ok && len(t.seal) > 0 && bytes.Equal(t.seal, old); done {
			t.seal = copySeal(new)
			st.tokens[t.id] = t
		}
		return nil
	})
	return done, err
}
