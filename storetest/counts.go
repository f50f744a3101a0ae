package storetest

import (
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

func countTests() []test {
	return []test{
		{"usage", countUsage},
		{"usage that is added again", countOnce},
		{"seals", countSeals},
		{"reseal", countReseal},
		{"ping", func(t *testing.T, s durin.Store) { must(t, s.Ping(t.Context())) }},
	}
}

// countOnce: whoever does not hear how a call ended makes it again.
func countOnce(t *testing.T, s durin.Store) {
	day := start.Truncate(24 * time.Hour)
	usage := []browse.Usage{{Day: day, UserID: "u1", ClientID: 1, Requests: 5}}
	activity := []browse.Activity{{Day: day, ClientID: 1, Logins: 3}}
	first, second := browse.Batch{ID: [16]byte{1}, At: start}, browse.Batch{ID: [16]byte{2}, At: rough(start)}
	b, browses := s.(durin.Browser)
	add := func(batch browse.Batch) {
		t.Helper()
		must(t, s.AddUsage(t.Context(), batch, usage))
		if batch.ID[15] = 1; browses {
			must(t, b.AddActivity(t.Context(), batch, activity))
		}
	}
	want := func(what string, times int64) {
		t.Helper()
		rows, err := s.Usage(t.Context(), day, "", 0, 10)
		must(t, err)
		same(t, what, rows, []browse.Usage{{Day: day, UserID: "u1", ClientID: 1, Requests: 5 * times}})
		if browses {
			counts, err := b.Activity(t.Context(), day)
			must(t, err)
			same(t, what, counts, []browse.Activity{{Day: day, ClientID: 1, Logins: 3 * times}})
		}
	}
	add(first)
	add(first)
	want("again", 1)
	add(second)
	want("another", 2)
	_, err := s.Prune(t.Context(), after(time.Hour), 0)
	must(t, err)
	add(first)
	want("an hour later", 2)
	_, err = s.Prune(t.Context(), after(49*time.Hour), 0)
	must(t, err)
	add(first)
	want("when it is forgotten", 3)
}

func countUsage(t *testing.T, s durin.Store) {
	a := create(t, s, web()).ID
	b := create(t, s, withPolicy(durin.PolicyReplace, 0)).ID
	monday := time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC)
	tuesday := monday.Add(24 * time.Hour)
	must(t, s.AddUsage(t.Context(), browse.Batch{}, nil))
	must(t, s.AddUsage(t.Context(), browse.Batch{}, []browse.Usage{
		{Day: monday, UserID: "u1", ClientID: a, Requests: 5, Throttled: 1},
		{Day: monday, UserID: "u2", ClientID: a, Requests: 3},
		{Day: tuesday, UserID: "u1", ClientID: b, Requests: 1 << 40, Throttled: 1 << 41},
	}))
	must(t, s.AddUsage(t.Context(), browse.Batch{}, []browse.Usage{
		{Day: monday, UserID: "u1", ClientID: a, Requests: 2, Throttled: 4},
		{Day: tuesday, UserID: "u1", ClientID: a, Throttled: 9},
	}))
	busy := browse.Usage{Day: tuesday, UserID: "u1", ClientID: b, Requests: 1 << 40, Throttled: 1 << 41}
	summed := browse.Usage{Day: monday, UserID: "u1", ClientID: a, Requests: 7, Throttled: 5}
	other := browse.Usage{Day: monday, UserID: "u2", ClientID: a, Requests: 3}
	refusals := browse.Usage{Day: tuesday, UserID: "u1", ClientID: a, Throttled: 9}
	filled(t, summed)
	for _, row := range []struct {
		name   string
		since  time.Time
		user   string
		client int64
		limit  int
		want   []browse.Usage
	}{
		{"all", monday, "", 0, 10, []browse.Usage{busy, summed, other, refusals}},
		{"some", monday, "", 0, 2, []browse.Usage{busy, summed}},
		{"of a day", tuesday, "", 0, 10, []browse.Usage{busy, refusals}},
		{"of a user", monday, "u1", 0, 10, []browse.Usage{busy, summed, refusals}},
		{"of a client", monday, "", a, 10, []browse.Usage{summed, other, refusals}},
		{"of both", tuesday, "u1", b, 10, []browse.Usage{busy}},
		{"of nobody", monday, "U1", 0, 10, nil},
		{"of no day", tuesday.Add(24 * time.Hour), "", 0, 10, nil},
	} {
		got, err := s.Usage(t.Context(), row.since, row.user, row.client, row.limit)
		must(t, err)
		same(t, row.name, got, row.want)
	}
}

func countSeals(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	var want []durin.Sealed
	for _, word := range []string{"a", "b", "bare", "c"} {
		n := newToken(word, client("evict"), kept)
		if word == "bare" {
			n.Seal = nil
		}
		issued := issue(t, s, n)
		if n.Seal != nil {
			want = append(want, durin.Sealed{ID: issued.Session.ID, Digest: digest(word), Seal: n.Seal})
		}
	}
	filled(t, want[0])
	page := func(after int64, limit int, want []durin.Sealed) {
		t.Helper()
		got, err := s.Seals(t.Context(), after, limit)
		must(t, err)
		same(t, "seals", got, want)
	}
	page(0, 2, want[:2])
	page(want[1].ID, 2, want[2:])
	page(want[2].ID, 2, nil)
	page(0, 10, want)
}

func countReseal(t *testing.T, s durin.Store) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	issue(t, s, newToken("a", client("evict"), kept))
	issue(t, s, newToken("bare", client("evict"), bare))
	for _, row := range []struct {
		word, old, new string
		want           bool
	}{
		{"a", "another", "new", false},
		{"gone", "seal of a", "new", false},
		{"bare", "", "new", false},
		{"a", "seal of a", "new\x00\xff", true},
		{"a", "seal of a", "newer", false},
		{"a", "new\x00\xff", "newest", true},
	} {
		done, err := s.Reseal(t.Context(), digest(row.word), []byte(row.old), []byte(row.new))
		must(t, err)
		if done != row.want {
			t.Errorf("%s from %q to %q: %v", row.word, row.old, row.new, done)
		}
	}
	got, err := s.Seals(t.Context(), 0, 10)
	must(t, err)
	if len(got) != 1 || string(got[0].Seal) != "newest" || got[0].Digest != digest("a") {
		t.Errorf("the seals are %+v", got)
	}
}
