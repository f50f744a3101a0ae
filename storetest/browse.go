package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
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
	filter browse.Filter
	want   string // in order
}{
	{"all", browse.Filter{}, "fedcba"},
	{"user", browse.Filter{UserID: "u1"}, "edba"},
	{"client", browse.Filter{Client: "evict"}, "eca"},
	{"user and client", browse.Filter{UserID: "u1", Client: "reject"}, "db"},
	{"nobody", browse.Filter{UserID: "U1"}, ""},
	{"no client", browse.Filter{Client: "web"}, ""},
	{"live", browse.Filter{State: browse.Live, Now: start}, "fecb"},
	{"live of a client", browse.Filter{State: browse.Live, Now: start, Client: "reject"}, "fb"},
	{"expired, the latest first", browse.Filter{State: browse.Expired, Now: start}, "da"},
	{"expired of a user", browse.Filter{State: browse.Expired, Now: start, UserID: "u1"}, "da"},
	{"expired of a client", browse.Filter{State: browse.Expired, Now: start, Client: "evict"}, "a"},
	{"expiring, the soonest first", browse.Filter{State: browse.Live, Now: start, ExpiresBefore: after(9 * time.Minute)}, "ecb"},
	{"expiring before an instant", browse.Filter{State: browse.Live, Now: start, ExpiresBefore: after(4 * time.Minute)}, "ec"},
	{"expiring of a client", browse.Filter{State: browse.Live, Now: start, ExpiresBefore: after(9 * time.Minute), Client: "reject"}, "b"},
	{"expired later", browse.Filter{State: browse.Expired, Now: after(time.Hour)}, "bceda"},
}

func browseSessions(t *testing.T, s durin.Store, b durin.Browser) {
	all := many(t, s)
	for _, row := range browseRows {
		var want []durin.Session
		for _, word := range row.want {
			want = append(want, all[string(word)])
		}
		got, err := b.Browse(t.Context(), row.filter, browse.Cursor{}, 9)
		must(t, err)
		same(t, row.name, got, want)
		row.filter.Except = all["e"].ID
		got, err = b.Browse(t.Context(), row.filter, browse.Cursor{}, 9)
		must(t, err)
		for _, one := range got {
			if one.ID == all["e"].ID {
				t.Errorf("%s: what was to be left out is there", row.name)
			}
		}
	}
	one, err := b.Browse(t.Context(), browse.Filter{}, browse.Cursor{}, 1)
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
		whole, err := b.Browse(t.Context(), row.filter, browse.Cursor{}, 99)
		must(t, err)
		var got []durin.Session
		for at := (browse.Cursor{}); len(got) <= len(whole); {
			some, err := b.Browse(t.Context(), row.filter, at, 1)
			must(t, err)
			if len(some) == 0 {
				break
			}
			got = append(got, some...)
			at = browse.Cursor{ID: some[0].ID, ExpiresAt: some[0].ExpiresAt}
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
	for _, f := range []browse.Filter{{}, {Except: 7}, {Now: start}} {
		if _, err := b.EndSome(t.Context(), f, 9, start); err == nil {
			t.Errorf("%+v ends everything", f)
		}
	}
	isThere(t, s, "a", "b", "c", "d", "e", "f")
	end := func(f browse.Filter, limit int, want ...string) {
		t.Helper()
		got, err := b.EndSome(t.Context(), f, limit, start)
		must(t, err)
		sameDigests(t, fmt.Sprintf("ended by %+v", f), got, want...)
	}
	end(browse.Filter{State: browse.Expired, Now: start}, 1, "d")
	end(browse.Filter{UserID: "u1", State: browse.Live, Now: start, Except: all["b"].ID}, 9, "e")
	end(browse.Filter{Client: "evict"}, 1, "c")
	end(browse.Filter{Client: "evict"}, 9, "a")
	end(browse.Filter{Client: "evict"}, 9)
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
		filter browse.Users
		after  string
		limit  int
		want   []string
	}{
		{browse.Users{}, "", 99, []string{"Ada", "ad%", "ad_x", "ada", "adam", "adéle", "ad\U0010FFFD", "ae", "bob"}},
		{browse.Users{}, "ad", 2, []string{"ad%", "ad_x"}},
		{browse.Users{Prefix: "ad"}, "", 99, []string{"ad%", "ad_x", "ada", "adam", "adéle", "ad\U0010FFFD"}},
		{browse.Users{Prefix: "ad"}, "ada", 2, []string{"adam", "adéle"}},
		{browse.Users{Prefix: "ad%"}, "", 99, []string{"ad%"}},
		{browse.Users{Prefix: "ad_"}, "", 99, []string{"ad_x"}},
		{browse.Users{Prefix: "ada"}, "", 99, []string{"ada", "adam"}},
		{browse.Users{Prefix: "adz"}, "", 99, nil},
		{browse.Users{Prefix: "bobby"}, "", 99, nil},
		{browse.Users{Admin: true}, "", 99, []string{"ad%", "ada", "adam", "adéle", "ae"}},
		{browse.Users{Inactive: true}, "", 99, []string{"ad_x", "ada", "adéle"}},
		{browse.Users{Admin: true, Inactive: true, Prefix: "adé"}, "", 99, []string{"adéle"}},
	} {
		got, err := b.FindUsers(t.Context(), row.filter, row.after, row.limit)
		must(t, err)
		var names []string
		for _, u := range got {
			names = append(names, u.Name)
		}
		same(t, fmt.Sprintf("%+v after %q", row.filter, row.after), names, row.want)
	}
	got, err := b.FindUsers(t.Context(), browse.Users{Prefix: "adam"}, "", 1)
	must(t, err)
	want, err := users.UserByName(t.Context(), "adam")
	must(t, err)
	same(t, "every field", got, []durin.User{want})
}

