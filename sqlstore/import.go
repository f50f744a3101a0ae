package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

// errDry takes back what a dry import has written.
var errDry = errors.New("sqlstore: a dry run keeps nothing")

// Import implements transfer.Importer. Imports wait for each other.
func (s *Store) Import(ctx context.Context, rows []transfer.Row, now time.Time, dry bool) ([]transfer.Result, error) {
	for _, row := range rows {
		if err := tokenrule.CheckImport(row); err != nil {
			return nil, err
		}
	}
	var results []transfer.Result
	err := s.writeMuch(ctx, "importing", func(ctx context.Context, t session) error {
		results = make([]transfer.Result, 0, len(rows))
		i := importing{session: t.preparing(), at: tokenrule.Instant(now).UnixMicro(), ahead: map[string]bool{}, known: map[ledgerKey]int64{}, clients: map[string]int64{}}
		err := i.all(ctx, rows, &results)
		if isInsert(err) {
			// Somebody was faster: look again.
			return fmt.Errorf("%w: %w", errAgain, err)
		}
		if err == nil && dry {
			err = errDry
		}
		return err
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

// importing is an import that is under way.
type importing struct {
	session
	at int64
	// ahead are the tables in which rows came with ids of their own, so that
	// the engine may not yet know which it can give out. They are advanced as
	// late as possible, because some engines lock the table for that.
	ahead map[string]bool
	// known is the ledger about the rows that are imported, and those that
	// this import has added to it.
	known map[ledgerKey]int64
	// clients are the ids of clients that are kept from being deleted.
	clients map[string]int64
}

type ledgerKey struct{ source, key string }

func (t *importing) all(ctx context.Context, rows []transfer.Row, results *[]transfer.Result) error {
	if _, err := t.has(ctx, "SELECT version FROM durin_schema WHERE version = 1"+t.forUpdate); err != nil {
		return err
	}
	if err := t.look(ctx, rows); err != nil {
		return err
	}
	for _, row := range rows {
		result, err := t.row(ctx, row)
		if err != nil {
			return fmt.Errorf("%s %s: %w", row.Source, row.Key, err)
		}
		*results = append(*results, result)
	}
	for _, table := range []string{"durin_client", "durin_user", "durin_token"} {
		if err := t.catchUp(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// look reads what the ledger has of rows. Imports wait for each other, so that
// nobody adds to it meanwhile.
func (t *importing) look(ctx context.Context, rows []transfer.Row) error {
	keys := map[string][]string{}
	for _, row := range rows {
		keys[row.Source] = append(keys[row.Source], row.Key)
	}
	for source, all := range keys {
		err := portions(all, func(some []string) error {
			return t.each(ctx, func(rows *sql.Rows) error {
				var key string
				var id int64
				err := rows.Scan(&key, &id)
				t.known[ledgerKey{source, key}] = id
				return err
			}, "SELECT source_key, target FROM durin_import WHERE source = ? AND source_key IN "+list(len(some)), append([]any{source}, anys(some)...)...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lockedClient is the id of the client called name, which cannot be deleted until
// the transaction ends; 0 if there is none.
func (t *importing) lockedClient(ctx context.Context, name string) (int64, error) {
	if id := t.clients[name]; id != 0 {
		return id, nil
	}
	ids, err := t.ids(ctx, "SELECT id FROM durin_client WHERE name = ?"+t.forShare, name)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	t.clients[name] = ids[0]
	return ids[0], nil
}

// catchUp makes later ids of the table follow those that rows came with.
func (t *importing) catchUp(ctx context.Context, table string) error {
	if !t.ahead[table] {
		return nil
	}
	t.ahead[table] = false
	return t.advanceIDs(ctx, table)
}

// place prepares the insert of a row that has an id of its own, or not.
func (t *importing) place(ctx context.Context, table string, numbered bool) error {
	if numbered {
		t.ahead[table] = true
		return nil
	}
	return t.catchUp(ctx, table)
}

func (t *importing) row(ctx context.Context, row transfer.Row) (transfer.Result, error) {
	at := ledgerKey{row.Source, row.Key}
	if id, known := t.known[at]; known {
		return transfer.Result{Outcome: transfer.KnownBefore, ID: id}, nil
	}
	var result transfer.Result
	var err error
	switch {
	case row.Client != nil:
		result, err = t.client(ctx, *row.Client)
	case row.User != nil:
		result, err = t.user(ctx, *row.User)
	case row.Known != nil:
		result.ID = *row.Known
	default:
		result, err = t.token(ctx, *row.Token)
	}
	if err != nil || result.Outcome != transfer.Imported {
		return result, err
	}
	t.known[at] = result.ID
	err = t.exec(ctx, insertInto("durin_import", "source, source_key, target, at"), row.Source, row.Key, result.ID, t.at)
	return result, asInsert(err)
}

// taken is the result for a row that stands where the new one would, if there
// is one.
func (t *importing) taken(ctx context.Context, query string, args ...any) (transfer.Result, bool, error) {
	ids, err := t.ids(ctx, query, args...)
	if err != nil || len(ids) == 0 {
		return transfer.Result{}, false, err
	}
	return transfer.Result{Outcome: transfer.TakenByOther, ID: ids[0]}, true, nil
}

func (t *importing) client(ctx context.Context, c durin.Client) (transfer.Result, error) {
	if !tokenrule.IsText(c.Name) {
		return transfer.Result{}, c.Validate()
	}
	if result, taken, err := t.taken(ctx, "SELECT id FROM durin_client WHERE name = ?", c.Name); err != nil || taken {
		return result, err
	}
	inUse, err := t.has(ctx, "SELECT 1 FROM durin_client WHERE id = ?", c.ID)
	if err != nil {
		return transfer.Result{}, err
	}
	if inUse {
		c.ID = 0
	}
	if c, err = tokenrule.Client(c); err != nil {
		return transfer.Result{}, err
	}
	if err := t.place(ctx, "durin_client", c.ID != 0); err != nil {
		return transfer.Result{}, err
	}
	c, err = t.createClient(ctx, c)
	return transfer.Result{ID: c.ID}, err
}

func (t *importing) user(ctx context.Context, u durin.User) (transfer.Result, error) {
	if !tokenrule.IsText(u.Name) {
		return transfer.Result{}, u.Validate()
	}
	if result, taken, err := t.taken(ctx, "SELECT id FROM durin_user WHERE name = ?", u.Name); err != nil || taken {
		return result, err
	}
	id, _ := tokenrule.ParseUserID(u.ID)
	inUse, err := t.has(ctx, "SELECT 1 FROM durin_user WHERE id = ?", id)
	if err != nil {
		return transfer.Result{}, err
	}
	if inUse {
		u.ID = ""
	}
	if u, err = tokenrule.User(u); err != nil {
		return transfer.Result{}, err
	}
	if err := t.place(ctx, "durin_user", u.ID != ""); err != nil {
		return transfer.Result{}, err
	}
	u, err = t.createUser(ctx, u)
	id, _ = tokenrule.ParseUserID(u.ID)
	return transfer.Result{ID: id}, err
}

// importToken keeps the token's user and client from being deleted meanwhile.
func (t *importing) token(ctx context.Context, n transfer.Token) (transfer.Result, error) {
	const byDigest = "SELECT id FROM durin_token WHERE digest = ?"
	if result, taken, err := t.taken(ctx, byDigest, n.Digest[:]); err != nil || taken {
		return result, err
	}
	orphan := transfer.Result{Outcome: transfer.WithoutParent}
	owner, ok := tokenrule.ParseUserID(n.UserID)
	if !ok || !tokenrule.IsText(n.Client) {
		return orphan, nil
	}
	users, err := t.ids(ctx, "SELECT id FROM durin_user WHERE id = ?"+t.forShare, owner)
	if err != nil || len(users) == 0 {
		return orphan, err
	}
	client, err := t.lockedClient(ctx, n.Client)
	if err != nil || client == 0 {
		return orphan, err
	}
	id, err := t.insert(ctx, n, owner, client)
	if err != nil || id != 0 {
		return transfer.Result{ID: id}, err
	}
	ids, err := t.ids(ctx, byDigest, n.Digest[:])
	if err != nil || len(ids) == 0 {
		return transfer.Result{}, err
	}
	return transfer.Result{ID: ids[0]}, nil
}

// insert returns the id of the row if it had one of its own.
func (t *importing) insert(ctx context.Context, n transfer.Token, owner, clientID int64) (int64, error) {
	if n.ID != 0 {
		inUse, err := t.has(ctx, "SELECT 1 FROM durin_token WHERE id = ?", n.ID)
		if err != nil {
			return 0, err
		}
		if inUse {
			n.ID = 0
		}
	}
	created, issued, device := tokenrule.Instant(n.Created), tokenrule.Instant(n.IssuedAt), tokenrule.Device(n.Device)
	if issued.IsZero() {
		issued = created
	}
	values := []any{n.Digest[:], n.UserID, owner, clientID, created.UnixMicro(), issued.UnixMicro(),
		instantOrNull(tokenrule.Instant(durin.Earliest(n.ExpiresAt, n.Ceiling))), instantOrNull(tokenrule.Instant(n.LastUsed)),
		device.Name, device.Address, device.Agent, bytesOrNull(n.Seal), t.at, instantOrNull(tokenrule.Instant(n.Ceiling))}
	numbered := n.ID != 0
	if err := t.place(ctx, "durin_token", numbered); err != nil {
		return 0, err
	}
	fields := tokenFields
	if n.Legacy != nil {
		fields, values = fields+", legacy", append(values, n.Legacy[:])
	}
	if numbered {
		fields, values = fields+", id", append(values, n.ID)
	}
	return n.ID, asInsert(t.exec(ctx, insertInto("durin_token", fields), values...))
}
