package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
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
		i := newImporting(t.preparing(), tokenrule.Instant(now))
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
	now time.Time
	at  int64 // the same
	// ahead are the tables in which rows came with ids of their own, so that
	// the engine may not yet know which it can give out. They are advanced as
	// late as possible, because some engines lock the table for that.
	ahead map[string]bool
	// known is the ledger about the rows that are imported, and those that
	// this import has added to it.
	known map[ledgerKey]ledgerRow
	// here are the clients and users behind the ledger, as they are now.
	here map[rowKey]present
	// clients are kept from being changed and deleted.
	clients map[string]durin.Client
	// slots are the tokens of users and clients of whom nobody else issues or
	// ends any.
	slots map[slotKey][]tokenrule.Row
}

type (
	ledgerKey struct{ source, key string }
	ledgerRow struct {
		target int64
		mark   string
	}
	rowKey struct {
		table string
		id    int64
	}
	present struct {
		name    string // "": there is none
		created time.Time
	}
	slotKey struct {
		user   string
		client int64
	}
)

func newImporting(t session, now time.Time) *importing {
	return &importing{
		session: t, now: now, at: now.UnixMicro(), ahead: map[string]bool{}, known: map[ledgerKey]ledgerRow{}, here: map[rowKey]present{},
		clients: map[string]durin.Client{}, slots: map[slotKey][]tokenrule.Row{},
	}
}

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
		if row.Person != "" {
			keys[transfer.PersonSource] = append(keys[transfer.PersonSource], row.Person)
		}
	}
	for source, all := range keys {
		err := portions(all, func(some []string) error {
			return t.each(ctx, func(rows *sql.Rows) error {
				var key string
				var row ledgerRow
				err := rows.Scan(&key, &row.target, &row.mark)
				t.known[ledgerKey{source, key}] = row
				return err
			}, "SELECT source_key, target, mark FROM durin_import WHERE source = ? AND source_key IN "+list(len(some)), append([]any{source}, anys(some)...)...)
		})
		if err != nil {
			return err
		}
	}
	return t.lookHere(ctx, rows)
}

