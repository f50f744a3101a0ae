package memstore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

// A state is everything in the store. The maps hold values: a copy of the state
// is a copy of its maps.
type state struct {
	clients   map[int64]durin.Client
	clientIDs map[string]int64
	users     map[int64]durin.User
	userIDs   map[string]int64
	tokens    map[int64]token
	tokenIDs  map[durin.Digest]int64
	legacyIDs map[transfer.LegacyDigest]int64
	replaced  map[durin.Digest]replacedToken
	order     []int64          // of tokens, upwards
	slots     map[slot][]int64 // the tokens of a user and client, upwards
	usage     map[usageKey]browse.Usage
	batches   map[[16]byte]time.Time // of counts that were added
	ledger    map[ledgerKey]ledgerRow
	// Ids that were deleted: no import gives them to others.
	goneClients, goneUsers map[int64]bool
	servers                map[int64]durin.ResourceServer
	activity               map[activityKey]browse.Activity
	// The highest ids that there have been.
	lastClient, lastUser, lastToken, lastServer int64
}

// A token is a row. Its seal is never written to, only exchanged.
type token struct {
	id        int64
	digest    durin.Digest
	legacy    *transfer.LegacyDigest // never written to
	seal      []byte
	userID    string
	owned     bool // by a user of the store
	clientID  int64
	created   time.Time
	issuedAt  time.Time
	expiresAt time.Time
	ceiling   time.Time // zero: none
	lastUsed  time.Time
	imported  time.Time // when; zero: it was not
	device    durin.Device
}

type slot struct {
	userID   string
	clientID int64
}

func newState() *state {
	return &state{
		clients:     map[int64]durin.Client{},
		clientIDs:   map[string]int64{},
		users:       map[int64]durin.User{},
		userIDs:     map[string]int64{},
		tokens:      map[int64]token{},
		tokenIDs:    map[durin.Digest]int64{},
		legacyIDs:   map[transfer.LegacyDigest]int64{},
		replaced:    map[durin.Digest]replacedToken{},
		slots:       map[slot][]int64{},
		batches:     map[[16]byte]time.Time{},
		usage:       map[usageKey]browse.Usage{},
		ledger:      map[ledgerKey]ledgerRow{},
		goneClients: map[int64]bool{}, goneUsers: map[int64]bool{},
		servers:  map[int64]durin.ResourceServer{},
		activity: map[activityKey]browse.Activity{},
	}
}

func (st *state) clone() *state {
	c := *st
	c.clients, c.clientIDs = maps.Clone(st.clients), maps.Clone(st.clientIDs)
	c.users, c.userIDs = maps.Clone(st.users), maps.Clone(st.userIDs)
	c.tokens, c.tokenIDs, c.legacyIDs = maps.Clone(st.tokens), maps.Clone(st.tokenIDs), maps.Clone(st.legacyIDs)
	c.replaced = maps.Clone(st.replaced)
	c.usage, c.batches, c.ledger = maps.Clone(st.usage), maps.Clone(st.batches), maps.Clone(st.ledger)
	c.servers, c.activity = maps.Clone(st.servers), maps.Clone(st.activity)
	c.goneClients, c.goneUsers = maps.Clone(st.goneClients), maps.Clone(st.goneUsers)
	c.order = slices.Clone(st.order)
	c.slots = make(map[slot][]int64, len(st.slots))
	for k, ids := range st.slots {
		c.slots[k] = slices.Clone(ids)
	}
	return &c
}

func (st *state) clientByName(name string) (durin.Client, error) {
	id, ok := st.clientIDs[name]
	if !ok {
		return durin.Client{}, fmt.Errorf("memstore: client: %w", durin.ErrNotFound)
	}
	return st.clients[id], nil
}

// user returns the store's own user with that id.
func (st *state) user(id string) (durin.User, bool) {
	n, ok := tokenrule.ParseUserID(id)
	if !ok {
		return durin.User{}, false
	}
	u, ok := st.users[n]
	return u, ok
}

