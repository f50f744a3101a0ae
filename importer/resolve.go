package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	// others are users who are left out because an earlier import took their
	// key for another one: both names by key, of the first 50,000.
	others map[string]string
	// fresh are keys and names of users that only a rehearsal has taken.
	fresh keySet
}

func newUserTable(natural bool) *userTable {
	return &userTable{
		keys: newKeySet(), names: newTextSet(), usable: newKeySet(), fresh: newKeySet(),
		ids: map[string]string{}, natural: natural, byName: map[string]string{}, others: map[string]string{},
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

// leaveOut notes a user whose key was taken for another one, called here.
func (t *userTable) leaveOut(it *item, here string) {
	if len(t.others) < maxProblems {
		t.others[it.pk] = fmt.Sprintf(": it is %q in the dump, and %s was taken under its key before", it.name, quoteOrDeleted(here))
	}
}

// reason says why a user is left out, if that is known.
func (t *userTable) reason(ref reference) string { return t.others[ref.pk] }

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
		p.resolveClient(it)
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
		it.fault("its user %s is left out%s", it.user, p.users.reason(it.user))
	case id == "" && it.user.name != "":
		it.fault("its user %s is neither in the dump nor taken by an earlier import under this name", it.user)
	case id == "":
		it.fault("its user %s is not in the dump", it.user)
	}
	it.row.Token.UserID = id
	it.fresh = it.fresh || fresh
}

// resolveClient finds the client, seals the token if that hands it out again,
// and finds tokens that are there twice, and a second one of one user for it.
func (p *pass) resolveClient(it *item) {
	c := p.clients.find(it)
	if len(it.faults) > 0 {
		return
	}
	t := it.row.Token
	if !p.digests.add(string(t.Digest[:])) { // one that is left out until here is in nobody's way
		it.fault("the same token is there twice")
		return
	}
	t.Client = c.name
	it.fresh = it.fresh || c.fresh
	it.reuse = c.policy == durin.PolicyReuse
	if (it.reuse || c.policy == durin.PolicyReplace) && c.name != "" && !p.pairs.add(t.UserID+"\x00"+c.name) {
		it.fault("its user has another token for the client %q, which allows one", c.name)
		return
	}
	if it.reuse && p.Keyring != nil && !p.dry && it.secret != "" {
		t.Seal = p.Keyring.Seal(it.secret.Reveal())
	}
}

// absentUsers looks in the store for the users that the dump does not have, by
// name: a key alone tells nobody.
func (p *pass) absentUsers(items []*item) (map[reference]string, error) {
	ids := map[reference]string{}
	for _, it := range items {
		if _, _, there := p.users.find(it.user); there || it.user.name == "" {
			continue
		}
		if _, asked := ids[it.user]; asked {
			continue
		}
		id, err := p.userNamed(it.user.name)
		if err != nil {
			return nil, err
		}
		ids[it.user] = id
	}
	return ids, nil
}

// userNamed returns the id of the user of the store whom an earlier import has
// taken under that name, "" if there is none. Who got the name in another way may
// be somebody else.
func (p *pass) userNamed(name string) (string, error) {
	users, ok := p.dst.(interface {
		UserByName(context.Context, string) (durin.User, error)
	})
	if !ok {
		return "", nil
	}
	u, err := users.UserByName(p.ctx, name)
	if errors.Is(err, durin.ErrNotFound) || err == nil && personOf(&u) == "" {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("importer: %w", err)
	}
	none := int64(-1)
	results, err := p.importRows(p.ctx, []transfer.Row{{Source: transfer.PersonSource, Key: personOf(&u), Known: &none}}, true)
	if err != nil || results[0].Outcome != transfer.KnownBefore || strconv.FormatInt(results[0].ID, 10) != u.ID {
		return "", err
	}
	return u.ID, nil
}
