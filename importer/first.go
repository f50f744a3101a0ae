package importer

import (
	"fmt"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/transfer"
)

// writeFirst writes the row with the highest key before all others of its
// kind, if ids of the dump may be taken. A row whose id is not free gets the
// next above the highest there is: so that is above the dump's, and no other row
// has to move.
func (p *pass) writeFirst(k kind) error {
	top := p.top[k]
	if p.dry || p.begun[k] || top == nil || top.key == 0 {
		return nil
	}
	p.begun[k] = true
	if err := p.flush(); err != nil {
		return err
	}
	model, wanted := tokenModel, p.firstToken
	if k == userRows {
		model, wanted = p.UserModel, p.firstUser
	}
	it := p.convert(decode(top.raw, model, p.Zone))
	if len(it.faults) > 0 {
		return nil
	}
	if ok, err := wanted(it); err != nil || !ok {
		return err
	}
	p.early[top.raw.number] = true
	return p.visit(top.raw, model)
}

// firstUser reports whether the store has users already, and would take this
// one.
func (p *pass) firstUser(it *item) (bool, error) {
	store, ok := p.dst.(durin.UserStore)
	if !ok {
		return false, nil
	}
	some, err := store.Users(p.ctx, "", 1)
	if err != nil {
		return false, fmt.Errorf("importer: %w", err)
	}
	if len(some) == 0 {
		return false, nil
	}
	it.row.Source, it.row.Key = p.source(it.model), it.ledgerKey()
	results, err := p.importRows(p.ctx, []transfer.Row{it.row}, true)
	return err == nil && results[0].Outcome == transfer.Imported, err
}

// firstToken reports whether the store has tokens already, and none for the
// user and client of this one: else another row of the dump may have been taken
// in its stead.
func (p *pass) firstToken(it *item) (bool, error) {
	store, ok := p.dst.(durin.Store)
	if !ok {
		return false, nil
	}
	some, err := store.Sessions(p.ctx, browse.Query{Limit: 1})
	if err != nil {
		return false, fmt.Errorf("importer: %w", err)
	}
	absent, err := p.absentUsers([]*item{it})
	if err != nil || len(some) == 0 {
		return false, err
	}
	p.resolveUser(it, absent)
	client, err := p.clients.find(p, it)
	if err != nil || len(it.faults) > 0 || client.name == "" {
		return false, err
	}
	theirs, err := store.Sessions(p.ctx, browse.Query{UserID: it.row.Token.UserID, Client: client.name, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("importer: %w", err)
	}
	return len(theirs) == 0, nil
}
