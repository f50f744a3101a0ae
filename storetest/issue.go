package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

func issueTests() []test {
	return []test{
		{"every field is kept", issueFields},
		{"life times", issueLifeTimes},
		{"devices are cut", issueDevices},
		{"bad users", issueBadUsers},
		{"users are exact", issueExactUsers},
		{"unknown client", issueUnknownClient},
		{"digest that is taken", issueTakenDigest},
		{"reuse", issueReuse},
		{"reuse with renewal", issueReuseRenewed},
		{"reuse of what cannot be shown", issueReuseLost},
		{"reuse after another policy", issueReuseOfMany},
		{"replace", issueReplace},
		{"evict", issueEvict},
		{"reject", issueReject},
		{"single", issueSingle},
		{"seals that are kept", issueSeals},
		{"ids", issueIDs},
	}
}

func issueFields(t *testing.T, s durin.Store) {
	open := fullClient("web")
	open.NoPassword = false
	c := create(t, s, open)
	n := newToken("a", kept, at(rough(start)))
	n.Seal = []byte{0, 0xff, 'x', 0}
	filled(t, n, "Owned", "Password", "SignIn", "TTL", "Single", "RenewReused", "NoReuse", "Lost", "PasswordHash")
	issued := issue(t, s, n)
	want := durin.Session{
		ID: issued.Session.ID, Digest: digest("a"), UserID: "u1", Client: &c,
		Created: start, IssuedAt: start, ExpiresAt: start.Add(c.TTL),
	}
	if want.ID < 1 || issued.Reused || issued.Renewed || len(issued.Ended) > 0 {
		t.Errorf("issued %+v", issued)
	}
	same(t, "issued", withoutDevice(issued.Session), want)
	got, err := s.Lookup(t.Context(), digest("a"))
	must(t, err)
	same(t, "looked up", got, want)
	must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest("a"), At: rough(after(time.Minute))}}))
	want.LastUsed = after(time.Minute)
	filled(t, want, "UserName", "Device", "Inactive", "ReplacedBy", "Ceiling")
	got, err = s.Lookup(t.Context(), digest("a"))
	must(t, err)
	same(t, "looked up after a use", got, want)
	device := fullDevice()
	want.Device = &device
	filled(t, device)
	same(t, "listed", sessions(t, s, browse.Query{}), []durin.Session{want})
	seals, err := s.Seals(t.Context(), 0, 10)
	must(t, err)
	same(t, "seals", seals, []durin.Sealed{{ID: want.ID, Digest: digest("a"), Seal: []byte{0, 0xff, 'x', 0}}})
}

func issueLifeTimes(t *testing.T, s durin.Store) {
	for i, row := range []struct {
		name           string
		ttl, life, own time.Duration
		want           time.Time
	}{
		{"fixed", time.Hour, 0, 0, after(time.Hour)},
		{"never", durin.Never, 0, 0, time.Time{}},
		{"capped", time.Hour, time.Minute, 0, after(time.Minute)},
		{"never, capped", durin.Never, time.Minute, 0, after(time.Minute)},
		{"cap beyond", time.Hour, 2 * time.Hour, 0, after(time.Hour)},
		{"own", time.Hour, 0, 2 * time.Hour, after(2 * time.Hour)},
		{"own never", time.Hour, 0, durin.Never, time.Time{}},
		{"own, capped", time.Hour, time.Minute, durin.Never, after(time.Minute)},
		{"own of never", durin.Never, 0, time.Hour, after(time.Hour)},
	} {
		c := web()
		c.Name, c.TTL, c.MaxLife = row.name, row.ttl, row.life
		create(t, s, c)
		n := newToken(row.name, client(row.name))
		n.TTL = row.own
		issued := issue(t, s, n)
		same(t, row.name, issued.Session.ExpiresAt, row.want)
		got, err := s.Lookup(t.Context(), digest(row.name))
		must(t, err)
		same(t, row.name, got.ExpiresAt, row.want)
		same(t, row.name, len(sessions(t, s, browse.Query{})), i+1)
	}
}

