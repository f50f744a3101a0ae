package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

// A userTable knows the users of the dump by what tokens call them.
type userTable struct {
	keys  keySet   // all that are in the dump
	names *textSet // all but those with faults
	// usable are keys of users that are in the store, or will be; ids has
	// their ids where they differ from the key.
	usable keySet
	ids    map[string]string
	// byName has the ids by name, kept if natural.
	natural bool
	byName  map[string]string
	// fresh are keys and names of users that only a rehearsal has taken.
	fresh keySet
}

func newUserTable(natural bool) *userTable {
	return &userTable{
		keys: newKeySet(), names: newTextSet(), usable: newKeySet(), fresh: newKeySet(),
		ids: map[string]string{}, natural: natural, byName: map[string]string{},
	}
}

// settle notes a user that has the given id in the store; a fresh one has none yet.
func (t *userTable) settle(it *item, id int64, fresh bool) {
	stored := strconv.FormatInt(id, 10)
	if fresh {
		stored = standIn(cmp.Or(it.pk, nameKey(it.name)))
		t.fresh.add(it.pk)
		if t.natural {
			t.fresh.add(nameKey(it.name))
		}
	}
	if it.pk != "" {
		t.usable.add(it.pk)
		if !fresh && stored != it.pk {
			t.ids[it.pk] = stored
		}
	}
	if t.natural {
		t.byName[it.name] = stored
	}
}

// standIn is what a fresh user has in the place of an id. The one that a rehearsal
// gave out may be given to another user too.
func standIn(key string) string { return "new:" + key }

// find returns the id of a user of the dump. there says that the dump has it,
// be it usable or not.
func (t *userTable) find(ref reference) (id string, fresh, there bool) {
	if ref.name != "" {
		return t.byName[ref.name], t.fresh.has(nameKey(ref.name)), t.names.has(ref.name)
	}
	if !t.usable.has(ref.pk) {
		return "", false, t.keys.has(ref.pk)
	}
	if t.fresh.has(ref.pk) {
		return standIn(ref.pk), true, true
	}
	id, moved := t.ids[ref.pk]
	if !moved {
		id = ref.pk
	}
	return id, false, true
}

// resolve replaces the references of tokens by what the store calls their
// users and clients. It returns the items that have both.
func (p *pass) resolve(items []*item) ([]*item, error) {
	absent, err := p.absentUsers(items)
	if err != nil {
		return nil, err
	}
	var whole []*item
	for _, it := range items {
		p.resolveUser(it, absent)
		if err := p.resolveClient(it); err != nil {
			return nil, err
		}
		if len(it.faults) > 0 {
			p.leaveOut(it)
			continue
		}
		whole = append(whole, it)
	}
	return whole, nil
}

func (p *pass) resolveUser(it *item, absent map[reference]string) {
	id, fresh, there := p.users.find(it.user)
	if id == "" && !there {
		id = absent[it.user]
	}
	switch {
	case id == "" && there:
		it.fault("its user %s is left out", it.user)
	case id == "":
		it.fault("its user %s is neither in the dump nor taken by an earlier import", it.user)
	}
	it.row.Token.UserID = id
	it.fresh = it.fresh || fresh
}

// resolveClient finds the client, seals the token if that hands it out again,
// and finds tokens that are there twice, and a second one of one user for it.
func (p *pass) resolveClient(it *item) error {
	c, err := p.clients.find(p, it)
	if err != nil || len(it.faults) > 0 {
		return err
	}
	t := it.row.Token
	if !p.digests.add(string(t.Digest[:])) { // one that is left out until here is in nobody's way
		it.fault("the same token is there twice")
		return nil
	}
	t.Client = c.name
	it.fresh = it.fresh || c.fresh
	it.reuse = c.policy == durin.PolicyReuse
	if (it.reuse || c.policy == durin.PolicyReplace) && c.name != "" && !p.pairs.add(t.UserID+"\x00"+c.name) {
		it.fault("its user has another token for the client %q, which allows one", c.name)
		return nil
	}
	if it.reuse && p.Keyring != nil && !p.dry && it.secret != "" {
		t.Seal = p.Keyring.Seal(it.secret.Reveal())
	}
	return nil
}

type userByID interface {
	UserByID(context.Context, string) (durin.User, error)
}

// findUser returns the zero User if there is none.
func findUser(ctx context.Context, users userByID, id string) (durin.User, error) {
	u, err := users.UserByID(ctx, id)
	if errors.Is(err, durin.ErrNotFound) {
		return durin.User{}, nil
	}
	if err != nil {
		return durin.User{}, fmt.Errorf("importer: %w", err)
	}
	return u, nil
}

// absentUsers looks for the users that the dump does not have: by key in the
// ledger of earlier imports, by name in the store.
func (p *pass) absentUsers(items []*item) (map[reference]string, error) {
	ids := map[reference]string{}
	for _, it := range items {
		if id, _, there := p.users.find(it.user); id == "" && !there {
			ids[it.user] = ""
		}
	}
	var rows []transfer.Row
	var asked []reference
	for _, ref := range slices.Collect(maps.Keys(ids)) {
		if ref.name == "" {
			rows, asked = append(rows, p.probe(p.UserModel, ref.pk, len(rows))), append(asked, ref)
			continue
		}
		id, err := p.userNamed(ref.name)
		if err != nil {
			return nil, err
		}
		ids[ref] = id
	}
	results, err := p.importRows(p.ctx, rows, true)
	for i, result := range results {
		if result.Outcome == transfer.KnownBefore {
			ids[asked[i]] = strconv.FormatInt(result.ID, 10)
		}
	}
	return ids, err
}

// userNamed returns the id of a user of the store, "" if there is none.
func (p *pass) userNamed(name string) (string, error) {
	users, ok := p.dst.(interface {
		UserByName(context.Context, string) (durin.User, error)
	})
	if !ok {
		return "", nil
	}
	u, err := users.UserByName(p.ctx, name)
	if errors.Is(err, durin.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("importer: %w", err)
	}
	return u.ID, nil
}
