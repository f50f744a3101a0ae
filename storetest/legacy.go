package storetest

import (
	"crypto/sha512"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/transfer"
)

func legacyTests(repeat int) []test {
	return []test{
		ofLegacy("adopt", legacyAdopt),
		ofLegacy("adopted once", legacyOnce),
		ofLegacy("ended before", legacyEnded),
		ofLegacy("doubles", legacyDoubles),
		ofLegacy("adopt and end", func(t *testing.T, s legacyKeeper) {
			for round := range 10 * repeat {
				legacyRace(t, s, round)
			}
		}),
		ofLegacy("adopt and deactivate", func(t *testing.T, s legacyKeeper) {
			for round := range 10 * repeat {
				legacyRaceUser(t, s, round)
			}
		}),
	}
}

// A legacyKeeper is a store that keeps tokens of which only a SHA-512 is known.
type legacyKeeper interface {
	newcomer
	transfer.LegacyStore
}

func ofLegacy(name string, run func(t *testing.T, s legacyKeeper)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		k, ok := s.(legacyKeeper)
		if !ok {
			t.Skip("the store keeps no legacy digests")
		}
		run(t, k)
	}}
}

func legacyOf(word string) transfer.LegacyDigest { return sha512.Sum512([]byte(word)) }

// importLegacy imports a token known by its SHA-512, with the client and user of
// oldSystem, and returns it.
func importLegacy(t *testing.T, s newcomer, word string) transfer.Token {
	t.Helper()
	c, u, k := oldSystem()
	legacy := legacyOf(word)
	k.ID, k.Seal, k.Digest, k.Legacy = 0, nil, transfer.Placeholder(legacy), &legacy
	rows := rowsOf(c, u, k)
	rows[2].Key = k.Digest.String()
	results, err := s.Import(t.Context(), rows, start, false)
	must(t, err)
	same(t, "outcome", results[2].Outcome, transfer.Imported)
	return k
}

func adopt(t *testing.T, s transfer.LegacyStore, word string, want bool) {
	t.Helper()
	got, err := s.AdoptLegacy(t.Context(), []transfer.LegacyDigest{legacyOf("other"), legacyOf(word)}, digest(word))
	must(t, err)
	same(t, "adopted", got, want)
}

func left(t *testing.T, s transfer.LegacyStore, want bool) {
	t.Helper()
	got, err := s.LegacyLeft(t.Context())
	must(t, err)
	same(t, "legacy digests left", got, want)
}

func legacyAdopt(t *testing.T, s legacyKeeper) {
	left(t, s, false)
	k := importLegacy(t, s, "a")
	left(t, s, true)
	adopt(t, s, "b", false)
	_, err := s.Lookup(t.Context(), digest("a"))
	refused(t, "before it is adopted", err, durin.ErrNotFound)
	before, err := s.Lookup(t.Context(), k.Digest)
	must(t, err)
	adopt(t, s, "a", true)
	left(t, s, false)
	_, err = s.Lookup(t.Context(), k.Digest)
	refused(t, "the placeholder", err, durin.ErrNotFound)
	after, err := s.Lookup(t.Context(), digest("a"))
	must(t, err)
	before.Digest = digest("a")
	same(t, "adopted token", after, before)
	isThere(t, s, "a")
	// The dump once more: the ledger knows the token.
	c, u, _ := oldSystem()
	rows := rowsOf(c, u, k)
	rows[2].Key = k.Digest.String()
	results, err := s.Import(t.Context(), rows, start, false)
	must(t, err)
	same(t, "outcome", results[2].Outcome, transfer.KnownBefore)
	left(t, s, false)
}

// legacyOnce lets many nodes adopt one token at once.
func legacyOnce(t *testing.T, s legacyKeeper) {
	importLegacy(t, s, "a")
	var adopted atomic.Int64
	errs := make([]error, racers)
	together(racers, func(i int) {
		ok, err := s.AdoptLegacy(t.Context(), []transfer.LegacyDigest{legacyOf("a")}, digest("a"))
		if ok {
			adopted.Add(1)
		}
		if errs[i] = err; err == nil {
			_, errs[i] = s.Lookup(t.Context(), digest("a"))
		}
	})
	for _, err := range errs {
		must(t, err)
	}
	same(t, "calls that adopted", adopted.Load(), int64(1))
	isThere(t, s, "a")
}

