package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/nodes"
)

func browseTests() []test {
	return []test{
		ofBrowser("sessions", browseSessions),
		ofBrowser("pages of sessions", browsePages),
		ofBrowser("end some", browseEnd),
		ofBrowser("users", browseUsers),
		ofBrowser("activity", browseActivity),
		ofBrowser("usage of a day", browseUsage),
		ofBrowser("texts that no row has", browseOdd),
	}
}

// ofBrowser makes a test of one that needs a Browser.
func ofBrowser(name string, run func(t *testing.T, s durin.Store, b durin.Browser)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		b, ok := s.(durin.Browser)
		if !ok {
			t.Skip("the store is no Browser")
		}
		run(t, s, b)
	}}
}

// many makes tokens of two clients and users: a to f, with lives of minutes in
// another order than their ids; f never ends, a and d have run out at start.
func many(t *testing.T, s durin.Store) map[string]durin.Session {
	t.Helper()
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	create(t, s, withPolicy(durin.PolicyReject, 9))
	all := map[string]durin.Session{}
	for i, lives := range []time.Duration{-time.Minute, 4 * time.Minute, 2 * time.Minute, -time.Microsecond, 0, durin.Never} {
		word := string(rune('a' + i))
		n := newToken(word, client([]string{"evict", "reject"}[i%2]), user([]string{"u1", "u1", "u2"}[i%3]))
		n.TTL, n.Now = durin.Never, after(-time.Hour)
		if lives != durin.Never {
			n.TTL = time.Hour + lives
		}
		all[word] = issue(t, s, n).Session
	}
	return all
}

var browseRows = []struct {
	name   string
	filter durin.SessionFilter
	want   string // in order
}{
	{"all", durin.SessionFilter{}, "fedcba"},
	{"user", durin.SessionFilter{UserID: "u1"}, "edba"},
	{"client", durin.SessionFilter{Client: "evict"}, "eca"},
	{"user and client", durin.SessionFilter{UserID: "u1", Client: "reject"}, "db"},
	{"nobody", durin.SessionFilter{UserID: "U1"}, ""},
	{"no client", durin.SessionFilter{Client: "web"}, ""},
	{"live", durin.SessionFilter{State: durin.Live, Now: start}, "fecb"},
	{"live of a client", durin.SessionFilter{State: durin.Live, Now: start, Client: "reject"}, "fb"},
	{"expired, the latest first", durin.SessionFilter{State: durin.Expired, Now: start}, "da"},
	{"expired of a user", durin.SessionFilter{State: durin.Expired, Now: start, UserID: "u1"}, "da"},
	{"expired of a client", durin.SessionFilter{State: durin.Expired, Now: start, Client: "evict"}, "a"},
	{"expiring, the soonest first", durin.SessionFilter{State: durin.Live, Now: start, ExpiresBefore: after(9 * time.Minute)}, "ecb"},
	{"expiring before an instant", durin.SessionFilter{State: durin.Live, Now: start, ExpiresBefore: after(4 * time.Minute)}, "ec"},
	{"expiring of a client", durin.SessionFilter{State: durin.Live, Now: start, ExpiresBefore: after(9 * time.Minute), Client: "reject"}, "b"},
	{"expired later", durin.SessionFilter{State: durin.Expired, Now: after(time.Hour)}, "bceda"},
}

func browseSessions(t *testing.T, s durin.Store, b durin.Browser) {
	all := many(t, s)
	for _, row := range browseRows {
		var want []durin.Session
		for _, word := range row.want {
			want = append(want, all[string(word)])
		}
		got, err := b.Browse(t.Context(), row.filter, durin.Cursor{}, 9)
		must(t, err)
		same(t, row.name, got, want)
		row.filter.Except = all["e"].ID
		got, err = b.Browse(t.Context(), row.filter, durin.Cursor{}, 9)
		must(t, err)
		for _, one := range got {
			if one.ID == all["e"].ID {
				t.Errorf("%s: what was to be left out is there", row.name)
			}
		}
	}
	one, err := b.Browse(t.Context(), durin.SessionFilter{}, durin.Cursor{}, 1)
	must(t, err)
	same(t, "device", *one[0].Device, fullDevice())
}

