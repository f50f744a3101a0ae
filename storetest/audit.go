package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
)

func auditTests(repeat int) []test {
	return []test{
		ofAudit("every field is kept", auditFields),
		ofAudit("a chain that cannot be extended", auditRefused),
		ofAudit("find", auditFind),
		ofAudit("prune", auditPrune),
		ofAudit("texts that no row has", auditOdd),
		ofAudit("appends wait for each other", func(t *testing.T, s audit.Store) { auditRace(t, s, repeat) }),
	}
}

// ofAudit makes a test of one that needs an audit.Store.
func ofAudit(name string, run func(t *testing.T, s audit.Store)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		log, ok := s.(audit.Store)
		if !ok {
			t.Skip("the store keeps no audit log")
		}
		run(t, log)
	}}
}

func hashOf(word string) audit.Hash { return audit.Hash(digest(word)) }

func fullRow(chain string, seq int64) audit.Row {
	return audit.Row{
		Chain: chain, Seq: seq, At: after(time.Duration(seq) * time.Microsecond), Action: audit.Login, Actor: audit.Actor{Kind: audit.User, ID: "7", Name: "Ada é"},
		UserID: "8", UserName: "Bob ☃", Client: "web", SessionID: 1<<40 + seq, Address: "2001:db8::1", Agent: "agent/1 'x'", RequestID: "r-1",
		Details: `{"a":"b"}`, KeyID: "01234567", Hash: hashOf(fmt.Sprint(chain, seq)),
	}
}

func headOf(r audit.Row) audit.Head {
	return audit.Head{
		Chain: r.Chain, Seq: r.Seq, Hash: r.Hash, KeyID: r.KeyID, MAC: hashOf("mac"),
		FirstSeq: 1, FirstHash: hashOf("first"), FirstKeyID: "89abcdef", FirstMAC: hashOf("first mac"), Anchored: after(time.Hour),
	}
}

// addRows appends rows to a chain that they are all of.
func addRows(t *testing.T, s audit.Store, head audit.Head, rows ...audit.Row) {
	t.Helper()
	must(t, s.AppendAudit(t.Context(), rows[0].Chain, func(audit.Head) ([]audit.Row, audit.Head, error) { return rows, head, nil }))
}

func auditFields(t *testing.T, s audit.Store) {
	want := []audit.Row{fullRow("b", 1), fullRow("b", 2), fullRow("b", 3)}
	filled(t, want[0])
	must(t, s.AppendAudit(t.Context(), "b", func(h audit.Head) ([]audit.Row, audit.Head, error) {
		same(t, "the head of a chain that is not there", h, audit.Head{Chain: "b"})
		return want[:2], headOf(want[1]), nil
	}))
	must(t, s.AppendAudit(t.Context(), "b", func(h audit.Head) ([]audit.Row, audit.Head, error) {
		same(t, "the head", h, headOf(want[1]))
		return want[2:], headOf(want[2]), nil
	}))
	other := fullRow("B", 1)
	addRows(t, s, headOf(other), other)
	heads, err := s.AuditHeads(t.Context())
	must(t, err)
	same(t, "heads", heads, []audit.Head{headOf(other), headOf(want[2])})
	got, err := s.AuditRows(t.Context(), "b", 0, 9)
	must(t, err)
	same(t, "rows", got, want)
	got, err = s.AuditRows(t.Context(), "b", 1, 1)
	must(t, err)
	same(t, "a page of rows", got, want[1:2])
	for chain, seq := range map[string]int64{"b": 3, "c": 0} {
		got, err = s.AuditRows(t.Context(), chain, seq, 9)
		must(t, err)
		same(t, "no rows", got, []audit.Row{})
	}
}