func issueDevices(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	for word, devices := range map[string][2]durin.Device{
		"empty": {},
		"long": {
			{Name: strings.Repeat("n", 300), Address: strings.Repeat("a", 256), Agent: strings.Repeat("é", 200)},
			{Name: strings.Repeat("n", 255), Address: strings.Repeat("a", 255), Agent: strings.Repeat("é", 127)},
		},
		"just": {
			{Name: strings.Repeat("n", 255), Agent: strings.Repeat("🦉", 63) + "abc"},
			{Name: strings.Repeat("n", 255), Agent: strings.Repeat("🦉", 63) + "abc"},
		},
		"blanks": {{Name: " a ", Agent: "b\t"}, {Name: " a ", Agent: "b\t"}},
	} {
		n := newToken(word, client("evict"))
		n.Device = devices[0]
		id := issue(t, s, n).Session.ID
		one := sessions(t, s, browse.Query{ID: id})
		if len(one) != 1 || one[0].Device == nil {
			t.Fatalf("%s: %s", word, show(one))
		}
		same(t, word, *one[0].Device, devices[1])
	}
	// Texts that an engine would refuse must not refuse a log-in.
	n := newToken("bad", client("evict"))
	n.Device = durin.Device{Name: "a\x00b", Address: "\xff", Agent: "\xed\xa0\x80"}
	issue(t, s, n)
}

func issueBadUsers(t *testing.T, s durin.Store) {
	create(t, s, web())
	for _, id := range []string{"", "a\x00", "\xff", strings.Repeat("x", 65)} {
		if _, err := s.Issue(t.Context(), newToken("a", user(id))); err == nil {
			t.Errorf("a token was issued for %q", id)
		}
		if id != "" {
			same(t, "sessions", len(sessions(t, s, browse.Query{UserID: id})), 0)
		}
	}
	isThere(t, s)
	longest := strings.Repeat("é", 32)
	same(t, "longest", issue(t, s, newToken("a", user(longest))).Session.UserID, longest)
}

func issueExactUsers(t *testing.T, s durin.Store) {
	create(t, s, web())
	for _, id := range exactNames {
		issued := issue(t, s, newToken(id, user(id)))
		if issued.Reused || len(issued.Ended) > 0 {
			t.Errorf("%q was taken for another user", id)
		}
		same(t, "user", issued.Session.UserID, id)
	}
	for _, id := range exactNames {
		sameDigests(t, id, digestsOf(sessions(t, s, browse.Query{UserID: id})), id)
	}
	ended, err := s.End(t.Context(), durin.Selection{UserID: "web"}, start)
	must(t, err)
	sameDigests(t, "ended", ended, "web")
}

func issueUnknownClient(t *testing.T, s durin.Store) {
	_, err := s.Issue(t.Context(), newToken("a"))
	refused(t, "no client", err, durin.ErrUnknownClient)
	c := web()
	c.NoPassword = true
	create(t, s, c)
	n := newToken("a")
	n.Password = true
	_, err = s.Issue(t.Context(), n)
	refused(t, "closed to passwords", err, durin.ErrUnknownClient)
	isThere(t, s)
	issue(t, s, newToken("a"))
	isThere(t, s, "a")
}

func issueTakenDigest(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyReplace, 0))
	create(t, s, withPolicy(durin.PolicyEvict, 2))
	issue(t, s, newToken("a", client("replace")))
	issue(t, s, newToken("b", client("evict")))
	for _, word := range []string{"a", "b"} {
		_, err := s.Issue(t.Context(), newToken(word, client("replace")))
		refused(t, "digest of "+word, err, durin.ErrExists)
	}
	isThere(t, s, "a", "b")
}

// reused checks that issued is the token of want handed out again.
func reused(t *testing.T, what string, issued durin.IssuedToken, want durin.Session) {
	t.Helper()
	if !issued.Reused {
		t.Errorf("%s: not reused", what)
	}
	same(t, what, withoutDevice(issued.Session), withoutDevice(want))
}

func issueReuse(t *testing.T, s durin.Store) {
	create(t, s, web())
	first := issue(t, s, newToken("a"))
	must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest("a"), At: after(time.Second)}}))
	first.Session.LastUsed = after(time.Second)
	n := newToken("b", at(after(time.Hour)))
	n.Device = durin.Device{Name: "another"}
	again := issue(t, s, n)
	reused(t, "at its last instant", again, first.Session)
	same(t, "seal", again.Seal, []byte("seal of a"))
	if again.Renewed || len(again.Ended) > 0 {
		t.Errorf("got %+v", again)
	}
	one := sessions(t, s, browse.Query{})
	if len(one) != 1 || one[0].Device == nil || *one[0].Device != fullDevice() {
		t.Errorf("there is %s", show(one))
	}
	third := issue(t, s, newToken("c", at(after(time.Hour+time.Microsecond))))
	if third.Reused || third.Session.Digest != digest("c") {
		t.Errorf("an expired token was handed out: %s", show(third.Session))
	}
	sameDigests(t, "ended", third.Ended, "a")
	isThere(t, s, "c")
	if other := issue(t, s, newToken("d", user("u2"))); other.Reused {
		t.Error("another user's token was handed out")
	}
	isThere(t, s, "c", "d")
}