func legacyEnded(t *testing.T, s legacyKeeper) {
	k := importLegacy(t, s, "a")
	id := sessions(t, s, browse.Query{})[0].ID
	ended, err := s.End(t.Context(), durin.Selection{ID: id}, start)
	must(t, err)
	same(t, "ended", ended, []durin.Digest{k.Digest})
	left(t, s, false)
	adopt(t, s, "a", false)
	isThere(t, s)
}

// legacyDoubles has the same token by its text and by its SHA-512.
func legacyDoubles(t *testing.T, s legacyKeeper) {
	k := importLegacy(t, s, "a")
	ensure(t, s, web())
	issue(t, s, newToken("a"))
	_, err := s.AdoptLegacy(t.Context(), []transfer.LegacyDigest{legacyOf("a")}, digest("a"))
	refused(t, "adopting a token that is there", err, durin.ErrExists)
	left(t, s, true)
	_, err = s.Lookup(t.Context(), k.Digest)
	must(t, err)
	bad := k
	bad.Digest = digest("a")
	if _, err := s.Import(t.Context(), []transfer.Row{{Source: "t", Key: "bad", Token: &bad}}, start, false); err == nil {
		t.Error("a token was imported with another digest than its placeholder")
	}
}

// legacyRace ends a token while it is adopted: whatever order they go in, it
// stays ended, and the ending tells the digest that was last looked up.
func legacyRace(t *testing.T, s legacyKeeper, round int) {
	word := fmt.Sprint("end ", round)
	k := importLegacy(t, s, word)
	id := sessions(t, s, browse.Query{Newest: true, Limit: 1})[0].ID
	var ended []durin.Digest
	var seen atomic.Bool
	errs := make([]error, racers)
	together(racers, func(i int) {
		if i == 0 {
			ended, errs[i] = s.End(t.Context(), durin.Selection{ID: id}, start)
			return
		}
		if _, errs[i] = s.AdoptLegacy(t.Context(), []transfer.LegacyDigest{legacyOf(word)}, digest(word)); errs[i] == nil {
			if _, err := s.Lookup(t.Context(), digest(word)); err == nil {
				seen.Store(true)
			}
		}
	})
	for _, err := range errs {
		must(t, err)
	}
	switch {
	case len(ended) != 1:
		t.Errorf("%d digests were told of one ending", len(ended))
	case ended[0] != k.Digest && ended[0] != digest(word), seen.Load() && ended[0] != digest(word):
		t.Errorf("the ending told %s, the token is %s: adopted and seen %v", ended[0], digest(word), seen.Load())
	}
	adopt(t, s, word, false)
	isThere(t, s)
}

// legacyRaceUser deactivates a user while a token is adopted: who has seen the
// user active must find the digest among those that changed.
func legacyRaceUser(t *testing.T, s legacyKeeper, round int) {
	word := fmt.Sprint("user ", round)
	importLegacy(t, s, word)
	var changed, marked []durin.Digest
	var seen atomic.Bool
	errs := make([]error, racers)
	together(racers, func(i int) {
		switch i {
		case 0:
			_, changed, errs[i] = s.UpdateUser(t.Context(), "80", after(time.Hour), func(u *durin.User) error { u.Active = false; return nil })
		case 1:
			marked, errs[i] = s.MarkUser(t.Context(), "80", after(time.Hour))
		default:
			if _, errs[i] = s.AdoptLegacy(t.Context(), []transfer.LegacyDigest{legacyOf(word)}, digest(word)); errs[i] == nil {
				if found, err := s.Lookup(t.Context(), digest(word)); err == nil && !found.Inactive {
					seen.Store(true)
				}
			}
		}
	})
	for _, err := range errs {
		must(t, err)
	}
	if seen.Load() && !slices.Contains(changed, digest(word)) {
		t.Errorf("round %d: a check saw the user active, and the change told %v and not %v", round, changed, digest(word))
	}
	same(t, "tokens marked", len(marked), 1)
	_, _, err := s.UpdateUser(t.Context(), "80", start, func(u *durin.User) error { u.Active = true; return nil })
	must(t, err)
	_, err = s.End(t.Context(), durin.Selection{UserID: "80"}, start)
	must(t, err)
}