func auditRefused(t *testing.T, s audit.Store) {
	first := fullRow("a", 1)
	addRows(t, s, headOf(first), first)
	no := errors.New("no")
	for _, chain := range []string{"a", "new"} {
		err := s.AppendAudit(t.Context(), chain, func(audit.Head) ([]audit.Row, audit.Head, error) {
			return []audit.Row{fullRow(chain, 2)}, audit.Head{}, no
		})
		if !errors.Is(err, no) {
			t.Errorf("%s: %v", chain, err)
		}
	}
	heads, err := s.AuditHeads(t.Context())
	must(t, err)
	same(t, "heads", heads, []audit.Head{headOf(first)})
	rows, err := s.AuditRows(t.Context(), "a", 0, 9)
	must(t, err)
	same(t, "rows", rows, []audit.Row{first})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err = s.AppendAudit(ended, "a", func(h audit.Head) ([]audit.Row, audit.Head, error) { return nil, h, nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

// auditFind has rows a1, a2, a3 of one chain and b1, b2 of another; a3 and b1 are
// of one instant.
func auditFind(t *testing.T, s audit.Store) {
	all := map[string]audit.Row{}
	for i, row := range []struct {
		chain               string
		seq                 int64
		at                  time.Duration
		user, actor, client string
		action              audit.Action
	}{
		{"a", 1, 1, "u1", "x", "web", audit.Login},
		{"a", 2, 2, "u2", "x", "web", audit.Logout},
		{"a", 3, 4, "u1", "y", "cli", audit.Login},
		{"b", 1, 4, "u1", "x", "", audit.UserUpdate},
		{"b", 2, 3, "", "", "web", audit.Login},
	} {
		r := fullRow(row.chain, row.seq)
		r.At, r.UserID, r.Actor.ID, r.Client, r.Action = after(row.at*time.Minute), row.user, row.actor, row.client, row.action
		addRows(t, s, headOf(r), r)
		all[string("abcde"[i])] = r
	}
	for _, c := range []struct {
		name   string
		filter audit.Filter
		want   string
	}{
		{"all", audit.Filter{}, "dceba"},
		{"user", audit.Filter{UserID: "u1"}, "dca"},
		{"actor", audit.Filter{ActorID: "x"}, "dba"},
		{"action", audit.Filter{Action: audit.Login}, "cea"},
		{"client", audit.Filter{Client: "web"}, "eba"},
		{"client and action", audit.Filter{Client: "web", Action: audit.Login}, "ea"},
		{"user and actor", audit.Filter{UserID: "u1", ActorID: "x"}, "da"},
		{"since", audit.Filter{Since: after(3 * time.Minute)}, "dce"},
		{"until", audit.Filter{Until: after(3 * time.Minute)}, "ba"},
		{"between", audit.Filter{Since: after(2 * time.Minute), Until: after(4 * time.Minute), Client: "web"}, "eb"},
		{"nobody", audit.Filter{UserID: "U1"}, ""},
	} {
		var want []audit.Row
		for _, word := range c.want {
			want = append(want, all[string(word)])
		}
		got, err := s.FindAudit(t.Context(), c.filter, audit.Cursor{}, 9)
		must(t, err)
		same(t, c.name, got, want)
		var paged []audit.Row
		for cursor := (audit.Cursor{}); ; {
			some, err := s.FindAudit(t.Context(), c.filter, cursor, 1)
			must(t, err)
			if paged = append(paged, some...); len(some) == 0 || len(paged) > 9 {
				break
			}
			cursor = audit.CursorOf(some[0])
		}
		same(t, c.name+", a row a page", paged, want)
	}
}

func auditPrune(t *testing.T, s audit.Store) {
	var rows []audit.Row
	for seq := range int64(5) {
		r := fullRow("a", seq+1)
		r.At = after(time.Duration(seq) * time.Minute)
		rows = append(rows, r)
	}
	head := headOf(rows[4])
	head.FirstSeq = 0
	addRows(t, s, head, rows...)
	prune := func(before time.Duration, limit, want int, first int64) {
		t.Helper()
		called := false
		n, err := s.PruneAudit(t.Context(), "a", after(before), limit, func(h audit.Head) (audit.Head, error) {
			called = true
			if h.FirstSeq != first || h.FirstHash != rows[first-1].Hash || h.Seq != 5 {
				t.Errorf("sealing %+v", h)
			}
			h.FirstKeyID = "fresh"
			return h, nil
		})
		must(t, err)
		left, err := s.AuditRows(t.Context(), "a", 0, 9)
		must(t, err)
		if n != want || called != (want > 0) || int64(len(left)) != 5-first {
			t.Errorf("before %v: %d pruned, %d left, sealed %v", before, n, len(left), called)
		}
	}
	no := errors.New("no")
	if n, err := s.PruneAudit(t.Context(), "a", after(time.Hour), 9, func(h audit.Head) (audit.Head, error) { return h, no }); !errors.Is(err, no) || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	prune(150*time.Second, 2, 2, 2)
	prune(150*time.Second, 2, 1, 3)
	n, err := s.PruneAudit(t.Context(), "a", after(150*time.Second), 2, nil)
	if n != 0 || err != nil {
		t.Errorf("nothing to prune: %d, %v", n, err)
	}
	prune(time.Hour, 9, 2, 5)
	if n, err := s.PruneAudit(t.Context(), "none", after(time.Hour), 9, nil); n != 0 || err != nil {
		t.Errorf("no such chain: %d, %v", n, err)
	}
	heads, err := s.AuditHeads(t.Context())
	must(t, err)
	if len(heads) != 1 || heads[0].FirstSeq != 5 || heads[0].FirstKeyID != "fresh" || heads[0].Hash != rows[4].Hash {
		t.Errorf("heads: %+v", heads)
	}
}

func auditOdd(t *testing.T, s audit.Store) {
	for _, odd := range []string{"a\x00", "\xff"} {
		rows, err := s.AuditRows(t.Context(), odd, 0, 9)
		must(t, err)
		some, err := s.FindAudit(t.Context(), audit.Filter{UserID: odd}, audit.Cursor{}, 9)
		must(t, err)
		same(t, "rows", append(rows, some...), []audit.Row{})
	}
}

// auditRace lets several append to one chain: none may lose a row, and each must
// see the head that the one before left.
func auditRace(t *testing.T, s audit.Store, repeat int) {
	const each = 5
	together(racers, func(i int) {
		for range each * repeat {
			err := s.AppendAudit(t.Context(), "a", func(h audit.Head) ([]audit.Row, audit.Head, error) {
				r := fullRow("a", h.Seq+1)
				h.Seq, h.Hash = r.Seq, r.Hash
				return []audit.Row{r}, h, nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	rows, err := s.AuditRows(t.Context(), "a", 0, 1<<20)
	must(t, err)
	for i, r := range rows {
		if r.Seq != int64(i+1) {
			t.Fatalf("row %d has the number %d", i, r.Seq)
		}
	}
	if len(rows) != racers*each*repeat {
		t.Errorf("%d rows", len(rows))
	}
}
