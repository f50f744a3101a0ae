package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/transfer"
)

func sessionTests() []test {
	return []test{
		{"look-up", sessionLookup},
		{"selection", sessionSelection},
		{"pages", sessionPages},
		{"default limit", sessionDefaultLimit},
		{"renew", sessionRenew},
		{"renew by the client as it is", sessionRenewChanged},
		{"touch", sessionTouch},
		{"touch that extends", sessionExtend},
		{"copies", sessionCopies},
	}
}

func sessionLookup(t *testing.T, s durin.Store) {
	create(t, s, web())
	_, err := s.Lookup(t.Context(), digest("a"))
	refused(t, "none", err, durin.ErrNotFound)
	want := issue(t, s, newToken("a", at(after(-1000*time.Hour)))).Session
	got, err := s.Lookup(t.Context(), digest("a"))
	must(t, err)
	same(t, "expired", got, withoutDevice(want))
	_, err = s.Lookup(t.Context(), durin.Digest{})
	refused(t, "zero digest", err, durin.ErrNotFound)
}

func sessionSelection(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	create(t, s, withPolicy(durin.PolicyReject, 9))
	ids := map[string]int64{}
	for _, n := range []durin.NewToken{
		newToken("a", client("evict")),
		newToken("b", client("evict"), at(after(-time.Hour))),
		newToken("c", client("evict"), at(after(-time.Hour-time.Microsecond))),
		newToken("d", client("reject")),
		newToken("e", client("reject"), user("u2")),
		newToken("f", client("reject"), user("u2"), func(n *durin.NewToken) { n.TTL = durin.Never }),
	} {
		ids[n.Digest.String()] = issue(t, s, n).Session.ID
	}
	id := func(word string) int64 { return ids[digest(word).String()] }
	for _, row := range []struct {
		name  string
		query browse.Query
		want  []string
	}{
		{"all", browse.Query{}, []string{"a", "b", "c", "d", "e", "f"}},
		{"id", browse.Query{ID: id("c")}, []string{"c"}},
		{"no id", browse.Query{ID: 1 << 62}, nil},
		{"user", browse.Query{UserID: "u1"}, []string{"a", "b", "c", "d"}},
		{"no user", browse.Query{UserID: "u3"}, nil},
		{"client", browse.Query{Client: "reject"}, []string{"d", "e", "f"}},
		{"no client", browse.Query{Client: "web"}, nil},
		{"live", browse.Query{State: browse.Live, Now: start}, []string{"a", "b", "d", "e", "f"}},
		{"live much later", browse.Query{State: browse.Live, Now: after(1000 * time.Hour)}, []string{"f"}},
		{"expired", browse.Query{State: browse.Expired, Now: start}, []string{"c"}},
		{"expired later", browse.Query{State: browse.Expired, Now: after(2 * time.Microsecond)}, []string{"b", "c"}},
		{"any state", browse.Query{Now: after(1000 * time.Hour)}, []string{"a", "b", "c", "d", "e", "f"}},
		{"everything", browse.Query{ID: id("a"), UserID: "u1", Client: "evict", State: browse.Live, Now: start}, []string{"a"}},
		{"id of another", browse.Query{ID: id("a"), UserID: "u2"}, nil},
		{"user and client", browse.Query{UserID: "u2", Client: "evict"}, nil},
	} {
		got := sessions(t, s, row.query)
		sameDigests(t, row.name, digestsOf(got), row.want...)
	}
}