// insert adds t, with an id of its own if t has none. Its id and digest must be
// free.
func (st *state) insert(t token) (token, error) {
	if t.id == 0 {
		id, err := tokenrule.NextID(st.lastToken)
		if err != nil {
			return token{}, err
		}
		t.id = id
	}
	st.lastToken = max(st.lastToken, t.id)
	st.tokens[t.id] = t
	st.tokenIDs[t.digest] = t.id
	if t.legacy != nil {
		st.legacyIDs[*t.legacy] = t.id
	}
	st.order = addID(st.order, t.id)
	k := slot{t.userID, t.clientID}
	st.slots[k] = addID(st.slots[k], t.id)
	return t, nil
}

// end is remove; of the tokens that renewals have replaced it returns those that
// are in their grace at now.
func (st *state) end(ids []int64, now time.Time) []durin.Digest {
	graces := st.graces(ids, now)
	return append(st.remove(ids), graces...)
}

// remove deletes the tokens with those ids, and what they have replaced, and
// returns their digests.
func (st *state) remove(ids []int64) []durin.Digest {
	var ended []durin.Digest
	for _, id := range ids {
		t := st.tokens[id]
		for _, d := range st.replacedOf(id) {
			delete(st.replaced, d)
		}
		ended = append(ended, t.digest)
		delete(st.tokens, id)
		delete(st.tokenIDs, t.digest)
		if t.legacy != nil {
			delete(st.legacyIDs, *t.legacy)
		}
		st.order = dropID(st.order, id)
		k := slot{t.userID, t.clientID}
		if st.slots[k] = dropID(st.slots[k], id); len(st.slots[k]) == 0 {
			delete(st.slots, k)
		}
	}
	return ended
}

// matching returns the ids of the tokens that fit, upwards.
func (st *state) matching(fits func(token) bool) []int64 {
	var ids []int64
	for _, id := range st.order {
		if fits(st.tokens[id]) {
			ids = append(ids, id)
		}
	}
	return ids
}

// digestsOf returns the digests of a user's tokens, and of those that renewals
// have replaced and that are in their grace.
func (st *state) digestsOf(userID string, now time.Time) []durin.Digest {
	var all []durin.Digest
	ids := st.matching(func(t token) bool { return t.userID == userID })
	for _, id := range ids {
		all = append(all, st.tokens[id].digest)
	}
	return append(all, st.graces(ids, now)...)
}

// session is t as a check sees it.
func (st *state) session(t token) durin.Session {
	c := st.clients[t.clientID]
	s := durin.Session{
		ID:        t.id,
		Digest:    t.digest,
		UserID:    t.userID,
		Client:    &c,
		Created:   t.created,
		IssuedAt:  t.issuedAt,
		ExpiresAt: t.expiresAt,
		Ceiling:   t.ceiling,
		LastUsed:  t.lastUsed,
	}
	if u, ok := st.user(t.userID); ok && t.owned {
		s.UserName, s.Inactive = u.Name, !u.Active
	}
	return s
}

// sessionOf is the session with its device.
func (st *state) sessionOf(t token) durin.Session {
	s := st.session(t)
	s.Device = &t.device
	return s
}

func (t token) live(now time.Time) bool {
	return t.expiresAt.IsZero() || !now.After(t.expiresAt)
}

// expiryAfter is that of t when it is renewed at now.
func (st *state) expiryAfter(t token, now time.Time) time.Time {
	s := st.session(t)
	return tokenrule.Instant(s.ExpiryAfter(now))
}

func (t token) row() tokenrule.Row {
	return tokenrule.Row{ID: t.id, Digest: t.digest, IssuedAt: t.issuedAt, ExpiresAt: t.expiresAt, Ceiling: t.ceiling, HasSeal: len(t.seal) > 0}
}

// copySeal is nil for a seal of nothing.
func copySeal(seal []byte) []byte {
	if len(seal) == 0 {
		return nil
	}
	return bytes.Clone(seal)
}

func addID(ids []int64, id int64) []int64 {
	i, _ := slices.BinarySearch(ids, id)
	return slices.Insert(ids, i, id)
}

// dropID takes away an id that is there.
func dropID(ids []int64, id int64) []int64 {
	i, _ := slices.BinarySearch(ids, id)
	return slices.Delete(ids, i, i+1)
}
