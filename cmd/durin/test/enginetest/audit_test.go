package enginetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/sqlstore"
)

// tampering is what somebody who can write the database does to a log of two
// chains, "a" (rows 1 to 9) and "b" (row 1 takes note of a's row 9), and where it
// is found.
var tampering = []struct {
	name  string
	texts []string
	found []string // in one fault each
}{
	{"a row is changed", []string{"UPDATE durin_audit SET user_name = 'eve' WHERE chain_id = 1 AND seq = 4"}, []string{"chain a, row 4"}},
	{"a row is removed", []string{"DELETE FROM durin_audit WHERE chain_id = 1 AND seq = 4"}, []string{"chain a, row 4: the row is missing"}},
	{"a row is removed and the others move up", []string{
		"DELETE FROM durin_audit WHERE chain_id = 1 AND seq = 4",
		"UPDATE durin_audit SET seq = seq - 1 WHERE chain_id = 1 AND seq = 5", "UPDATE durin_audit SET seq = seq - 1 WHERE chain_id = 1 AND seq = 6",
		"UPDATE durin_audit SET seq = seq - 1 WHERE chain_id = 1 AND seq = 7", "UPDATE durin_audit SET seq = seq - 1 WHERE chain_id = 1 AND seq = 8",
		"UPDATE durin_audit SET seq = seq - 1 WHERE chain_id = 1 AND seq = 9",
	}, []string{"chain a, row 4", "chain a, row 9: the row is missing"}},
	{"two rows change places", []string{
		"UPDATE durin_audit SET seq = 100 WHERE chain_id = 1 AND seq = 4", "UPDATE durin_audit SET seq = 4 WHERE chain_id = 1 AND seq = 5",
		"UPDATE durin_audit SET seq = 5 WHERE chain_id = 1 AND seq = 100",
	}, []string{"chain a, row 4", "chain a, row 5"}},
	{"two rows exchange what they say", []string{
		"UPDATE durin_audit SET user_id = '5' WHERE chain_id = 1 AND seq = 4", "UPDATE durin_audit SET user_id = '4' WHERE chain_id = 1 AND seq = 5",
	}, []string{"chain a, row 4", "chain a, row 5"}},
	{"a row moves to another chain", []string{"UPDATE durin_audit SET chain_id = 2, seq = 5 WHERE chain_id = 1 AND seq = 9"}, []string{"chain a, row 9", "chain b, row 5"}},
	{"the end is cut off", []string{"DELETE FROM durin_audit WHERE chain_id = 1 AND seq > 7"}, []string{"chain a, row 8: the rows up to 9 are missing"}},
	{"the end is cut off, and the head set back", []string{
		"DELETE FROM durin_audit WHERE chain_id = 1 AND seq > 7",
		"UPDATE durin_audit_chain SET seq = 7, hash = (SELECT hash FROM durin_audit WHERE chain_id = 1 AND seq = 7) WHERE id = 1",
	}, []string{"chain a, row 7: the end of the chain is not the one that was signed", "chain a, row 9: the chain was cut off"}},
	{"the beginning is cut off, as if pruned", []string{
		"UPDATE durin_audit_chain SET first_seq = 3, first_hash = (SELECT hash FROM durin_audit WHERE chain_id = 1 AND seq = 3), first_key = key_id WHERE id = 1",
		"DELETE FROM durin_audit WHERE chain_id = 1 AND seq <= 3",
	}, []string{"chain a, row 3: the beginning of the chain is not the one that was signed"}},
	{"a chain is gone", []string{"DELETE FROM durin_audit WHERE chain_id = 1", "DELETE FROM durin_audit_chain WHERE id = 1"}, []string{"chain a: the chain is gone"}},
	{"a number is changed", []string{"UPDATE durin_audit SET session_id = 1 WHERE chain_id = 2 AND seq = 2"}, []string{"chain b, row 2"}},
	{"a row is added", []string{
		"INSERT INTO durin_audit SELECT chain_id, 10, at, action, actor_kind, actor_id, actor_name, user_id, user_name, client, session_id, address, agent, request_id, details, key_id, hash FROM durin_audit WHERE chain_id = 1 AND seq = 9",
	}, []string{"chain a, row 10: there are rows behind the end"}},
	{"a row is added before the first", []string{
		"INSERT INTO durin_audit SELECT chain_id, -5, at, action, actor_kind, actor_id, actor_name, user_id, user_name, client, session_id, address, agent, request_id, details, key_id, hash FROM durin_audit WHERE chain_id = 1 AND seq = 9",
	}, []string{"chain a, row -5: there are rows before the beginning"}},
	{"a row gets another key", []string{"UPDATE durin_audit SET user_name = 'eve', key_id = 'ffffffff' WHERE chain_id = 1 AND seq = 4"}, []string{"chain a, row 4: the row bears the key"}},
	{"all rows of a chain get another key", []string{
		"UPDATE durin_audit SET user_name = 'eve', key_id = 'ffffffff' WHERE chain_id = 1", "UPDATE durin_audit_chain SET key_id = 'ffffffff' WHERE id = 1",
	}, []string{"chain a: 9 rows bear the key"}},
	{"all rows get another key", []string{"UPDATE durin_audit SET key_id = 'ffffffff'"}, []string{"chain a, row 9: the end of the chain was signed with another key", "chain b, row 4: the end of the chain was signed with another key"}},
	{"an end gets another key", []string{"UPDATE durin_audit_chain SET key_id = 'ffffffff' WHERE id = 1"}, []string{"chain a, row 9: the end of the chain was signed with another key"}},
	{"the beginning is cut off, with another key", []string{
		"UPDATE durin_audit_chain SET first_seq = 3, first_hash = (SELECT hash FROM durin_audit WHERE chain_id = 1 AND seq = 3), first_key = 'ffffffff' WHERE id = 1",
		"DELETE FROM durin_audit WHERE chain_id = 1 AND seq <= 3",
	}, []string{"chain a: its beginning bears the key"}},
	{"a row changes places with one of another chain", []string{
		"UPDATE durin_audit SET chain_id = 3 WHERE chain_id = 1 AND seq = 3", "UPDATE durin_audit SET chain_id = 1 WHERE chain_id = 2 AND seq = 3",
		"UPDATE durin_audit SET chain_id = 2 WHERE chain_id = 3",
	}, []string{"chain a, row 3", "chain b, row 3"}},
	{"chains exchange their names", []string{
		"UPDATE durin_audit_chain SET name = 'c' WHERE id = 1", "UPDATE durin_audit_chain SET name = 'a' WHERE id = 2", "UPDATE durin_audit_chain SET name = 'b' WHERE id = 1",
	}, []string{"chain a, row 1", "chain b, row 1"}},
	{"rows are copied to a chain that is not there", []string{
		"INSERT INTO durin_audit SELECT 77, seq, COLUMNS FROM durin_audit WHERE chain_id = 1",
		"INSERT INTO durin_audit SELECT -9223372036854775807 - 1, 7, COLUMNS FROM durin_audit WHERE chain_id = 1 AND seq = 1",
		"INSERT INTO durin_audit SELECT 9223372036854775807, 8, COLUMNS FROM durin_audit WHERE chain_id = 1 AND seq = 1",
	}, []string{"chain #77, row 1: there are rows", "chain #-9223372036854775808, row 7", "chain #9223372036854775807, row 8"}},
	{"the end of every chain is cut off", []string{
		"DELETE FROM durin_audit WHERE seq > 2",
		"UPDATE durin_audit_chain SET seq = 2, hash = (SELECT hash FROM durin_audit WHERE chain_id = durin_audit_chain.id AND seq = 2)",
	}, []string{"chain a, row 2: the end of the chain is not the one that was signed", "chain b, row 2: the end of the chain is not the one that was signed", "chain a, row 9: the chain was cut off"}},
	{"a chain begins anew", []string{
		"DELETE FROM durin_audit WHERE chain_id = 1", "UPDATE durin_audit_chain SET seq = 0, key_id = '' WHERE id = 1",
	}, []string{"chain a, row 9: the chain was cut off"}},
	{"what is noted of another chain is changed", []string{
		"UPDATE durin_audit SET details = REPLACE(details, 'a:9:', 'a:8:') WHERE chain_id = 2 AND seq = 1",
	}, []string{"chain b, row 1"}},
	{"the instants of rows are exchanged", []string{
		"UPDATE durin_audit SET at = at - 3600000000 WHERE chain_id = 1 AND seq = 8",
	}, []string{"chain a, row 8"}},
}

