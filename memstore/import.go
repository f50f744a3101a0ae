package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

type (
	ledgerKey struct{ source, key string }
	ledgerRow struct {
		target int64
		mark   string
	}
)

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
	key, person := ledgerKey{row.Source, row.Key}, ledgerKey{transfer.PersonSource, row.Person}
	if known, there := st.ledger[key]; there {
		if _, told := st.ledger[person]; row.Person != "" && !told && row.Mark == known.mark {
			st.ledger[person] = known // by a new name
		}
		return st.known(row, known), nil
	}
	if known, there := st.ledger[person]; there && row.Person != "" {
		st.ledger[key] = known
		return st.known(row, known), nil
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
		st.ledger[key] = ledgerRow{result.ID, row.Mark}
		if _, there := st.ledger[person]; row.Person != "" && !there {
			st.ledger[person] = st.ledger[key]
		}
	}
	if err == nil && result.Outcome == transfer.OverMaximum {
		st.ledger[key] = ledgerRow{target: -1}
	}
	return result, err
}

// known is the result for a row that the ledger has.
func (st *state) known(row transfer.Row, known ledgerRow) transfer.Result {
	result := transfer.Result{Outcome: transfer.KnownBefore, ID: known.target, Mark: known.mark}
	if c, there := st.clients[known.target]; row.Client != nil && there {
		result.Name, result.Created = c.Name, c.Created
	}
	if u, there := st.users[known.target]; row.User != nil && there {
		result.Name, result.Created = u.Name, u.Created
	}
	return result
}

func (st *state) importClient(c durin.Client) (transfer.Result, error) {
	if id, taken := st.clientIDs[c.Name]; taken {
		return transfer.Result{Outcome: transfer.TakenByOther, ID: id, Name: c.Name, Created: st.clients[id].Created}, nil
	}
	if _, taken := st.clients[c.ID]; taken || st.goneClients[c.ID] {
		c.ID = 0
	}
	c, err := st.createClient(c)
	return transfer.Result{ID: c.ID}, err
}

func (st *state) importUser(u durin.User) (transfer.Result, error) {
	if id, taken := st.userIDs[u.Name]; taken {
		return transfer.Result{Outcome: transfer.TakenByOther, ID: id, Name: u.Name, Created: st.users[id].Created}, nil
	}
	id, _ := tokenrule.ParseUserID(u.ID)
	if _, taken := st.users[id]; taken || st.goneUsers[id] {
		u.ID = ""
	}
	u, err := st.createUser(u)
	id, _ = tokenrule.ParseUserID(u.ID)
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
	created, issued := tokenrule.Instant(t.Created), tokenrule.Instant(t.IssuedAt)
	if issued.IsZero() {
		issued = created
	}
	end, ok := tokenrule.Admit(st.clients[clientID], tokenrule.Row{ID: t.ID, IssuedAt: issued, ExpiresAt: tokenrule.Instant(t.ExpiresAt)}, st.rows(slot{t.UserID, clientID}), now)
	if !ok {
		return transfer.Result{Outcome: transfer.OverMaximum}, nil
	}
	if _, taken := st.tokens[t.ID]; taken {
		t.ID = 0
	}
	var result transfer.Result
	for _, r := range end {
		result.EndedIDs = append(result.EndedIDs, r.ID)
	}
	result.Ended = st.end(result.EndedIDs, now)
	row, err := st.insert(token{
		id: t.ID, digest: t.Digest, legacy: copyLegacy(t.Legacy), seal: copySeal(t.Seal), userID: t.UserID, owned: true, clientID: clientID, device: tokenrule.Device(t.Device),
		created: created, issuedAt: issued, expiresAt: tokenrule.Instant(durin.Earliest(t.ExpiresAt, t.Ceiling)), ceiling: tokenrule.Instant(t.Ceiling), lastUsed: tokenrule.Instant(t.LastUsed), imported: now,
	})
	result.ID = row.id
	return result, err
}
