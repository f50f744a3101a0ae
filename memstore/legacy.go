package memstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

// AdoptLegacy implements transfer.LegacyStore.
func (s *Store) AdoptLegacy(ctx context.Context, legacy []transfer.LegacyDigest, d durin.Digest) (adopted bool, err error) {
	err = s.view(ctx, func(st *state) error {
		for _, l := range legacy {
			t, ok := st.tokens[st.legacyIDs[l]]
			if !ok {
				continue
			}
			if _, taken := st.tokenIDs[d]; taken {
				return fmt.Errorf("memstore: token: %w", durin.ErrExists)
			}
			delete(st.legacyIDs, l)
			delete(st.tokenIDs, t.digest)
			t.digest, t.legacy = d, nil
			st.tokens[t.id], st.tokenIDs[d] = t, t.id
			adopted = true
			return nil
		}
		return nil
	})
	return adopted, err
}

// LegacyLeft implements transfer.LegacyStore.
func (s *Store) LegacyLeft(ctx context.Context) (left bool, err error) {
	err = s.view(ctx, func(st *state) error {
		left = len(st.legacyIDs) > 0
		return nil
	})
	return left, err
}

func copyLegacy(l *transfer.LegacyDigest) *transfer.LegacyDigest {
	if l == nil {
		return nil
	}
	c := *l
	return &c
}

// ExportTokens implements transfer.Exporter.
func (s *Store) ExportTokens(ctx context.Context, after int64, limit int) (some []transfer.Token, err error) {
	err = s.view(ctx, func(st *state) error {
		ids := st.matching(func(t token) bool { return t.id > after && t.owned })
		for _, id := range ids[:min(len(ids), tokenrule.Limit(limit))] {
			t := st.tokens[id]
			some = append(some, transfer.Token{
				ID: t.id, Digest: t.digest, Legacy: copyLegacy(t.legacy), Seal: copySeal(t.seal), UserID: t.userID, Client: st.clients[t.clientID].Name,
				Created: t.created, IssuedAt: t.issuedAt, ExpiresAt: t.expiresAt, Ceiling: t.ceiling, LastUsed: t.lastUsed, Device: t.device,
			})
		}
		return nil
	})
	return some, err
}

// ExportLedger implements transfer.Exporter.
func (s *Store) ExportLedger(ctx context.Context, after transfer.Entry, limit int) (some []transfer.Entry, err error) {
	order := func(a, b transfer.Entry) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Key, b.Key))
	}
	err = s.view(ctx, func(st *state) error {
		for k, row := range st.ledger {
			if e := (transfer.Entry{Source: k.source, Key: k.key, ID: row.target, Mark: row.mark}); order(e, after) > 0 {
				some = append(some, e)
			}
		}
		slices.SortFunc(some, order)
		some = some[:min(len(some), tokenrule.Limit(limit))]
		return nil
	})
	return some, err
}