func sessionPages(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	var ids []int64
	for i := range 5 {
		user := user([]string{"u1", "u2"}[i%2])
		ids = append(ids, issue(t, s, newToken(fmt.Sprint(i), client("evict"), user, at(after(-time.Duration(i)*time.Minute)))).Session.ID)
	}
	for _, page := range []struct {
		query browse.Query
		want  []int // indices into ids, in order
	}{
		{browse.Query{Limit: 2}, []int{0, 1}},
		{browse.Query{Limit: 2, After: ids[1]}, []int{2, 3}},
		{browse.Query{Limit: 2, After: ids[3]}, []int{4}},
		{browse.Query{Limit: 2, After: ids[4]}, nil},
		{browse.Query{Limit: 2, Newest: true}, []int{4, 3}},
		{browse.Query{Limit: 2, Newest: true, After: ids[3]}, []int{2, 1}},
		{browse.Query{Limit: 2, Newest: true, After: ids[0]}, nil},
		{browse.Query{Limit: 9, Newest: true, After: 1 << 62}, []int{4, 3, 2, 1, 0}},
		{browse.Query{Limit: 2, UserID: "u1", After: ids[0]}, []int{2, 4}},
		{browse.Query{Limit: 1, UserID: "u2", Newest: true}, []int{3}},
	} {
		var got, want []int64
		for _, one := range sessions(t, s, page.query) {
			got = append(got, one.ID)
		}
		for _, i := range page.want {
			want = append(want, ids[i])
		}
		same(t, fmt.Sprintf("%+v", page.query), got, want)
	}
}

func sessionDefaultLimit(t *testing.T, s durin.Store) {
	importer, ok := s.(transfer.Importer)
	users, owns := s.(durin.UserStore)
	if !ok || !owns {
		t.Skip("making so many tokens one by one takes long")
	}
	create(t, s, withPolicy(durin.PolicyEvict, 2000))
	u := createUser(t, users, ada())
	var rows []transfer.Row
	for i := range 1001 {
		key := fmt.Sprint(i)
		rows = append(rows, transfer.Row{Source: "s", Key: key, Token: &transfer.Token{
			Digest: digest(key), UserID: u.ID, Client: "evict", Created: start}})
	}
	_, err := importer.Import(t.Context(), rows, start, false)
	must(t, err)
	same(t, "sessions", len(sessions(t, s, browse.Query{})), 1000)
	same(t, "sessions", len(sessions(t, s, browse.Query{Limit: 5000})), 1001)
}

func sessionRenew(t *testing.T, s durin.Store) {
	for name, c := range map[string]durin.Client{
		"fixed":  {TTL: time.Hour},
		"never":  {TTL: durin.Never},
		"capped": {TTL: time.Hour, MaxLife: 90 * time.Minute},
	} {
		c.Name = name
		create(t, s, c)
		issue(t, s, newToken(name, client(name)))
	}
	for _, row := range []struct {
		name string
		now  time.Time
		want time.Time
		gone bool
	}{
		{name: "fixed", now: after(time.Minute), want: after(61 * time.Minute)},
		{name: "fixed", now: rough(after(61 * time.Minute)), want: after(121 * time.Minute)},
		{name: "fixed", now: after(time.Minute), want: after(61 * time.Minute)},
		{name: "fixed", now: after(61*time.Minute + time.Microsecond), gone: true, want: after(61 * time.Minute)},
		{name: "never", now: after(1000 * time.Hour)},
		{name: "capped", now: after(time.Hour), want: after(90 * time.Minute)},
		{name: "capped", now: after(90 * time.Minute), want: after(90 * time.Minute)},
		{name: "capped", now: after(91 * time.Minute), gone: true, want: after(90 * time.Minute)},
	} {
		before, err := s.Lookup(t.Context(), digest(row.name))
		must(t, err)
		renewed, err := s.Renew(t.Context(), digest(row.name), row.now)
		if row.gone {
			refused(t, row.name, err, durin.ErrNotFound)
			renewed = before
		} else {
			must(t, err)
		}
		before.ExpiresAt = row.want
		same(t, row.name, withoutDevice(renewed), before)
		got, err := s.Lookup(t.Context(), digest(row.name))
		must(t, err)
		same(t, row.name, got, before)
	}
	_, err := s.Renew(t.Context(), digest("none"), start)
	refused(t, "none", err, durin.ErrNotFound)
}

// sessionRenewChanged renews a token whose own life time was another one.
func sessionRenewChanged(t *testing.T, s durin.Store) {
	create(t, s, web())
	n := newToken("a")
	n.TTL = durin.Never
	issue(t, s, n)
	renewed, err := s.Renew(t.Context(), digest("a"), after(time.Minute))
	must(t, err)
	same(t, "expiry", renewed.ExpiresAt, after(61*time.Minute))
	c, err := s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.TTL = 2 * time.Hour; return nil })
	must(t, err)
	renewed, err = s.Renew(t.Context(), digest("a"), after(time.Minute))
	must(t, err)
	same(t, "expiry", renewed.ExpiresAt, after(121*time.Minute))
	same(t, "client", *renewed.Client, c)
}

