package storetest

import (
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

func exportTests() []test {
	return []test{
		ofExports("tokens", exportTokens),
		ofExports("ledger", exportLedger),
	}
}

type exporter interface {
	legacyKeeper
	transfer.Exporter
}

func ofExports(name string, run func(t *testing.T, s exporter)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		e, ok := s.(exporter)
		if !ok {
			t.Skip("the store exports nothing")
		}
		run(t, e)
	}}
}

func exportTokens(t *testing.T, s exporter) {
	c, u, k := oldSystem()
	importRows(t, s, rowsOf(c, u, k), false, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
	legacy := importLegacy(t, s, "legacy")
	legacy.ID = 91
	ensure(t, s, web())
	issue(t, s, newToken("of the application's user"))
	fresh := issue(t, s, newToken("fresh", user("80"), owned, kept)).Session
	want := []transfer.Token{k, legacy, {
		ID: fresh.ID, Digest: digest("fresh"), Seal: []byte("seal of fresh"), UserID: "80", Client: "web",
		Created: start, IssuedAt: start, ExpiresAt: fresh.ExpiresAt, Device: fullDevice(),
	}}
	all, err := s.ExportTokens(t.Context(), 0, 9)
	must(t, err)
	same(t, "tokens", all, want)
	var paged []transfer.Token
	for after := int64(0); ; {
		some, err := s.ExportTokens(t.Context(), after, 1)
		must(t, err)
		if len(some) == 0 {
			break
		}
		paged, after = append(paged, some...), some[0].ID
	}
	same(t, "tokens by one", paged, want)
}

func exportLedger(t *testing.T, s exporter) {
	id := func(n int64) *int64 { return &n }
	_, err := s.Import(t.Context(), []transfer.Row{
		{Source: "b", Key: "1", Known: id(1), Mark: "named ü"}, {Source: "a", Key: "2", Known: id(-1)}, {Source: "a", Key: "10", Known: id(3)}, {Source: "c:ü", Key: "ß", Known: id(4)},
	}, start, false)
	must(t, err)
	want := []transfer.Entry{{Source: "a", Key: "10", ID: 3}, {Source: "a", Key: "2", ID: -1}, {Source: "b", Key: "1", ID: 1, Mark: "named ü"}, {Source: "c:ü", Key: "ß", ID: 4}}
	for _, limit := range []int{1, 2, 3, 9} {
		var all []transfer.Entry
		for after := (transfer.Entry{}); ; {
			some, err := s.ExportLedger(t.Context(), after, limit)
			must(t, err)
			if len(some) > limit {
				t.Fatalf("%d entries, limit %d", len(some), limit)
			}
			if len(some) == 0 {
				break
			}
			all, after = append(all, some...), some[len(some)-1]
		}
		same(t, "ledger", all, want)
	}
}