// browsePages goes through each filter one by one, and counts.
func browsePages(t *testing.T, s durin.Store, b durin.Browser) {
	many(t, s)
	for i, life := range []time.Duration{4 * time.Minute, 4 * time.Minute, -time.Minute} { // expiries that are there already
		n := newToken(fmt.Sprint(i), client("evict"), user("u3"))
		n.TTL, n.Now = time.Hour+life, after(-time.Hour)
		issue(t, s, n)
	}
	for _, row := range browseRows {
		whole, err := b.Browse(t.Context(), row.filter, durin.Cursor{}, 99)
		must(t, err)
		var got []durin.Session
		for at := (durin.Cursor{}); len(got) <= len(whole); {
			some, err := b.Browse(t.Context(), row.filter, at, 1)
			must(t, err)
			if len(some) == 0 {
				break
			}
			got = append(got, some...)
			at = durin.Cursor{ID: some[0].ID, ExpiresAt: some[0].ExpiresAt}
		}
		same(t, row.name, got, whole)
		for _, limit := range []int{1, 2, 99} {
			n, err := b.CountSessions(t.Context(), row.filter, limit)
			must(t, err)
			same(t, fmt.Sprintf("%s: the count up to %d", row.name, limit), n, min(limit, len(whole)))
		}
	}
}

func browseEnd(t *testing.T, s durin.Store, b durin.Browser) {
	all := many(t, s)
	for _, f := range []durin.SessionFilter{{}, {Except: 7}, {Now: start}} {
		if _, err := b.EndSome(t.Context(), f, 9, start); err == nil {
			t.Errorf("%+v ends everything", f)
		}
	}
	isThere(t, s, "a", "b", "c", "d", "e", "f")
	end := func(f durin.SessionFilter, limit int, want ...string) {
		t.Helper()
		got, err := b.EndSome(t.Context(), f, limit, start)
		must(t, err)
		sameDigests(t, fmt.Sprintf("ended by %+v", f), got, want...)
	}
	end(durin.SessionFilter{State: durin.Expired, Now: start}, 1, "d")
	end(durin.SessionFilter{UserID: "u1", State: durin.Live, Now: start, Except: all["b"].ID}, 9, "e")
	end(durin.SessionFilter{Client: "evict"}, 1, "c")
	end(durin.SessionFilter{Client: "evict"}, 9, "a")
	end(durin.SessionFilter{Client: "evict"}, 9)
	isThere(t, s, "b", "f")
	if outbox, ok := s.(nodes.Outbox); ok {
		rows, err := outbox.Endings(t.Context(), 0, 99)
		must(t, err)
		var told []durin.Digest
		for _, e := range rows {
			if e.Gone {
				told = append(told, e.Digest)
			}
		}
		sameDigests(t, "the outbox", told, "d", "e", "c", "a")
	}
}

func browseUsers(t *testing.T, s durin.Store, b durin.Browser) {
	users, ok := s.(durin.UserStore)
	if !ok {
		t.Skip("the store keeps no users")
	}
	for i, name := range []string{"ada", "Ada", "adam", "ad_x", "ad%", "bob", "adéle", "ad\U0010FFFD", "ae"} {
		u := fullUser(name)
		u.Admin, u.Active = i%2 == 0, i%3 != 0
		createUser(t, users, u)
	}
	for _, row := range []struct {
		filter durin.UserFilter
		after  string
		limit  int
		want   []string
	}{
		{durin.UserFilter{}, "", 99, []string{"Ada", "ad%", "ad_x", "ada", "adam", "adéle", "ad\U0010FFFD", "ae", "bob"}},
		{durin.UserFilter{}, "ad", 2, []string{"ad%", "ad_x"}},
		{durin.UserFilter{Prefix: "ad"}, "", 99, []string{"ad%", "ad_x", "ada", "adam", "adéle", "ad\U0010FFFD"}},
		{durin.UserFilter{Prefix: "ad"}, "ada", 2, []string{"adam", "adéle"}},
		{durin.UserFilter{Prefix: "ad%"}, "", 99, []string{"ad%"}},
		{durin.UserFilter{Prefix: "ad_"}, "", 99, []string{"ad_x"}},
		{durin.UserFilter{Prefix: "ada"}, "", 99, []string{"ada", "adam"}},
		{durin.UserFilter{Prefix: "adz"}, "", 99, nil},
		{durin.UserFilter{Prefix: "bobby"}, "", 99, nil},
		{durin.UserFilter{Admin: true}, "", 99, []string{"ad%", "ada", "adam", "adéle", "ae"}},
		{durin.UserFilter{Inactive: true}, "", 99, []string{"ad_x", "ada", "adéle"}},
		{durin.UserFilter{Admin: true, Inactive: true, Prefix: "adé"}, "", 99, []string{"adéle"}},
	} {
		got, err := b.FindUsers(t.Context(), row.filter, row.after, row.limit)
		must(t, err)
		var names []string
		for _, u := range got {
			names = append(names, u.Name)
		}
		same(t, fmt.Sprintf("%+v after %q", row.filter, row.after), names, row.want)
	}
	got, err := b.FindUsers(t.Context(), durin.UserFilter{Prefix: "adam"}, "", 1)
	must(t, err)
	want, err := users.UserByName(t.Context(), "adam")
	must(t, err)
	same(t, "every field", got, []durin.User{want})
}