func browseActivity(t *testing.T, _ durin.Store, b durin.Browser) {
	monday := time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC)
	tuesday := monday.Add(24 * time.Hour)
	must(t, b.AddActivity(t.Context(), browse.Batch{}, nil))
	full := browse.Activity{Day: monday, ClientID: 7, Requests: 5, Throttled: 1, Logins: 2, Refused: 3, Failed: 4}
	filled(t, full)
	must(t, b.AddActivity(t.Context(), browse.Batch{}, []browse.Activity{full, {Day: tuesday, Refused: 1 << 40}}))
	late := full
	late.Day = monday.Add(23 * time.Hour).In(time.FixedZone("elsewhere", -3600))
	must(t, b.AddActivity(t.Context(), browse.Batch{}, []browse.Activity{late, {Day: tuesday, ClientID: 9, Logins: 1}}))
	sum := browse.Activity{Day: monday, ClientID: 7, Requests: 10, Throttled: 2, Logins: 4, Refused: 6, Failed: 8}
	want := []browse.Activity{sum, {Day: tuesday, Refused: 1 << 40}, {Day: tuesday, ClientID: 9, Logins: 1}}
	for since, from := range map[time.Time]int{monday.Add(-time.Hour): 0, monday: 0, monday.Add(time.Microsecond): 1, tuesday: 1, tuesday.Add(1): 3} {
		got, err := b.Activity(t.Context(), since)
		must(t, err)
		same(t, "since "+since.String(), got, want[from:])
	}
}

func browseUsage(t *testing.T, s durin.Store, b durin.Browser) {
	monday := time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC)
	want := []browse.Usage{
		{Day: monday, UserID: "u2", ClientID: 1, Requests: 9, Throttled: 3},
		{Day: monday, UserID: "u1", ClientID: 2, Requests: 5},
		{Day: monday, UserID: "u1", ClientID: 1, Requests: 2, Throttled: 1},
	}
	must(t, s.AddUsage(t.Context(), browse.Batch{}, append([]browse.Usage{{Day: monday.Add(24 * time.Hour), UserID: "u1", ClientID: 1, Requests: 99}}, want...)))
	for limit := range 4 {
		got, err := b.UsageOn(t.Context(), monday.Add(time.Hour), limit+1)
		must(t, err)
		same(t, "usage", got, want[:min(3, limit+1)])
	}
	got, err := b.UsageOn(t.Context(), monday.Add(-time.Hour), 9)
	must(t, err)
	same(t, "of the day before", got, []browse.Usage{})
}

func browseOdd(t *testing.T, _ durin.Store, b durin.Browser) {
	for _, odd := range []string{"a\x00", "\xff"} {
		for _, f := range []browse.Filter{{UserID: odd}, {Client: odd}} {
			some, err := b.Browse(t.Context(), f, browse.Cursor{}, 9)
			must(t, err)
			n, err := b.CountSessions(t.Context(), f, 9)
			must(t, err)
			ended, err := b.EndSome(t.Context(), f, 9, start)
			must(t, err)
			if len(some)+n+len(ended) > 0 {
				t.Errorf("%+v finds something", f)
			}
		}
		users, err := b.FindUsers(t.Context(), browse.Users{Prefix: odd}, "", 9)
		must(t, err)
		same(t, "users", len(users), 0)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"Browse":        second(b.Browse(ended, browse.Filter{UserID: "\xff"}, browse.Cursor{}, 9)),
		"CountSessions": second(b.CountSessions(ended, browse.Filter{}, 9)),
		"EndSome":       second(b.EndSome(ended, browse.Filter{UserID: "u1"}, 9, start)),
		"FindUsers":     second(b.FindUsers(ended, browse.Users{}, "", 9)),
		"AddActivity":   b.AddActivity(ended, browse.Batch{}, []browse.Activity{{Day: start}}),
		"Activity":      second(b.Activity(ended, start)),
		"UsageOn":       second(b.UsageOn(ended, start, 9)),
	} {
		if err == nil {
			t.Errorf("%s does not look at an ended context", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