func issueReuseRenewed(t *testing.T, s durin.Store) {
	c := web()
	c.MaxLife = 90 * time.Minute
	create(t, s, c)
	want := issue(t, s, newToken("a")).Session
	renew := func(n *durin.NewToken) { n.RenewReused = true }
	for _, login := range []struct{ now, want time.Duration }{
		{0, time.Hour}, {10 * time.Minute, 70 * time.Minute}, {40 * time.Minute, 90 * time.Minute}, {90 * time.Minute, 90 * time.Minute},
	} {
		issued := issue(t, s, newToken("b", renew, at(after(login.now))))
		want.ExpiresAt = after(login.want)
		reused(t, login.now.String(), issued, want)
		if !issued.Renewed {
			t.Errorf("%v: not renewed", login.now)
		}
		got, err := s.Lookup(t.Context(), digest("a"))
		must(t, err)
		same(t, "afterwards", got, withoutDevice(want))
	}
	issued := issue(t, s, newToken("b", renew, at(after(91*time.Minute))))
	if issued.Reused || issued.Renewed {
		t.Errorf("beyond its life: %+v", issued)
	}
	same(t, "expiry", issued.Session.ExpiresAt, after(151*time.Minute))
	sameDigests(t, "ended", issued.Ended, "a")
}

func issueReuseLost(t *testing.T, s durin.Store) {
	create(t, s, web())
	issue(t, s, newToken("a"))
	lost := func(word string) func(*durin.NewToken) {
		return func(n *durin.NewToken) { n.Lost = digest(word) }
	}
	second := issue(t, s, newToken("b", lost("a")))
	sameDigests(t, "ended of a lost one", second.Ended, "a")
	third := issue(t, s, newToken("c", lost("a")))
	reused(t, "another one was lost", third, second.Session)
	same(t, "seal", third.Seal, []byte("seal of b"))
	fourth := issue(t, s, newToken("d", bare, func(n *durin.NewToken) { n.NoReuse = true }))
	sameDigests(t, "ended without reuse", fourth.Ended, "b")
	fifth := issue(t, s, newToken("e"))
	sameDigests(t, "ended without a seal", fifth.Ended, "d")
	if second.Reused || fourth.Reused || fifth.Reused {
		t.Error("handed out again")
	}
	isThere(t, s, "e")
}

func issueReuseOfMany(t *testing.T, s durin.Store) {
	c := withPolicy(durin.PolicyEvict, 5)
	c.Name = "web"
	create(t, s, c)
	issue(t, s, newToken("new", kept, at(after(3*time.Minute))))
	issue(t, s, newToken("old", kept, at(after(1*time.Minute))))
	issue(t, s, newToken("bare", bare, at(after(4*time.Minute))))
	issue(t, s, newToken("other", user("u2")))
	expired := newToken("expired", kept, at(after(2*time.Minute)))
	expired.TTL = time.Microsecond
	issue(t, s, expired)
	_, err := s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error {
		c.Policy, c.MaxTokens = durin.PolicyReuse, 0
		return nil
	})
	must(t, err)
	issued := issue(t, s, newToken("a", at(after(5*time.Minute))))
	same(t, "digest", issued.Session.Digest, digest("new"))
	same(t, "seal", issued.Seal, []byte("seal of new"))
	sameDigests(t, "ended", issued.Ended, "old", "bare", "expired")
	isThere(t, s, "new", "other")
}

func issueReplace(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyReplace, 0))
	issue(t, s, newToken("a", client("replace")))
	issue(t, s, newToken("other", client("replace"), user("u2")))
	second := issue(t, s, newToken("b", client("replace")))
	sameDigests(t, "ended", second.Ended, "a")
	third := issue(t, s, newToken("c", client("replace"), at(after(2*time.Hour))))
	sameDigests(t, "ended of an expired one", third.Ended, "b")
	if second.Reused || third.Reused {
		t.Error("handed out again")
	}
	isThere(t, s, "c", "other")
}

