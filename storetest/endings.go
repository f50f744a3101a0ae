package storetest

import (
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/transfer"
)

func endingTests() []test {
	return []test{
		{"end by selection", endSelection},
		{"end but a client's", endSpare},
		{"end of everything", endEmpty},
		{"end twice", endTwice},
		{"mark", markUser},
		{"prune", pruneExpired},
		{"prune in parts", pruneLimit},
		ofUsers("prune of imported tokens", pruneImported),
	}
}

// crowd makes tokens of two users and two clients: a and b are u1's, c and d
// u2's; a and c are of the client evict, b and d of reject. e is an expired one
// like a.
func crowd(t *testing.T, s durin.Store) map[string]int64 {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	create(t, s, withPolicy(durin.PolicyReject, 9))
	ids := map[string]int64{}
	for word, n := range map[string]durin.NewToken{
		"a": newToken("a", client("evict")),
		"b": newToken("b", client("reject")),
		"c": newToken("c", client("evict"), user("u2")),
		"d": newToken("d", client("reject"), user("u2")),
		"e": newToken("e", client("evict"), at(after(-10*time.Hour))),
	} {
		ids[word] = issue(t, s, n).Session.ID
	}
	return ids
}

func endSelection(t *testing.T, s durin.Store) {
	ids := crowd(t, s)
	left := map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true}
	for _, row := range []struct {
		name string
		sel  durin.Selection
		want []string
	}{
		{"no id", durin.Selection{ID: 1 << 62}, nil},
		{"no digest", durin.Selection{Digest: digest("x")}, nil},
		{"no user", durin.Selection{UserID: "u3"}, nil},
		{"no client", durin.Selection{Client: "web"}, nil},
		{"id of another user", durin.Selection{ID: ids["a"], UserID: "u2"}, nil},
		{"digest of another client", durin.Selection{Digest: digest("a"), Client: "reject"}, nil},
		{"id and digest of two", durin.Selection{ID: ids["a"], Digest: digest("b")}, nil},
		{"the one to keep", durin.Selection{ID: ids["a"], Except: ids["a"]}, nil},
		{"all but a client's", durin.Selection{UserID: "u1", Client: "evict", Spare: "evict"}, nil},
		{"a client that is not there is spared", durin.Selection{ID: ids["a"], Client: "reject", Spare: "none"}, nil},
		{"user but one", durin.Selection{UserID: "u1", Except: ids["a"]}, []string{"b", "e"}},
		{"user and client", durin.Selection{UserID: "u2", Client: "evict"}, []string{"c"}},
		{"all fields", durin.Selection{ID: ids["d"], Digest: digest("d"), UserID: "u2", Client: "reject", Except: ids["a"]}, []string{"d"}},
		{"digest", durin.Selection{Digest: digest("a")}, []string{"a"}},
	} {
		ended, err := s.End(t.Context(), row.sel, start)
		must(t, err)
		sameDigests(t, row.name, ended, row.want...)
		var rest []string
		for _, word := range row.want {
			delete(left, word)
		}
		for word := range left {
			rest = append(rest, word)
		}
		isThere(t, s, rest...)
	}
}

func endSpare(t *testing.T, s durin.Store) {
	crowd(t, s)
	ended, err := s.End(t.Context(), durin.Selection{UserID: "u1", Spare: "evict"}, start)
	must(t, err)
	sameDigests(t, "a client is spared", ended, "b")
	ended, err = s.End(t.Context(), durin.Selection{UserID: "u2", Spare: "none"}, start)
	must(t, err)
	sameDigests(t, "none is", ended, "c", "d")
	isThere(t, s, "a", "e")
}

func endEmpty(t *testing.T, s durin.Store) {
	ids := crowd(t, s)
	for _, sel := range []durin.Selection{{}, {Except: ids["a"]}, {Spare: "evict"}} {
		if _, err := s.End(t.Context(), sel, start); err == nil {
			t.Errorf("%+v is no error", sel)
		} else if durin.AsError(err).Status != 400 {
			t.Errorf("%+v is not told as the caller's fault: %v", sel, err)
		}
	}
	isThere(t, s, "a", "b", "c", "d", "e")
}

