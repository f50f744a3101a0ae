package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

type ledgerKey struct {
	source, key string
}

// Import implements transfer.Importer. It works on a copy of everything that
// takes the place of the state when all has gone well.
func (s *Store) Import(ctx context.Context, rows []transfer.Row, now time.Time, dry bool) (results []transfer.Result, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state.clone()
	for _, row := range rows {
		result, err := st.importRow(row, tokenrule.Instant(now))
		if err != nil {
			return nil, fmt.Errorf("memstore: import %s %s: %w", row.Source, row.Key, err)
		}
		results = append(results, result)
	}
	if !dry {
		s.state = st
	}
	return results, nil
}

func (st *state) importRow(row transfer.Row, now time.Time) (transfer.Result, error) {
	if err := tokenrule.CheckImport(row); err != nil {
		return transfer.Result{}, err
	}
	key := ledgerKey{row.Source, row.Key}
	if id, known := st.ledger[key]; known {
		return transfer.Result{Outcome: transfer.KnownBefore, ID: id}, nil
	}
	var result transfer.Result
	var err error
	switch {
	case row.Client != nil:
		result, err = st.importClient(*row.Client)
	case row.User != nil:
		result, err = st.importUser(*row.User)
	case row.Known != nil:
		result.ID = *row.Known
	default:
		result, err = st.importToken(*row.Token, now)
	}
	if err == nil && result.Outcome == transfer.Imported {
		st.ledger[key] = result.ID
	}
	return result, err
}

func (st *state) importClient(c durin.Client) (transfer.Result, error) {
	if id, taken := st.clientIDs[c.Name]; taken {
		return transfer.Result{Outcome: transfer.TakenByOther, ID: id}, nil
	}
	if _, taken := st.clients[c.ID]; taken {
		c.ID = 0
	}
	c, err := st.createClient(c)
	return transfer.Result{ID: c.ID}, err
}

func (st *state) importUser(u durin.User) (transfer.Result, error) {
	if id, taken := st.userIDs[u.Name]; taken {
		return transfer.Result{Outcome: transfer.TakenByOther, ID: id}, nil
	}
	if _, taken := st.user(u.ID); taken {
		u.ID = ""
	}
	u, err := st.createUser(u)
	id, _ := tokenrule.ParseUserID(u.ID)
	return transfer.Result{ID: id}, err
}

func (st *state) importToken(t transfer.Token, now time.Time) (transfer.Result, error) {
	if id, taken := st.tokenIDs[t.Digest]; taken {
		return transfer.Result{Outcome: transfer.TakenByOther, ID: id}, nil
	}
	clientID, ok := st.clientIDs[t.Client]
	if _, owned := st.user(t.UserID); !ok || !owned {
		return transfer.Result{Outcome: transfer.WithoutParent}, nil
	}
	if _, taken := st.tokens[t.ID]; taken {
		t.ID = 0
	}
	created, issued := tokenrule.Instant(t.Created), tokenrule.Instant(t.IssuedAt)
	if issued.IsZero() {
		issued = created
	}
	row, err := st.insert(token{
		id: t.ID, digest: t.Digest, legacy: copyLegacy(t.Legacy), seal: copySeal(t.Seal), userID: t.UserID, owned: true, clientID: clientID, device: tokenrule.Device(t.Device),
		created: created, issuedAt: issued, expiresAt: tokenrule.Instant(durin.Earliest(t.ExpiresAt, t.Ceiling)), ceiling: tokenrule.Instant(t.Ceiling), lastUsed: tokenrule.Instant(t.LastUsed), imported: now,
	})
	return transfer.Result{ID: row.id}, err
}