func issueEvict(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 3))
	evict := func(word string, minute int) durin.IssuedToken {
		return issue(t, s, newToken(word, client("evict"), at(after(time.Duration(minute)*time.Minute))))
	}
	issue(t, s, newToken("other", client("evict"), user("u2")))
	evict("b", 2)
	evict("a", 1)
	evict("c", 2)
	isThere(t, s, "a", "b", "c", "other")
	sameDigests(t, "oldest", evict("d", 3).Ended, "a")
	sameDigests(t, "of the same instant", evict("e", 4).Ended, "b")
	isThere(t, s, "c", "d", "e", "other")
	_, err := s.UpdateClient(t.Context(), "evict", start, func(c *durin.Client) error { c.MaxTokens = 1; return nil })
	must(t, err)
	sameDigests(t, "after a lower maximum", evict("f", 5).Ended, "c", "d", "e")
	sameDigests(t, "with an expired one", evict("g", 100).Ended)
	isThere(t, s, "f", "g", "other")
}

func issueReject(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyReject, 2))
	reject := client("reject")
	issue(t, s, newToken("a", reject))
	issue(t, s, newToken("other", reject, user("u2")))
	issue(t, s, newToken("b", reject, at(after(time.Minute))))
	_, err := s.Issue(t.Context(), newToken("c", reject, at(after(time.Hour))))
	refused(t, "full", err, durin.ErrTooManyTokens)
	isThere(t, s, "a", "b", "other")
	issued := issue(t, s, newToken("d", reject, at(after(time.Hour+time.Microsecond))))
	sameDigests(t, "ended", issued.Ended)
	_, err = s.UpdateClient(t.Context(), "reject", start, func(c *durin.Client) error { c.MaxTokens = 1; return nil })
	must(t, err)
	_, err = s.Issue(t.Context(), newToken("e", reject, at(after(time.Hour+time.Microsecond))))
	refused(t, "after a lower maximum", err, durin.ErrTooManyTokens)
	isThere(t, s, "a", "b", "d", "other")
}

func issueSingle(t *testing.T, s durin.Store) {
	single := func(n *durin.NewToken) { n.Single = true }
	for _, c := range []durin.Client{
		withPolicy(durin.PolicyReuse, 0), withPolicy(durin.PolicyReplace, 0), withPolicy(durin.PolicyEvict, 3), withPolicy(durin.PolicyReject, 3),
	} {
		c = create(t, s, c)
		on := client(c.Name)
		issue(t, s, newToken("first of "+c.Name, single, on))
		issue(t, s, newToken("other of "+c.Name, single, on, user("u2")))
		_, err := s.Issue(t.Context(), newToken("second of "+c.Name, single, on, at(after(time.Hour))))
		refused(t, c.Name, err, durin.ErrKeyExists)
		issued := issue(t, s, newToken("third of "+c.Name, single, on, at(after(2*time.Hour))))
		if issued.Reused {
			t.Errorf("%s: handed out again", c.Name)
		}
		sameDigests(t, c.Name, issued.Ended, "first of "+c.Name)
		left := sessions(t, s, browse.Query{Client: c.Name})
		sameDigests(t, c.Name, digestsOf(left), "other of "+c.Name, "third of "+c.Name)
	}
}

// issueSeals asks which clients' tokens can be shown again: those of PolicyReuse,
// and where that is asked for.
func issueSeals(t *testing.T, s durin.Store) {
	var want []durin.Sealed
	for _, c := range []durin.Client{
		withPolicy(durin.PolicyReuse, 0), withPolicy(durin.PolicyReplace, 0), withPolicy(durin.PolicyEvict, 3), withPolicy(durin.PolicyReject, 3),
	} {
		create(t, s, c)
		for _, keep := range []bool{false, true} {
			n := newToken(fmt.Sprint(c.Name, keep), client(c.Name), user(fmt.Sprint(keep)))
			n.KeepSeal = keep
			id := issue(t, s, n).Session.ID
			if keep || c.Policy == durin.PolicyReuse {
				want = append(want, durin.Sealed{ID: id, Digest: n.Digest, Seal: n.Seal})
			}
		}
	}
	got, err := s.Seals(t.Context(), 0, 99)
	must(t, err)
	same(t, "seals", got, want)
}

func issueIDs(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyReplace, 0))
	var last int64
	for _, word := range []string{"a", "b", "c"} {
		id := issue(t, s, newToken(word, client("replace"))).Session.ID
		if id <= last {
			t.Errorf("the id %d follows %d", id, last)
		}
		last = id
	}
	_, err := s.End(t.Context(), durin.Selection{UserID: "u1"}, start)
	must(t, err)
	if id := issue(t, s, newToken("d", client("replace"))).Session.ID; id <= last {
		t.Errorf("the id %d was given again", id)
	}
}