func endTwice(t *testing.T, s durin.Store) {
	ids := crowd(t, s)
	ended, err := s.End(t.Context(), durin.Selection{ID: ids["a"]}, start)
	must(t, err)
	sameDigests(t, "ended", ended, "a")
	ended, err = s.End(t.Context(), durin.Selection{ID: ids["a"]}, start)
	must(t, err)
	sameDigests(t, "ended again", ended)
	_, err = s.Lookup(t.Context(), digest("a"))
	refused(t, "look-up", err, durin.ErrNotFound)
	_, err = s.Renew(t.Context(), digest("a"), start)
	refused(t, "renew", err, durin.ErrNotFound)
	// A token that was ended may come anew, as a row of its own.
	if id := issue(t, s, newToken("a", client("evict"))).Session.ID; id == ids["a"] {
		t.Error("an id was given twice")
	}
}

// markUser asks for the tokens of an application's own user, and changes nothing.
func markUser(t *testing.T, s durin.Store) {
	crowd(t, s)
	want := sessions(t, s, browse.Query{})
	for id, words := range map[string][]string{"u1": {"a", "b", "e"}, "u2": {"c", "d"}, "U1": nil, "": nil, "a\x00": nil, "\xff": nil} {
		marked, err := s.MarkUser(t.Context(), id, start)
		must(t, err)
		sameDigests(t, id, marked, words...)
	}
	same(t, "afterwards", sessions(t, s, browse.Query{}), want)
}

// prune deletes and checks how many were told.
func prune(t *testing.T, s durin.Store, before time.Time, limit, want int) {
	t.Helper()
	n, err := s.Prune(t.Context(), before, limit)
	must(t, err)
	same(t, "pruned", n, want)
}

func pruneExpired(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	issue(t, s, newToken("never", client("evict"), func(n *durin.NewToken) { n.TTL = durin.Never }))
	issue(t, s, newToken("first", client("evict"), at(after(-time.Microsecond))))
	issue(t, s, newToken("second", client("evict")))
	prune(t, s, after(time.Hour-time.Microsecond), 100, 0)
	prune(t, s, after(time.Hour), 0, 0)
	prune(t, s, after(time.Hour), 100, 1)
	isThere(t, s, "never", "second")
	prune(t, s, after(time.Hour), 100, 0)
	prune(t, s, after(100*365*24*time.Hour), 100, 1)
	isThere(t, s, "never")
}

func pruneLimit(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	for _, word := range []string{"a", "b", "c", "d", "e"} {
		issue(t, s, newToken(word, client("evict")))
	}
	prune(t, s, after(2*time.Hour), 2, 2)
	same(t, "left", len(sessions(t, s, browse.Query{})), 3)
	prune(t, s, after(2*time.Hour), 2, 2)
	prune(t, s, after(2*time.Hour), 2, 1)
	prune(t, s, after(2*time.Hour), 2, 0)
}

// pruneImported keeps tokens that were dead when they were imported for as long
// as others: until their owners have been told once that they have expired.
func pruneImported(t *testing.T, s durin.Store, users durin.UserStore) {
	importer, ok := s.(transfer.Importer)
	if !ok {
		t.Skip("the store imports nothing")
	}
	create(t, s, web())
	u := createUser(t, users, ada())
	_, err := importer.Import(t.Context(), []transfer.Row{{Source: "s", Key: "k", Token: &transfer.Token{
		Digest: digest("a"), UserID: u.ID, Client: "web", Created: after(-2 * time.Hour), ExpiresAt: after(-time.Hour),
	}}}, start, false)
	must(t, err)
	prune(t, s, start, 100, 0)
	isThere(t, s, "a")
	prune(t, s, after(time.Microsecond), 100, 1)
	isThere(t, s)
}