// columns of a row behind its place.
const auditColumns = "at, action, actor_kind, actor_id, actor_name, user_id, user_name, client, session_id, address, agent, request_id, details, key_id, hash"

// TestTampering: what was done to the log by way of the database is found, and
// where, on every engine.
func TestTampering(t *testing.T) {
	onEachLog(t, func(t *testing.T, db *sql.DB, s *sqlstore.Store, ring *keyring.Ring) {
		for _, c := range tampering {
			t.Run(c.name, func(t *testing.T) {
				fillLog(t, db, s, ring)
				if report := checked(t, s, ring); !report.Intact() || !report.Complete() || report.Rows != 13 {
					t.Fatalf("an honest log: %+v", report)
				}
				for _, text := range c.texts {
					if _, err := db.Exec(strings.ReplaceAll(text, "COLUMNS", auditColumns)); err != nil {
						t.Fatal(err)
					}
				}
				report := checked(t, s, ring)
				var faults []string
				for _, f := range report.Faults {
					faults = append(faults, f.String())
				}
				for _, want := range c.found {
					if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, want) }) {
						t.Errorf("want %q, found %q", want, faults)
					}
				}
				listed, err := s.FindAudit(t.Context(), audit.Filter{}, audit.Cursor{}, 100)
				if err != nil || slices.ContainsFunc(listed, func(r audit.Row) bool { return r.Chain != "a" && r.Chain != "b" }) {
					t.Errorf("a list with rows of no chain: %+v, %v", listed, err)
				}
			})
		}
	})
}

