package enginetest

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
	"github.com/durin-go/durin/transfer"
)

// TestPlans asks every engine how it carries out the statements of every method
// on tables with many rows: none may read a large table as a whole.
func TestPlans(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db, r := recorded(t, d)
		s := e.open(t, db, sqlstore.Options{NoPrepare: true})
		for i := range 20 { // the clients of populate: Prune would delete the tokens of others
			if _, err := s.CreateClient(t.Context(), durin.Client{Name: string(rune('a' + i)), TTL: time.Hour, Policy: durin.PolicyEvict, MaxTokens: 1, Rotate: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
		populate(t, e, d.Open(t))
		r.seen = map[string][]any{}
		exercise(t, s)
		plain := d.Open(t)
		large := 0
		for query, args := range r.seen {
			if !strings.Contains(query, "durin_") || strings.HasPrefix(query, "INSERT") || strings.HasPrefix(query, "LOCK") {
				continue
			}
			large++
			if plan := explain(t, e, plain, query, args); e.scans(query).MatchString(plan) {
				t.Errorf("a table is read as a whole by\n%s\n%s", query, plan)
			}
		}
		if large < 20 {
			t.Errorf("only %d statements were seen", large)
		}
	})
}

// exercise calls every method on a user that is there, and those that take
// selections with several.
func exercise(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	u, err := s.CreateUser(t.Context(), durin.User{Name: "ada", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a", "b"} {
		if _, err := s.Issue(t.Context(), durin.NewToken{UserID: u.ID, Owned: true, Password: true, SignIn: true, Client: "a", Digest: durin.Secret(word).Digest(), Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second one is of a token that is replaced
		r := durin.Rotation{Digest: durin.Secret("b").Digest(), Now: now, Successor: durin.Secret("c").Digest(), Seal: []byte("seal")}
		if _, err := s.Rotate(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	legacy := transfer.LegacyDigest{1}
	old := transfer.Token{Digest: transfer.Placeholder(legacy), Legacy: &legacy, UserID: u.ID, Client: "b", Created: now}
	if _, err := s.Import(t.Context(), []transfer.Row{{Source: "old", Key: "1", Token: &old}}, now, false); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.AdoptLegacy(t.Context(), []transfer.LegacyDigest{legacy}, durin.Digest{9}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for name, call := range calls(s) {
		if err := call(t.Context()); err != nil && durin.AsError(err).Status == 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, q := range []browse.Query{
		{ID: 7}, {UserID: u.ID}, {Client: "a"}, {UserID: u.ID, Client: "a", State: browse.Live, Now: now}, {State: browse.Live, Now: now, After: 5},
		{Newest: true}, {Client: "a", Newest: true, After: 9},
	} {
		q.Limit = 20
		if _, err := s.Sessions(t.Context(), q); err != nil {
			t.Error(err)
		}
	}
	for _, f := range []browse.Filter{
		{}, {UserID: u.ID}, {Client: "a"}, {State: browse.Live}, {State: browse.Expired}, {State: browse.Live, Client: "a"}, {State: browse.Expired, Client: "a"},
		{State: browse.Live, ExpiresBefore: now.Add(time.Hour)}, {State: browse.Live, ExpiresBefore: now.Add(time.Hour), Client: "a", UserID: u.ID},
	} {
		f.Now = now
		for _, after := range []browse.Cursor{{}, {ID: 9, ExpiresAt: now}} {
			if _, err := s.Browse(t.Context(), f, after, 20); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.CountSessions(t.Context(), f, 20); err != nil {
			t.Error(err)
		}
		if f.UserID == "" && f.Client == "" && f.State == browse.Any {
			continue // nobody may end everything
		}
		if _, err := s.EndSome(t.Context(), f, 2, now); err != nil {
			t.Error(err)
		}
	}
	for _, f := range []audit.Filter{
		{}, {UserID: u.ID}, {ActorID: u.ID}, {Action: "x1"}, {Client: "x1"}, {Client: "x1", Action: "x1"}, {Client: "x1", UserID: u.ID},
		{Since: now, Until: now.Add(2 * time.Second)}, {Since: now, Until: now.Add(2 * time.Second), Action: "x1"},
	} {
		for _, after := range []audit.Cursor{{}, {At: now.Add(time.Second), Chain: "node", Seq: 7}} {
			if _, err := s.FindAudit(t.Context(), f, after, 20); err != nil {
				t.Error(err)
			}
		}
	}
	for _, client := range []int64{0, 1} { // nobody asks for that of all users
		if _, err := s.Usage(t.Context(), now.Add(-24*time.Hour), u.ID, client, 20); err != nil {
			t.Error(err)
		}
	}
	for _, f := range []browse.Users{{Prefix: "ad"}, {Admin: true}, {Inactive: true, Prefix: "a"}} {
		if _, err := s.FindUsers(t.Context(), f, "a", 20); err != nil {
			t.Error(err)
		}
	}
	for _, sel := range []durin.Selection{{ID: 1 << 40}, {Digest: durin.Digest{7}}, {Digest: durin.Secret("b").Digest(), ID: 1 << 40}, {UserID: u.ID, Except: 7}, {UserID: u.ID, Client: "a"}, {Client: "b"}} {
		if _, err := s.End(t.Context(), sel, now); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.UpdateUser(t.Context(), u.ID, now, func(*durin.User) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, _, err := s.DeleteUser(t.Context(), u.ID, now); err != nil {
		t.Error(err)
	}
	if _, err := s.DeleteClient(t.Context(), "a", now); err != nil {
		t.Error(err)
	}
}

const rowsOfPlan = 100 * 100

// populate fills the tables that grow.
func populate(t *testing.T, e engine, db *sql.DB) {
	t.Helper()
	text, blob, analyze := "printf('%032d', i)", "CAST(printf('%032d', i) AS BLOB)", "ANALYZE"
	word := "CONCAT('x', i % 20)" // one of twenty
	switch e.dialect {
	case sqlstore.SQLite:
		word = "'x' || i % 20"
	case sqlstore.PostgreSQL:
		text, blob = "LPAD(CAST(i AS TEXT), 32, '0')", "CAST(LPAD(CAST(i AS TEXT), 32, '0') AS BYTEA)"
	case sqlstore.MySQL:
		for _, table := range large { // all rows are counted, and only by us
			if _, err := db.Exec("ALTER TABLE durin_" + table + " STATS_AUTO_RECALC = 0, STATS_SAMPLE_PAGES = 10000"); err != nil {
				t.Fatal(err)
			}
		}
		text, blob, analyze = "LPAD(i, 32, '0')", "LPAD(i, 32, '0')", "ANALYZE TABLE durin_"+strings.Join(large, ", durin_")
	}
	const numbers = " WITH RECURSIVE n AS (SELECT 0 AS k UNION ALL SELECT k + 1 FROM n WHERE k < 99), m AS (SELECT a.k * 100 + b.k + 100 AS i FROM n a CROSS JOIN n b) "
	at, short := now.UnixMicro(), strings.ReplaceAll(blob, "32", "16")
	for _, insert := range []string{
		"durin_user (id, name, password, active, admin, created)" + numbers + "SELECT i, " + text + ", '', 1, 0, 0 FROM m",
		"durin_token (digest, user_id, owner, client_id, created, issued_at, expires, name, address, agent)" + numbers +
			fmt.Sprintf("SELECT %s, %s, i, i %% 20 + 1, 0, 0, %d + i * 1000, '', '', '' FROM m", blob, text, at),
		"durin_slot (user_id, client_id, touched)" + numbers + fmt.Sprintf("SELECT %s, i %% 20 + 1, 0 FROM m", text),
		"durin_outbox (at, gone, digest)" + numbers + fmt.Sprintf("SELECT %d + i * 1000, 0, %s FROM m", at, blob),
		"durin_usage (day, user_id, client_id, requests, throttled)" + numbers + fmt.Sprintf("SELECT %d, %s, 1, i, 0 FROM m", at-1_000_000_000, text),
		"durin_audit_chain (id, name, seq, hash, key_id, mac, first_seq, first_hash, first_key, first_mac, anchored)" + numbers +
			"SELECT 1, 'node', 20000, " + blob + ", '', " + blob + ", 0, " + blob + ", '', " + blob + ", 0 FROM m WHERE i = 100",
		"durin_audit (chain_id, seq, at, action, actor_kind, actor_id, actor_name, user_id, user_name, client, session_id, address, agent, request_id, details, key_id, hash)" + numbers +
			fmt.Sprintf("SELECT 1, i, %d + i * 1000, %s, 'user', %s, '', %s, '', %s, i, '', '', '', '', '', %s FROM m", at, word, text, text, word, blob),
		"durin_replaced (digest, token_id, token_created, successor, seal_until, good_until, forget)" + numbers +
			fmt.Sprintf("SELECT %s, i, 0, %s, %d + i * 1000, %d + i * 1000, %d + i * 1000 FROM m", blob, blob, at, at, at),
		"durin_gone (kind, id, at)" + numbers + "SELECT 'user', i + 20000, 0 FROM m",
		"durin_batch (id, at)" + numbers + fmt.Sprintf("SELECT %s, %d + i * 1000 FROM m", short, at),
		"durin_import (source, source_key, target, at)" + numbers + "SELECT 's', " + text + ", i, 0 FROM m",
	} {
		if _, err := db.Exec("INSERT INTO " + insert); err != nil {
			t.Fatal(err)
		}
	}
	if e.dialect == sqlstore.SQLite || e.dialect == sqlstore.PostgreSQL {
		_, _ = db.Exec(analyze)
	} else if rows, err := db.Query(analyze); err == nil {
		_ = rows.Close()
	}
}

// scans is what the plan of a query says that reads all of a large table.
func (e engine) scans(query string) *regexp.Regexp {
	tables := "durin_(" + strings.Join(large, "|") + ")"
	switch e.dialect {
	case sqlstore.PostgreSQL:
		return regexp.MustCompile("Seq Scan on " + tables + `\b`)
	case sqlstore.MySQL:
		return regexp.MustCompile("(?m)^(" + tables + "|t|s|u|r) ALL ")
	}
	if strings.Contains(query, " LIMIT ") { // SQLite calls it a scan, too, when it goes along the key and stops
		return regexp.MustCompile("(?ms)^SCAN (" + tables + "|t|s|u|r)$.*USE TEMP B-TREE")
	}
	return regexp.MustCompile("(?m)^SCAN (" + tables + "|t|s|u|r)$")
}

// explain is the engine's plan in lines that scans knows.
func explain(t *testing.T, e engine, db *sql.DB, query string, args []any) string {
	t.Helper()
	word := "EXPLAIN "
	if e.dialect == sqlstore.SQLite {
		word = "EXPLAIN QUERY PLAN "
	}
	rows, err := db.Query(word+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for rows.Next() {
		cells := make([]sql.NullString, len(names))
		to := make([]any, len(names))
		for i := range cells {
			to[i] = &cells[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		switch e.dialect {
		case sqlstore.SQLite:
			b.WriteString(cells[3].String + "\n")
		case sqlstore.PostgreSQL:
			b.WriteString(cells[0].String + "\n")
		default: // table, type, key, rows
			b.WriteString(cells[2].String + " " + cells[3].String + " key " + cells[5].String + " rows " + cells[8].String + "\n")
		}
	}
	return b.String()
}
