package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/nodes"
)

func outboxTests() []test {
	return []test{
		ofOutbox("of a new store", outboxEmpty),
		ofOutbox("tokens that make room", outboxIssue),
		ofOutbox("tokens that are ended", outboxEnd),
		ofOutbox("tokens that are renewed", outboxRenew),
		ofOutbox("clients", outboxClients),
		ofOutbox("users", outboxUsers),
		ofOutbox("pages", outboxPages),
		ofOutbox("after a prune", outboxPruned),
	}
}

func ofOutbox(name string, run func(t *testing.T, s durin.Store, box *box)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		outbox, ok := s.(nodes.Outbox)
		if !ok {
			t.Skip("the store has no outbox")
		}
		run(t, s, &box{Outbox: outbox})
	}}
}

// A box is an outbox that is read as a node does.
type box struct {
	nodes.Outbox
	seen int64
}

// next returns what was written since it was last called.
func (b *box) next(t *testing.T) []nodes.Ending {
	t.Helper()
	var all []nodes.Ending
	for {
		some, err := b.Endings(t.Context(), b.seen, 2)
		must(t, err)
		if len(some) > 2 {
			t.Fatalf("asked for 2 endings, got %d", len(some))
		}
		if len(some) == 0 {
			break
		}
		for _, e := range some {
			if e.Seq <= b.seen {
				t.Fatalf("the ending %d follows %d", e.Seq, b.seen)
			}
			b.seen = e.Seq
		}
		all = append(all, some...)
	}
	last, err := b.LastEnding(t.Context())
	must(t, err)
	if last < b.seen {
		t.Errorf("the last ending is %d, but %d was read", last, b.seen)
	}
	return all
}

// ended checks that since it was last read exactly the tokens known by words
// were written, as gone, at the instant.
func (b *box) ended(t *testing.T, what string, at time.Time, words ...string) {
	t.Helper()
	b.tokens(t, what, at, true, words)
}

// changed is like ended for tokens that are to be read anew.
func (b *box) changed(t *testing.T, what string, at time.Time, words ...string) {
	t.Helper()
	b.tokens(t, what, at, false, words)
}

// silent checks that nothing was written.
func (b *box) silent(t *testing.T, what string) {
	t.Helper()
	b.tokens(t, what, start, false, nil)
}

func (b *box) tokens(t *testing.T, what string, at time.Time, gone bool, words []string) {
	t.Helper()
	var got []durin.Digest
	for _, e := range b.next(t) {
		got = append(got, e.Digest)
		if e.ClientID != 0 || e.At != at || e.Gone != gone {
			t.Errorf("%s: wrote %+v, want one of a token at %v, gone %v", what, e, at, gone)
		}
	}
	sameDigests(t, what, got, words...)
}

// client checks that the client was written as a whole. Its tokens may have
// been, too.
func (b *box) client(t *testing.T, what string, at time.Time, id int64, gone bool) {
	t.Helper()
	all := b.next(t)
	if !slices.ContainsFunc(all, func(e nodes.Ending) bool {
		return e.ClientID == id && e.Digest == durin.Digest{} && e.At == at && e.Gone == gone
	}) {
		t.Errorf("%s: wrote %+v, want the client %d at %v, gone %v", what, all, id, at, gone)
	}
}

func outboxEmpty(t *testing.T, s durin.Store, b *box) {
	b.silent(t, "new store")
	last, err := b.LastEnding(t.Context())
	must(t, err)
	same(t, "last", last, int64(0))
	create(t, s, web())
	issue(t, s, newToken("a"))
	issue(t, s, newToken("b"))
	_, err = s.Renew(t.Context(), digest("a"), start)
	must(t, err)
	must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest("a"), At: start}}))
	b.silent(t, "nothing ended")
}

func outboxIssue(t *testing.T, s durin.Store, b *box) {
	create(t, s, withPolicy(durin.PolicyReuse, 0))
	create(t, s, withPolicy(durin.PolicyReplace, 0))
	create(t, s, withPolicy(durin.PolicyEvict, 1))
	create(t, s, withPolicy(durin.PolicyReject, 1))
	for i, row := range []struct {
		client string
		now    time.Time
		ended  []string
	}{
		{"reuse", start, nil},
		{"reuse", start, nil},
		{"replace", start, nil},
		{"replace", rough(after(time.Minute)), []string{"2"}},
		{"evict", start, nil},
		{"evict", after(time.Minute), []string{"4"}},
		{"reuse", after(2 * time.Hour), []string{"0"}},
		{"evict", after(2 * time.Hour), nil},
		{"replace", after(2 * time.Hour), []string{"3"}},
	} {
		word := string(rune('0' + i))
		issued := issue(t, s, newToken(word, client(row.client), at(row.now)))
		sameDigests(t, word, issued.Ended, row.ended...)
		b.ended(t, word, row.now.Truncate(time.Microsecond).UTC(), row.ended...)
	}
	issue(t, s, newToken("full", client("reject")))
	_, err := s.Issue(t.Context(), newToken("more", client("reject")))
	refused(t, "reject", err, durin.ErrTooManyTokens)
	b.silent(t, "reject")
}