func browseActivity(t *testing.T, _ durin.Store, b durin.Browser) {
	monday := time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC)
	tuesday := monday.Add(24 * time.Hour)
	must(t, b.AddActivity(t.Context(), nil))
	full := durin.Activity{Day: monday, ClientID: 7, Requests: 5, Throttled: 1, Logins: 2, Refused: 3, Failed: 4}
	filled(t, full)
	must(t, b.AddActivity(t.Context(), []durin.Activity{full, {Day: tuesday, Refused: 1 << 40}}))
	late := full
	late.Day = monday.Add(23 * time.Hour).In(time.FixedZone("elsewhere", -3600))
	must(t, b.AddActivity(t.Context(), []durin.Activity{late, {Day: tuesday, ClientID: 9, Logins: 1}}))
	sum := durin.Activity{Day: monday, ClientID: 7, Requests: 10, Throttled: 2, Logins: 4, Refused: 6, Failed: 8}
	want := []durin.Activity{sum, {Day: tuesday, Refused: 1 << 40}, {Day: tuesday, ClientID: 9, Logins: 1}}
	for since, from := range map[time.Time]int{monday.Add(-time.Hour): 0, monday: 0, monday.Add(time.Microsecond): 1, tuesday: 1, tuesday.Add(1): 3} {
		got, err := b.Activity(t.Context(), since)
		must(t, err)
		same(t, "since "+since.String(), got, want[from:])
	}
}

func browseUsage(t *testing.T, s durin.Store, b durin.Browser) {
	monday := time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC)
	want := []durin.Usage{
		{Day: monday, UserID: "u2", ClientID: 1, Requests: 9, Throttled: 3},
		{Day: monday, UserID: "u1", ClientID: 2, Requests: 5},
		{Day: monday, UserID: "u1", ClientID: 1, Requests: 2, Throttled: 1},
	}
	must(t, s.AddUsage(t.Context(), append([]durin.Usage{{Day: monday.Add(24 * time.Hour), UserID: "u1", ClientID: 1, Requests: 99}}, want...)))
	for limit := range 4 {
		got, err := b.UsageOn(t.Context(), monday.Add(time.Hour), limit+1)
		must(t, err)
		same(t, "usage", got, want[:min(3, limit+1)])
	}
	got, err := b.UsageOn(t.Context(), monday.Add(-time.Hour), 9)
	must(t, err)
	same(t, "of the day before", got, []durin.Usage{})
}

func browseOdd(t *testing.T, _ durin.Store, b durin.Browser) {
	for _, odd := range []string{"a\x00", "\xff"} {
		for _, f := range []durin.SessionFilter{{UserID: odd}, {Client: odd}} {
			some, err := b.Browse(t.Context(), f, durin.Cursor{}, 9)
			must(t, err)
			n, err := b.CountSessions(t.Context(), f, 9)
			must(t, err)
			ended, err := b.EndSome(t.Context(), f, 9, start)
			must(t, err)
			if len(some)+n+len(ended) > 0 {
				t.Errorf("%+v finds something", f)
			}
		}
		users, err := b.FindUsers(t.Context(), durin.UserFilter{Prefix: odd}, "", 9)
		must(t, err)
		same(t, "users", len(users), 0)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"Browse":        second(b.Browse(ended, durin.SessionFilter{UserID: "\xff"}, durin.Cursor{}, 9)),
		"CountSessions": second(b.CountSessions(ended, durin.SessionFilter{}, 9)),
		"EndSome":       second(b.EndSome(ended, durin.SessionFilter{UserID: "u1"}, 9, start)),
		"FindUsers":     second(b.FindUsers(ended, durin.UserFilter{}, "", 9)),
		"AddActivity":   b.AddActivity(ended, []durin.Activity{{Day: start}}),
		"Activity":      second(b.Activity(ended, start)),
		"UsageOn":       second(b.UsageOn(ended, start, 9)),
	} {
		if err == nil {
			t.Errorf("%s does not look at an ended context", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
