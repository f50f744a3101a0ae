package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
)

func verify(t *testing.T, s audit.Store, ring *keyring.Ring, marks ...audit.Mark) *audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), s, audit.VerifyOptions{Keyring: ring, Marks: marks})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// verified fails unless the log is as it was written.
func verified(t *testing.T, s audit.Store, ring *keyring.Ring) *audit.Report {
	t.Helper()
	report := verify(t, s, ring)
	if !report.Intact() || !report.Complete() {
		t.Errorf("an honest log: %v, complete %v", report.Faults, report.Complete())
	}
	return report
}

// record appends n rows to the chain of l, one batch each.
func record(t *testing.T, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		l.Record(t.Context(), audit.Entry{Action: audit.Logout, UserID: fmt.Sprint(i), UserName: "ada"})
		flush(t, l)
	}
}

func TestHonest(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	if report := verified(t, s, ring); report.Rows != 0 {
		t.Errorf("%d rows in an empty log", report.Rows)
	}
	a, b := quiet(t, s, keyed(ring)), quiet(t, s, keyed(ring), func(o *audit.Options) { o.Chain = "b" })
	record(t, a, 3)
	record(t, b, 2) // with an anchor of a
	report := verified(t, s, ring)
	if report.Rows != 6 || len(report.Chains) != 2 || report.Chains[1].Head.Seq != 3 {
		t.Errorf("%+v", report)
	}
	if r := rows(t, s, "b")[0]; r.Action != audit.Anchor || !strings.Contains(r.Details, report.Chains[0].Head.String()) {
		t.Errorf("the first row of b is %s", line(r))
	}
	mark, err := audit.ParseMark(report.Chains[0].Head.String())
	if err != nil || mark != report.Chains[0].Head {
		t.Fatalf("%v, %v", mark, err)
	}
	record(t, a, 1)
	if r := verify(t, s, ring, mark); !r.Intact() {
		t.Error(r.Faults)
	}
	for _, text := range []string{"", "a:1", "a:x:" + strings.Repeat("0", 64), ":1:" + strings.Repeat("0", 64), "a:0:" + strings.Repeat("0", 64), "a:1:zz"} {
		if _, err := audit.ParseMark(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// TestKeysChange: rows of an older key are checked with it; those of a lost one
// are told, and not as tampering.
func TestKeysChange(t *testing.T) {
	s, first := memstore.New(), newRing(t)
	l := quiet(t, s, keyed(first))
	record(t, l, 2)
	both, err := first.WithNewKey(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l.SetKeyring(both)
	record(t, l, 3)
	verified(t, s, both)
	id := rows(t, s, "a")[0].KeyID
	if later := rows(t, s, "a")[4].KeyID; later == id || id == "" {
		t.Errorf("the keys are %s and %s", id, later)
	}
	report := verify(t, s, first)
	if !report.Intact() || report.Complete() || len(report.Chains[0].Lost) != 1 || !report.Chains[0].Unsigned {
		t.Errorf("without the new key: %+v", report)
	}
	report = verify(t, s, without(t, both, id))
	if !report.Intact() || report.Complete() || report.Chains[0].Lost[id] != 3 || report.Chains[0].Unsigned {
		t.Errorf("without the old key: %+v", report)
	}
	report = verify(t, s, newRing(t))
	if !report.Intact() || report.Complete() || report.Chains[0].Lost[id] != 3 || report.Keyed != 0 {
		t.Errorf("without any: %+v", report)
	}
}

// without is the ring without one of its keys.
func without(t *testing.T, ring *keyring.Ring, id string) *keyring.Ring {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := ring.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool { return strings.Contains(line, " "+id+" ") })
	ring, err = keyring.Parse(strings.Join(left, ""))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// TestManyKeys: of several keys that were lost one after another, each row is told
// as such, for the key that is left vouches for all.
func TestManyKeys(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	l := quiet(t, s, keyed(ring))
	record(t, l, 2)
	var ids []string
	for range 2 {
		ids = append(ids, ring.Keys()[len(ids)].ID)
		more, err := ring.WithNewKey(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		l.SetKeyring(more)
		ring = more
		record(t, l, 2)
	}
	verified(t, s, ring)
	for _, id := range ids {
		ring = without(t, ring, id)
		if report := verify(t, s, ring); !report.Intact() || report.Complete() || report.Chains[0].Lost[id] == 0 {
			t.Errorf("without %s: %+v", id, report)
		}
	}
}

// TestAllKeysLost: a chain goes on with a key of a new file. Only who knows that the
// old one was lost can tell that from rows that were changed.
func TestAllKeysLost(t *testing.T) {
	s, old, ring := memstore.New(), newRing(t), newRing(t)
	record(t, quiet(t, s, keyed(old)), 2)
	record(t, quiet(t, s, keyed(ring)), 2)
	if report := verify(t, s, ring); report.Intact() {
		t.Errorf("a key that nobody vouches for: %+v", report)
	}
	report, err := audit.Verify(t.Context(), s, audit.VerifyOptions{Keyring: ring, LostKeys: []string{old.Keys()[0].ID}})
	if err != nil || !report.Intact() || report.Complete() {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestRestamped: rows that somebody gives a key that is not here are found, though
// nobody can check them, also where a key was really lost.
func TestRestamped(t *testing.T) {
	s, first := memstore.New(), newRing(t)
	l := quiet(t, s, keyed(first))
	record(t, l, 3)
	both, err := first.WithNewKey(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l.SetKeyring(both)
	record(t, l, 3) // rows 4 and 5 tell of the key; the last is row 8
	lost := first.Keys()[0].ID
	for name, c := range map[string]struct {
		from, to int64
		id       string
		ring     *keyring.Ring
		lost     []string
	}{
		"one row":                             {2, 2, "ffffffff", both, nil},
		"one row, with a key that is lost":    {7, 7, lost, without(t, both, lost), nil},
		"behind a lost key":                   {5, 6, lost, without(t, both, lost), nil},
		"the last row":                        {8, 8, "ffffffff", both, nil},
		"the first row":                       {1, 1, "ffffffff", both, nil},
		"the rows of a lost key":              {1, 4, "ffffffff", without(t, both, lost), nil},
		"a key that is said to be lost":       {2, 3, "ffffffff", both, []string{"ffffffff"}},
		"all rows, and not the chain's end":   {1, 8, "ffffffff", both, nil},
		"the end, with a key said to be lost": {6, 8, lost, without(t, both, lost), []string{lost}},
	} {
		report, err := audit.Verify(t.Context(), spoilt{Store: s, row: func(r audit.Row) (audit.Row, bool) {
			if r.Seq >= c.from && r.Seq <= c.to {
				r.KeyID, r.UserName = c.id, "eve"
			}
			return r, true
		}}, audit.VerifyOptions{Keyring: c.ring, LostKeys: c.lost})
		if err != nil || report.Intact() {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
}

// TestEndsRestamped: an end of a chain that is said to bear a key that is not here,
// or none, is found.
func TestEndsRestamped(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	record(t, quiet(t, s, keyed(ring)), 5)
	third := rows(t, s, "a")[2]
	for name, change := range map[string]func(*audit.Head){
		"the end":                func(h *audit.Head) { h.KeyID = "ffffffff" },
		"the end, without a key": func(h *audit.Head) { h.KeyID = "" },
		"the beginning":          func(h *audit.Head) { h.FirstSeq, h.FirstHash, h.FirstKeyID = 3, third.Hash, "ffffffff" },
		"the beginning, unsigned": func(h *audit.Head) {
			h.FirstSeq, h.FirstHash, h.FirstMAC = 3, third.Hash, audit.PlainBegin("a", 3, third.Hash)
		},
		"all is gone, unsigned": func(h *audit.Head) { h.FirstSeq, h.FirstHash, h.FirstMAC = 5, h.Hash, audit.PlainBegin("a", 5, h.Hash) },
		"all is gone, another key": func(h *audit.Head) {
			h.FirstSeq, h.FirstHash, h.FirstKeyID, h.KeyID = 5, h.Hash, "ffffffff", "ffffffff"
		},
	} {
		first := int64(0)
		report := verify(t, spoilt{Store: s, heads: func(all []audit.Head) []audit.Head {
			change(&all[0])
			first = all[0].FirstSeq
			return all
		}, row: func(r audit.Row) (audit.Row, bool) { return r, r.Seq > first }}, ring)
		if report.Intact() && report.Keyed > 0 || report.Complete() {
			t.Errorf("%s: %+v", name, report)
		}
	}
}

// TestPrunedWithLostKey: rows that nobody can check go when one behind them is old
// that can be checked, and not before.
func TestPrunedWithLostKey(t *testing.T) {
	s, first := memstore.New(), newRing(t)
	now := time.Now()
	clock := func(o *audit.Options) { o.Now = func() time.Time { return now } }
	l := quiet(t, s, keyed(first), clock)
	record(t, l, 5)
	both, err := first.WithNewKey(now)
	if err != nil {
		t.Fatal(err)
	}
	l.SetKeyring(both)
	ring := without(t, both, first.Keys()[0].ID)
	prune := func(left int) {
		t.Helper()
		keeping := quiet(t, s, keyed(ring), clock, func(o *audit.Options) { o.Keep, o.Chain = 24*time.Hour, "b" })
		if err := keeping.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		flush(t, keeping)
		if n := len(rows(t, s, "a")); n != left {
			t.Errorf("%d rows are left, not %d", n, left)
		}
	}
	now = now.Add(48 * time.Hour)
	prune(5)
	record(t, l, 1) // row 6 is of the old key, 7 and 8 of the new one
	prune(8)
	now = now.Add(48 * time.Hour)
	record(t, l, 1)
	prune(1)
	verified(t, s, ring)
}

// TestSign: what was written before there was a key is signed when it is made.
func TestSign(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	record(t, quiet(t, s), 2)
	if report := verify(t, s, ring); !report.Intact() || report.Complete() {
		t.Errorf("before: %+v", report)
	}
	l := quiet(t, s, keyed(ring), func(o *audit.Options) { o.Chain = "b" })
	if err := l.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := verified(t, s, ring); report.Rows != 3 {
		t.Errorf("after: %+v", report)
	}
}

// TestWithoutKey: who has no key writes to a chain of its own, which is told as one
// that nobody can check, and never beside rows with a key.
func TestWithoutKey(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	var told strings.Builder
	logger := func(o *audit.Options) { o.Logger = slog.New(slog.NewTextHandler(&told, nil)) }
	record(t, quiet(t, s, keyed(ring)), 2)
	record(t, quiet(t, s, logger), 3)
	if !strings.Contains(told.String(), "Give this program the key file") || strings.Count(told.String(), "\n") != 1 {
		t.Errorf("told: %s", &told)
	}
	told.Reset()
	record(t, quiet(t, s, keyed(ring), logger), 2)
	if !strings.Contains(told.String(), "chain=a-nokey row=") || strings.Count(told.String(), "\n") != 1 {
		t.Errorf("told: %s", &told)
	}
	report := verify(t, s, ring)
	if !report.Intact() || report.Complete() || report.Chains[0].Rows != 5 || report.Chains[0].Unsigned || report.Chains[1].Head.Chain != "a-nokey" || !report.Chains[1].Unsigned {
		t.Errorf("%+v", report)
	}
	old := time.Now().Add(time.Hour)
	without := quiet(t, s, func(o *audit.Options) { o.Keep, o.Now = time.Minute, func() time.Time { return old } })
	if err := without.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := verify(t, s, ring); !report.Intact() || report.Chains[0].First != 1 {
		t.Errorf("a chain with a key was pruned without: %+v", report)
	}
}

// TestForgedWithoutKey: rows that somebody without the key adds behind others with
// one, hashes and all, were not written by a program. Verify and the server's log
// tell, and go on telling.
func TestForgedWithoutKey(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	var told strings.Builder
	l := quiet(t, s, keyed(ring), func(o *audit.Options) { o.Logger = slog.New(slog.NewTextHandler(&told, nil)) })
	record(t, l, 2)
	err := s.AppendAudit(t.Context(), "a", func(head audit.Head) ([]audit.Row, audit.Head, error) {
		r := audit.Row{Chain: "a", Seq: head.Seq + 1, At: time.Now(), Action: audit.Login, Actor: audit.Actor{Kind: audit.User, ID: "1"}, UserName: "mallory"}
		r.Hash = audit.PlainRow(head.Hash, &r)
		head.Seq, head.Hash, head.KeyID = r.Seq, r.Hash, ""
		head.MAC = audit.PlainEnd("a", r.Seq, r.Hash)
		return []audit.Row{r}, head, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found := func(when string, keys *keyring.Ring) {
		t.Helper()
		if report := verify(t, s, keys); report.Intact() || !strings.Contains(report.Faults[0].String(), "chain a, row 3: the row bears no key") {
			t.Errorf("%s: %+v", when, report)
		}
	}
	found("at once", ring)
	found("without the key file", nil)
	record(t, l, 2)
	found("after the server went on", ring)
	if !strings.Contains(told.String(), "level=WARN") || !strings.Contains(told.String(), "run durin audit verify") || strings.Count(told.String(), "\n") != 1 {
		t.Errorf("the server's log: %s", &told)
	}
	if report := verify(t, s, nil); report.Chains[0].Unkeyed != 0 {
		t.Error("told where nothing can be checked")
	}
}

// TestPruned: a pruned log verifies, and goes on.
func TestPruned(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	now := time.Now()
	clock := func(o *audit.Options) { o.Now = func() time.Time { return now } }
	l := quiet(t, s, keyed(ring), clock)
	record(t, l, 3)
	now = now.Add(48 * time.Hour)
	record(t, l, 2)
	mark := verified(t, s, ring).Chains[0].Head
	keeping := quiet(t, s, keyed(ring), clock, func(o *audit.Options) { o.Keep, o.Chain = 24*time.Hour, "b" })
	if err := keeping.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	flush(t, keeping)
	report := verified(t, s, ring)
	if c := report.Chains[0]; c.First != 4 || c.Rows != 2 {
		t.Errorf("%+v", c)
	}
	if all := rows(t, s, "b"); !slices.ContainsFunc(all, func(r audit.Row) bool { return r.Action == audit.Prune && strings.Contains(r.Details, `"rows":3`) }) {
		t.Errorf("pruning is not recorded: %q", lines(all))
	}
	if r := verify(t, s, ring, mark); !r.Intact() {
		t.Error(r.Faults)
	}
	now = now.Add(48 * time.Hour)
	if err := keeping.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	record(t, l, 1)
	verified(t, s, ring)
}

// spoilt is a store whose answers somebody has changed.
type spoilt struct {
	audit.Store
	heads func([]audit.Head) []audit.Head
	row   func(audit.Row) (audit.Row, bool)
}

func (s spoilt) AuditHeads(ctx context.Context) ([]audit.Head, error) {
	heads, err := s.Store.AuditHeads(ctx)
	if s.heads != nil {
		heads = s.heads(heads)
	}
	return heads, err
}

func (s spoilt) AuditRows(ctx context.Context, chain string, after int64, limit int) ([]audit.Row, error) {
	all, err := s.Store.AuditRows(ctx, chain, 0, 1<<20)
	var some []audit.Row
	for _, r := range all {
		if s.row != nil {
			var there bool
			if r, there = s.row(r); !there {
				continue
			}
		}
		if r.Seq > after && len(some) < limit {
			some = append(some, r)
		}
	}
	return some, err
}

// TestEveryFieldCounts changes each field of a row, and each of a head.
func TestEveryFieldCounts(t *testing.T) {
	s, ring := memstore.New(), newRing(t)
	l := quiet(t, s, keyed(ring))
	record(t, l, 4)
	for name, change := range map[string]func(*audit.Row){
		"at": func(r *audit.Row) { r.At = r.At.Add(time.Microsecond) }, "action": func(r *audit.Row) { r.Action += "x" },
		"actor kind": func(r *audit.Row) { r.Actor.Kind += "x" }, "actor id": func(r *audit.Row) { r.Actor.ID += "x" },
		"actor name": func(r *audit.Row) { r.Actor.Name += "x" }, "user id": func(r *audit.Row) { r.UserID += "x" },
		"user name": func(r *audit.Row) { r.UserName += "x" }, "client": func(r *audit.Row) { r.Client += "x" },
		"session": func(r *audit.Row) { r.SessionID++ }, "address": func(r *audit.Row) { r.Address += "x" },
		"agent": func(r *audit.Row) { r.Agent += "x" }, "request": func(r *audit.Row) { r.RequestID += "x" },
		"details": func(r *audit.Row) { r.Details += "{}" }, "hash": func(r *audit.Row) { r.Hash[0]++ }, "key": func(r *audit.Row) { r.KeyID = "" },
		"moved between fields": func(r *audit.Row) { r.UserID, r.UserName = r.UserID+r.UserName[:1], r.UserName[1:] },
	} {
		report := verify(t, spoilt{Store: s, row: func(r audit.Row) (audit.Row, bool) {
			if r.Seq == 2 {
				change(&r)
			}
			return r, true
		}}, ring)
		if report.Intact() || report.Faults[0].Seq != 2 {
			t.Errorf("%s: %v", name, report.Faults)
		}
	}
	for name, change := range map[string]func(*audit.Head){
		"seq": func(h *audit.Head) { h.Seq-- }, "hash": func(h *audit.Head) { h.Hash[0]++ }, "mac": func(h *audit.Head) { h.MAC[0]++ },
		"first": func(h *audit.Head) { h.FirstSeq++ }, "chain": func(h *audit.Head) { h.Seq, h.FirstSeq = 1, 3 },
	} {
		report := verify(t, spoilt{Store: s, heads: func(all []audit.Head) []audit.Head {
			change(&all[0])
			return all
		}}, ring)
		if report.Intact() {
			t.Errorf("%s of the head", name)
		}
	}
}