func sessionTouch(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	want := map[string]durin.Session{}
	for _, word := range []string{"a", "b", "c"} {
		want[word] = withoutDevice(issue(t, s, newToken(word, client("evict"))).Session)
	}
	must(t, s.Touch(t.Context(), nil))
	must(t, s.Touch(t.Context(), []durin.Use{
		{Digest: digest("a"), At: rough(after(2 * time.Second))},
		{Digest: digest("gone"), At: after(time.Second)},
		{Digest: digest("b"), At: after(3 * time.Second)},
	}))
	// Nodes write what they have gathered in any order.
	must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest("a"), At: after(time.Second)}}))
	for word, used := range map[string]time.Time{"a": after(2 * time.Second), "b": after(3 * time.Second), "c": {}} {
		session := want[word]
		session.LastUsed = used
		got, err := s.Lookup(t.Context(), digest(word))
		must(t, err)
		same(t, word, got, session)
	}
	_, err := s.End(t.Context(), durin.Selection{Digest: digest("a")}, start)
	must(t, err)
	must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest("a"), At: after(time.Second), Extend: after(time.Hour)}}))
	isThere(t, s, "b", "c")
}

func sessionExtend(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	hour := after(time.Hour)
	for _, row := range []struct {
		name       string
		ttl        time.Duration
		at, extend time.Time
		want       time.Time
	}{
		{"later", 0, after(time.Minute), after(61 * time.Minute), after(61 * time.Minute)},
		{"cut", 0, rough(hour), rough(after(2 * time.Hour)), after(2 * time.Hour)},
		{"earlier", 0, after(time.Minute), after(59 * time.Minute), hour},
		{"none", 0, after(time.Minute), time.Time{}, hour},
		{"dead by then", 0, hour.Add(time.Microsecond), after(2 * time.Hour), hour},
		{"never", durin.Never, after(time.Minute), after(2 * time.Hour), time.Time{}},
	} {
		n := newToken(row.name, client("evict"))
		n.TTL = row.ttl
		issue(t, s, n)
		must(t, s.Touch(t.Context(), []durin.Use{{Digest: digest(row.name), At: row.at, Extend: row.extend}}))
		got, err := s.Lookup(t.Context(), digest(row.name))
		must(t, err)
		same(t, row.name, got.ExpiresAt, row.want)
	}
}

// sessionCopies changes what was given and what came back.
func sessionCopies(t *testing.T, s durin.Store) {
	want := create(t, s, web())
	n := newToken("a")
	issued := issue(t, s, n)
	n.Seal[0] = 'X'
	issued.Session.Client.Name = "changed"
	again := issue(t, s, newToken("b"))
	same(t, "seal", again.Seal, []byte("seal of a"))
	again.Seal[0] = 'X'
	seals, err := s.Seals(t.Context(), 0, 10)
	must(t, err)
	same(t, "seal", seals[0].Seal, []byte("seal of a"))
	seals[0].Seal[0] = 'X'
	again = issue(t, s, newToken("b"))
	same(t, "seal", again.Seal, []byte("seal of a"))
	one := sessions(t, s, browse.Query{})
	one[0].Device.Name, one[0].Client.Name = "changed", "changed"
	one = sessions(t, s, browse.Query{})
	same(t, "device", *one[0].Device, fullDevice())
	same(t, "client", *one[0].Client, want)
	session, err := s.Lookup(t.Context(), digest("a"))
	must(t, err)
	session.Client.Name = "changed"
	session, err = s.Lookup(t.Context(), digest("a"))
	must(t, err)
	same(t, "client", *session.Client, want)
	var kept *durin.Client
	_, err = s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { kept = c; return nil })
	must(t, err)
	kept.Name = "changed"
	got, err := s.ClientByName(t.Context(), "web")
	must(t, err)
	same(t, "client", got, want)
}