// onEachLog is onEach with a store for a log, and a key for it.
func onEachLog(t *testing.T, test func(*testing.T, *sql.DB, *sqlstore.Store, *keyring.Ring)) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		test(t, db, e.open(t, db, sqlstore.Options{}), newRing(t))
	})
}

func newRing(t testing.TB) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func checked(t testing.TB, s audit.Store, ring *keyring.Ring) *audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), s, audit.VerifyOptions{Keyring: ring})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// fillLog makes the log anew.
func fillLog(t *testing.T, db *sql.DB, s *sqlstore.Store, ring *keyring.Ring) {
	t.Helper()
	for _, table := range []string{"durin_audit", "durin_audit_chain"} {
		if _, err := db.Exec("DELETE FROM " + table); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		chain string
		rows  int
	}{{"a", 9}, {"b", 3}} {
		l, err := audit.New(t.Context(), audit.Options{Store: s, Chain: c.chain, Keyring: ring, FlushEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.rows {
			l.Record(t.Context(), audit.Entry{Action: audit.Logout, UserID: fmt.Sprint(i + 1), UserName: "ada"})
		}
		if err := l.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	// The texts of tampering name the chains by their first numbers.
	if _, err := db.Exec("UPDATE durin_audit SET chain_id = CASE chain_id WHEN (SELECT id FROM durin_audit_chain WHERE name = 'a') THEN 1 ELSE 2 END"); err != nil {
		t.Fatal(err)
	}
	for id, name := range []string{"a", "b"} {
		if _, err := db.Exec(fmt.Sprintf("UPDATE durin_audit_chain SET id = %d WHERE name = '%s'", id+1, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// plain hashes as the log does where there is no key: texts with their length
// before them, numbers in eight bytes.
type plain []byte

func (p plain) text(all ...string) plain {
	for _, s := range all {
		p = append(binary.AppendUvarint(p, uint64(len(s))), s...)
	}
	return p
}

func (p plain) number(n int64) plain { return binary.BigEndian.AppendUint64(p, uint64(n)) }

func (p plain) sum() string { return fmt.Sprintf("%x", sha256.Sum256(p)) }

// TestForgedRow: a row that fits all others, written by plain SQL without a key behind
// rows with one, is tampering, on every engine; also once a server has gone on
// behind it, which says so in its log.
func TestForgedRow(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		s, ring := e.open(t, db, sqlstore.Options{}), newRing(t)
		fillLog(t, db, s, ring)
		heads, err := s.AuditHeads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		head := heads[slices.IndexFunc(heads, func(h audit.Head) bool { return h.Chain == "a" })]
		at := time.Now().UnixMicro()
		hash := append(plain{}.text("row"), head.Hash[:]...).text("a").number(10).number(at).
			text("login", "user", "1", "mallory", "1", "mallory", "web", "", "", "", "", "").number(0).sum()
		mac := append(plain{}.text("head", "a").number(10), unhex(t, hash)...).text("").sum()
		literal := func(text string) string {
			if d.Driver == "pgx" {
				return `'\x` + text + `'`
			}
			return "x'" + text + "'"
		}
		for _, text := range []string{
			fmt.Sprintf("INSERT INTO durin_audit (chain_id, seq, COLUMNS) VALUES (1, 10, %d, 'login', 'user', '1', 'mallory', '1', 'mallory', 'web', 0, '', '', '', '', '', %s)", at, literal(hash)),
			fmt.Sprintf("UPDATE durin_audit_chain SET seq = 10, key_id = '', hash = %s, mac = %s WHERE id = 1", literal(hash), literal(mac)),
		} {
			if _, err := db.Exec(strings.ReplaceAll(text, "COLUMNS", auditColumns)); err != nil {
				t.Fatal(err)
			}
		}
		found := func(when string) {
			t.Helper()
			report := checked(t, s, ring)
			if len(report.Faults) != 1 || !strings.Contains(report.Faults[0].String(), "chain a, row 10: the row bears no key") {
				t.Errorf("%s: %v", when, report.Faults)
			}
		}
		found("at once")
		var told strings.Builder
		l, err := audit.New(t.Context(), audit.Options{Store: s, Chain: "a", Keyring: ring, FlushEvery: time.Hour, Logger: slog.New(slog.NewTextHandler(&told, nil))})
		if err != nil {
			t.Fatal(err)
		}
		l.Record(t.Context(), audit.Entry{Action: audit.Logout, UserID: "1"})
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		found("when a server has gone on")
		if !strings.Contains(told.String(), "level=WARN") || !strings.Contains(told.String(), "run durin audit verify") {
			t.Errorf("the server's log: %s", &told)
		}
	})
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMadeOlder: rows that somebody makes older, so that the server deletes them and
// signs where the chain begins then, stay, and are found.
func TestMadeOlder(t *testing.T) {
	onEachLog(t, func(t *testing.T, db *sql.DB, s *sqlstore.Store, ring *keyring.Ring) {
		for _, more := range []string{"", ", key_id = 'ffffffff'", ", key_id = ''"} {
			fillLog(t, db, s, ring)
			if _, err := db.Exec("UPDATE durin_audit SET at = 1000000" + more + " WHERE chain_id = 1 AND seq < 4"); err != nil {
				t.Fatal(err)
			}
			l, err := audit.New(t.Context(), audit.Options{Store: s, Chain: "b", Keyring: ring, FlushEvery: time.Hour, Keep: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(l.Prune(t.Context()), l.Close(t.Context())); err != nil {
				t.Fatal(err)
			}
			if report := checked(t, s, ring); report.Intact() || report.Rows != 13 {
				t.Errorf("%q: %+v", more, report)
			}
		}
	})
}

// TestVerifyMany checks a long log: 20,000 rows, or with DURIN_LONG 1,000,000, and
// tells how long that took.
func TestVerifyMany(t *testing.T) {
	n := 20_000
	if os.Getenv("DURIN_LONG") != "" {
		n = 1_000_000
	}
	e, d := engines[0], servers.SQLite(t)
	d.DSN += "&_pragma=synchronous(OFF)"
	s := e.open(t, d.Open(t), sqlstore.Options{Timeout: time.Minute})
	ring := newRing(t)
	l, err := audit.New(t.Context(), audit.Options{Store: s, Chain: "a", Keyring: ring, Queue: n})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for i := range n {
		l.Record(t.Context(), audit.Entry{
			Action: audit.Login, Actor: audit.Actor{Kind: audit.User, ID: fmt.Sprint(i % 5000), Name: fmt.Sprint("user", i%5000)}, UserID: fmt.Sprint(i % 5000), UserName: fmt.Sprint("user", i%5000),
			Client: "web", SessionID: int64(i), Address: "192.0.2.1", Agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", RequestID: "0123456789abcdef",
			Details: map[string]any{"expires": "2026-11-23T16:51:00Z"},
		})
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	written := time.Since(began)
	began = time.Now()
	told := int64(0)
	report, err := audit.Verify(t.Context(), s, audit.VerifyOptions{Keyring: ring, Progress: func(done, total int64) {
		if told = max(told, done); total != int64(n) {
			t.Errorf("%d rows of %d", done, total)
		}
	}})
	if err != nil || !report.Intact() || !report.Complete() || report.Rows != int64(n) || told != int64(n) {
		t.Fatalf("%+v, %v, told of %d", report, err, told)
	}
	t.Logf("%d rows: written in %v, verified in %v", n, written.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
}

// The end of a chain that was cut off is told although a server writes on from
// there, and signs what it writes.
func TestCutOffAndWrittenOn(t *testing.T) {
	onEachLog(t, func(t *testing.T, db *sql.DB, s *sqlstore.Store, ring *keyring.Ring) {
		chain := "(SELECT id FROM durin_audit_chain WHERE name = 'b')"
		cut := []string{
			"DELETE FROM durin_audit WHERE chain_id = " + chain + " AND seq > 2",
			"UPDATE durin_audit_chain SET seq = 2, hash = (SELECT hash FROM durin_audit WHERE seq = 2 AND chain_id = durin_audit_chain.id) WHERE name = 'b'",
		}
		for name, more := range map[string]string{"with the old signature": "", "without a key": "UPDATE durin_audit_chain SET key_id = '' WHERE name = 'b'", "with another key": "UPDATE durin_audit_chain SET key_id = 'k' WHERE name = 'b'"} {
			t.Run(name, func(t *testing.T) {
				fillLog(t, db, s, ring)
				for _, text := range append(slices.Clone(cut), more) {
					if _, err := db.Exec(text); text != "" && err != nil {
						t.Fatal(err)
					}
				}
				l, err := audit.New(t.Context(), audit.Options{Store: s, Chain: "b", Keyring: ring, FlushEvery: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				l.Record(t.Context(), audit.Entry{Action: audit.Logout, UserID: "1"})
				if err := l.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				report := checked(t, s, ring)
				if report.Intact() && (more == "" || report.Complete()) {
					t.Errorf("%+v", report)
				}
			})
		}
	})
}