func outboxEnd(t *testing.T, s durin.Store, b *box) {
	crowd(t, s)
	_, err := s.End(t.Context(), durin.Selection{UserID: "u1"}, rough(after(time.Minute)))
	must(t, err)
	b.ended(t, "of a user", after(time.Minute), "a", "b", "e")
	_, err = s.End(t.Context(), durin.Selection{UserID: "u1"}, after(time.Minute))
	must(t, err)
	b.silent(t, "of nobody")
	_, err = s.End(t.Context(), durin.Selection{Digest: digest("c")}, after(2*time.Minute))
	must(t, err)
	b.ended(t, "of a digest", after(2*time.Minute), "c")
}

// outboxRenew shortens a token: a node that holds its later expiry must hear
// of it.
func outboxRenew(t *testing.T, s durin.Store, b *box) {
	create(t, s, web())
	long := func(n *durin.NewToken) { n.TTL = 5 * time.Hour }
	issue(t, s, newToken("a", long))
	_, err := s.Renew(t.Context(), digest("a"), after(time.Minute))
	must(t, err)
	b.changed(t, "renewal", after(time.Minute), "a")
	issue(t, s, newToken("b", user("u2"), func(n *durin.NewToken) { n.TTL = durin.Never }))
	_, err = s.Renew(t.Context(), digest("b"), after(time.Minute))
	must(t, err)
	b.changed(t, "renewal from never", after(time.Minute), "b")
	issue(t, s, newToken("c", long, user("u3")))
	issued := issue(t, s, newToken("d", user("u3"), func(n *durin.NewToken) { n.RenewReused = true }))
	same(t, "reused", issued.Reused, true)
	b.changed(t, "log-in", start, "c")
	_, err = s.Renew(t.Context(), digest("none"), start)
	refused(t, "none", err, durin.ErrNotFound)
	b.silent(t, "no renewal")
}

func outboxClients(t *testing.T, s durin.Store, b *box) {
	c := create(t, s, web())
	issue(t, s, newToken("a"))
	_, err := s.UpdateClient(t.Context(), "web", rough(after(time.Minute)), func(c *durin.Client) error { c.Name = "site"; return nil })
	must(t, err)
	b.client(t, "update", after(time.Minute), c.ID, false)
	_, err = s.UpdateClient(t.Context(), "web", after(time.Minute), func(c *durin.Client) error { return nil })
	refused(t, "update", err, durin.ErrNotFound)
	b.silent(t, "no update")
	_, err = s.DeleteClient(t.Context(), "site", rough(after(2*time.Minute)))
	must(t, err)
	b.client(t, "delete", after(2*time.Minute), c.ID, true)
}

func outboxUsers(t *testing.T, s durin.Store, b *box) {
	users, ok := s.(durin.UserStore)
	if !ok {
		t.Skip("the store keeps no users")
	}
	create(t, s, withPolicy(durin.PolicyEvict, 2))
	u := createUser(t, users, ada())
	issue(t, s, newToken("a", client("evict"), owned, user(u.ID)))
	issue(t, s, newToken("b", client("evict"), owned, user(u.ID)))
	issue(t, s, newToken("c", client("evict"), user("u2")))
	_, _, err := users.UpdateUser(t.Context(), u.ID, rough(after(time.Minute)), func(u *durin.User) error { u.Active = false; return nil })
	must(t, err)
	b.changed(t, "update", after(time.Minute), "a", "b")
	_, err = s.MarkUser(t.Context(), u.ID, rough(after(90*time.Second)))
	must(t, err)
	b.changed(t, "mark", after(90*time.Second), "a", "b")
	_, err = s.MarkUser(t.Context(), "u3", start)
	must(t, err)
	b.silent(t, "mark of nobody")
	_, err = users.SetPassword(t.Context(), u.ID, "hash", "new")
	must(t, err)
	b.silent(t, "password")
	_, _, err = users.DeleteUser(t.Context(), u.ID, rough(after(2*time.Minute)))
	must(t, err)
	b.ended(t, "delete", after(2*time.Minute), "a", "b")
}

func outboxPages(t *testing.T, s durin.Store, b *box) {
	create(t, s, withPolicy(durin.PolicyReplace, 0))
	words := []string{"a", "b", "c", "d", "e"}
	for _, word := range words {
		issue(t, s, newToken(word, client("replace")))
	}
	all, err := b.Endings(t.Context(), 0, 100)
	must(t, err)
	same(t, "all", len(all), 4)
	filled(t, all[0], "ClientID")
	for i, e := range all {
		same(t, "order", durin.Digest(e.Digest), digest(words[i]))
		rest, err := b.Endings(t.Context(), e.Seq, 100)
		must(t, err)
		same(t, "rest", rest, all[i+1:])
	}
	b.ended(t, "in parts", start, words[:4]...)
}

// outboxPruned checks that a number is not used again, or a node that has read
// up to it would never hear of what comes next.
func outboxPruned(t *testing.T, s durin.Store, b *box) {
	create(t, s, withPolicy(durin.PolicyReplace, 0))
	issue(t, s, newToken("a", client("replace")))
	issue(t, s, newToken("b", client("replace")))
	b.ended(t, "before", start, "a")
	for range 3 {
		_, err := s.Prune(t.Context(), after(100*365*24*time.Hour), 100)
		must(t, err)
	}
	last, err := b.LastEnding(t.Context())
	must(t, err)
	if last < b.seen {
		t.Errorf("the last ending was %d, and is %d after a prune", b.seen, last)
	}
	issue(t, s, newToken("c", client("replace")))
	ended, err := s.End(t.Context(), durin.Selection{UserID: "u1"}, after(time.Minute))
	must(t, err)
	sameDigests(t, "ended", ended, "c")
	b.ended(t, "afterwards", after(time.Minute), "c")
}