// lookHere reads the clients and users that known rows have become.
func (t *importing) lookHere(ctx context.Context, rows []transfer.Row) error {
	ids := map[string][]int64{}
	for _, row := range rows {
		if table := tableOf(row); table != "" {
			if known, _, there := t.taken(row); there {
				ids[table] = append(ids[table], known.target)
			}
		}
	}
	for table, all := range ids {
		err := portions(all, func(some []int64) error {
			return t.each(ctx, func(rows *sql.Rows) error {
				id, row, err := scanPresent(rows)
				t.here[rowKey{table, id}] = row
				return err
			}, "SELECT id, name, created FROM "+table+" WHERE id IN "+list(len(some)), anys(some)...)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// taken is what the ledger has of a row, by its key or as a person.
func (t *importing) taken(row transfer.Row) (known ledgerRow, asPerson, there bool) {
	if known, there = t.known[ledgerKey{row.Source, row.Key}]; there || row.Person == "" {
		return known, false, there
	}
	known, there = t.known[ledgerKey{transfer.PersonSource, row.Person}]
	return known, true, there
}

// enter adds to the ledger.
func (t *importing) enter(ctx context.Context, source, key string, row ledgerRow) error {
	t.known[ledgerKey{source, key}] = row
	return asInsert(t.exec(ctx, insertInto("durin_import", "source, source_key, target, at, mark"), source, key, row.target, t.at, row.mark))
}

// tableOf is where a client or user is kept, "" for other rows.
func tableOf(row transfer.Row) string {
	switch {
	case row.Client != nil:
		return "durin_client"
	case row.User != nil:
		return "durin_user"
	}
	return ""
}

func scanPresent(rows *sql.Rows) (id int64, p present, err error) {
	var created number
	err = rows.Scan(&id, &p.name, &created)
	p.created = created.instant()
	return id, p, err
}

// lockedClient is the client called name, which cannot be changed until the
// transaction ends; its id is 0 if there is none.
func (t *importing) lockedClient(ctx context.Context, name string) (durin.Client, error) {
	if c, locked := t.clients[name]; locked {
		return c, nil
	}
	c, err := t.session.client(ctx, clientNamed+t.forShare, name)
	if errors.Is(err, durin.ErrNotFound) {
		return durin.Client{}, nil
	}
	if err == nil {
		t.clients[name] = c
	}
	return c, err
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
	var result transfer.Result
	var err error
	if known, asPerson, there := t.taken(row); there {
		_, told := t.known[ledgerKey{transfer.PersonSource, row.Person}]
		switch {
		case asPerson:
			err = t.enter(ctx, row.Source, row.Key, known)
		case row.Person != "" && !told && row.Mark == known.mark: // by a new name
			err = t.enter(ctx, transfer.PersonSource, row.Person, known)
		}
		here := t.here[rowKey{tableOf(row), known.target}]
		return transfer.Result{Outcome: transfer.KnownBefore, ID: known.target, Mark: known.mark, Name: here.name, Created: here.created}, err
	}
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
	entry := ledgerRow{result.ID, row.Mark}
	switch {
	case err != nil:
		return result, err
	case result.Outcome == transfer.OverMaximum:
		entry.target = -1
	case result.Outcome != transfer.Imported:
		return result, nil
	}
	if row.Client != nil {
		t.here[rowKey{"durin_client", result.ID}] = present{row.Client.Name, tokenrule.Instant(row.Client.Created)}
	}
	if row.User != nil {
		t.here[rowKey{"durin_user", result.ID}] = present{row.User.Name, tokenrule.Instant(row.User.Created)}
	}
	err = t.enter(ctx, row.Source, row.Key, entry)
	if _, there := t.known[ledgerKey{transfer.PersonSource, row.Person}]; err == nil && row.Person != "" && !there {
		err = t.enter(ctx, transfer.PersonSource, row.Person, entry)
	}
	return result, err
}

// named is the result for a client or user whose name another one has, if there is
// one.
func (t *importing) named(ctx context.Context, table, name string) (result transfer.Result, taken bool, err error) {
	err = t.each(ctx, func(rows *sql.Rows) error {
		id, p, err := scanPresent(rows)
		result, taken = transfer.Result{Outcome: transfer.TakenByOther, ID: id, Name: p.name, Created: p.created}, true
		return err
	}, "SELECT id, name, created FROM "+table+" WHERE name = ?", name)
	return result, taken, err
}

// Kinds of rows in durin_gone.
const (
	goneClient = "client"
	goneUser   = "user"
)

// noteGone keeps the id of a row that is deleted from being given to another one:
// what refers to it, here or elsewhere, would mean that one.
func (t session) noteGone(ctx context.Context, kind string, id int64, now time.Time) error {
	at := tokenrule.Instant(now).UnixMicro()
	return t.exec(ctx, insertInto("durin_gone", "kind, id, at")+t.upsert("kind, id")+"at = ?", kind, id, at, at)
}

// used reports whether a row has the id, or had it once.
func (t *importing) used(ctx context.Context, table, kind string, id int64) (bool, error) {
	return t.has(ctx, "SELECT 1 FROM "+table+" WHERE id = ? UNION ALL SELECT 1 FROM durin_gone WHERE kind = ? AND id = ?", id, kind, id)
}

func (t *importing) client(ctx context.Context, c durin.Client) (transfer.Result, error) {
	if !tokenrule.IsText(c.Name) {
		return transfer.Result{}, c.Validate()
	}
	if result, taken, err := t.named(ctx, "durin_client", c.Name); err != nil || taken {
		return result, err
	}
	inUse, err := t.used(ctx, "durin_client", goneClient, c.ID)
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
	if result, taken, err := t.named(ctx, "durin_user", u.Name); err != nil || taken {
		return result, err
	}
	id, _ := tokenrule.ParseUserID(u.ID)
	inUse, err := t.used(ctx, "durin_user", goneUser, id)
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

// token keeps the token's user and client from being deleted meanwhile, and others
// from issuing and ending tokens of the two.
func (t *importing) token(ctx context.Context, n transfer.Token) (transfer.Result, error) {
	const byDigest = "SELECT id FROM durin_token WHERE digest = ?"
	if ids, err := t.ids(ctx, byDigest, n.Digest[:]); err != nil || len(ids) > 0 {
		return transfer.Result{Outcome: transfer.TakenByOther, ID: append(ids, 0)[0]}, err
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
	if err != nil || client.ID == 0 {
		return orphan, err
	}
	result, err := t.makeRoom(ctx, n, client)
	if err != nil || result.Outcome != transfer.Imported {
		return result, err
	}
	if result.ID, err = t.insert(ctx, n, owner, client.ID); err != nil {
		return transfer.Result{}, err
	}
	if result.ID == 0 {
		ids, err := t.ids(ctx, byDigest, n.Digest[:])
		if err != nil || len(ids) == 0 {
			return transfer.Result{}, err
		}
		result.ID = ids[0]
	}
	row := rowOf(n)
	row.ID = result.ID
	at := slotKey{n.UserID, client.ID}
	t.slots[at] = append(t.slots[at], row)
	return result, nil
}

// rowOf is a token as the rules see it.
func rowOf(n transfer.Token) tokenrule.Row {
	issued := tokenrule.Instant(n.IssuedAt)
	if issued.IsZero() {
		issued = tokenrule.Instant(n.Created)
	}
	return tokenrule.Row{ID: n.ID, Digest: n.Digest, IssuedAt: issued, ExpiresAt: tokenrule.Instant(n.ExpiresAt)}
}

// makeRoom ends the tokens that n leaves no room for, or says that there is none
// for n.
func (t *importing) makeRoom(ctx context.Context, n transfer.Token, c durin.Client) (result transfer.Result, err error) {
	at := slotKey{n.UserID, c.ID}
	rows, locked := t.slots[at]
	if !locked {
		if rows, err = t.lockSlot(ctx, durin.NewToken{UserID: n.UserID, Now: t.now}, c.ID); err != nil {
			return result, err
		}
	}
	t.slots[at] = rows
	end, ok := tokenrule.Admit(c, rowOf(n), rows, t.now)
	if !ok {
		return transfer.Result{Outcome: transfer.OverMaximum}, nil
	}
	for _, r := range end {
		result.Ended, result.EndedIDs = append(result.Ended, r.Digest), append(result.EndedIDs, r.ID)
	}
	if result.Ended, err = t.endTokens(ctx, result.Ended, t.now); err != nil {
		return transfer.Result{}, err
	}
	t.slots[at] = slices.DeleteFunc(rows, func(r tokenrule.Row) bool { return slices.Contains(result.EndedIDs, r.ID) })
	return result, nil
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
	created, issued, device := tokenrule.Instant(n.Created), rowOf(n).IssuedAt, tokenrule.Device(n.Device)
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
