package enginetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// t0 is when everything in TestGrowth happens.
var t0 = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// TestGrowth measures what users, sessions and days cost on the disk, indexes
// included, and prints it:
//
//	DURIN_TEST_GROWTH=100000 go test -v -run TestGrowth ./test/enginetest
//
// is what docs/operating.md has. The short form only sees that nothing grows out
// of proportion.
func TestGrowth(t *testing.T) {
	rows := 2000
	if text := os.Getenv("DURIN_TEST_GROWTH"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	onEach(t, func(t *testing.T, e engine, d servers.Database) {
		db := d.Open(t)
		s := e.open(t, db, sqlstore.Options{Timeout: time.Minute})
		client, err := s.CreateClient(t.Context(), durin.Client{Name: "web", Policy: durin.PolicyEvict, MaxTokens: 1, TTL: time.Hour, Created: t0})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []struct {
			what string
			most float64 // bytes
			add  func(ctx context.Context, db *sql.DB, from, to int) error
		}{
			{"a user", 1000, addUsers(e)},
			{"a session", 1500, addSessions(e, client.ID)},
			{"a user's day with requests", 500, addDays(e, client.ID)},
		} {
			before := bytesOf(t, e, db)
			for from := 0; from < rows; from += 100 {
				if err := part.add(t.Context(), db, from, from+100); err != nil {
					t.Fatal(err)
				}
			}
			each := float64(bytesOf(t, e, db)-before) / float64(rows)
			t.Logf("%s: %.0f bytes", part.what, each)
			if each > part.most && e.dialect != sqlstore.MySQL { // which takes a megabyte at a time
				t.Errorf("%s takes more than %.0f bytes", part.what, part.most)
			}
		}
	})
}

// many inserts rows by one statement.
func many(ctx context.Context, e engine, db *sql.DB, into string, columns, from, to int, row func(i int) []any) error {
	var text strings.Builder
	var args []any
	text.WriteString("INSERT INTO " + into + " VALUES ")
	for i := from; i < to; i++ {
		if i > from {
			text.WriteString(", ")
		}
		text.WriteString("(")
		for c := range columns {
			if c > 0 {
				text.WriteString(", ")
			}
			if e.dialect == sqlstore.PostgreSQL {
				fmt.Fprintf(&text, "$%d", len(args)+c+1)
			} else {
				text.WriteString("?")
			}
		}
		text.WriteString(")")
		args = append(args, row(i)...)
	}
	_, err := db.ExecContext(ctx, text.String(), args...)
	return err
}

// A hash as the program makes it, and a name of usual length.
const someHash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Z0xQNFB4c2h5d1pXb0h3U0pYV0p3dXB2c0k4"

func addUsers(e engine) func(context.Context, *sql.DB, int, int) error {
	return func(ctx context.Context, db *sql.DB, from, to int) error {
		return many(ctx, e, db, "durin_user (name, password, active, admin, created)", 5, from, to, func(i int) []any {
			return []any{fmt.Sprintf("user.%07d@example.org", i), someHash, 1, 0, t0.UnixMicro()}
		})
	}
}

// addSessions gives each a seal, as the policy reuse does, and a slot.
func addSessions(e engine, clientID int64) func(context.Context, *sql.DB, int, int) error {
	return func(ctx context.Context, db *sql.DB, from, to int) error {
		err := many(ctx, e, db, "durin_token (digest, user_id, owner, client_id, created, issued_at, expires, last_used, name, address, agent, seal)", 12, from, to, func(i int) []any {
			digest := sha256.Sum256([]byte(strconv.Itoa(i)))
			seal := append(append([]byte("abcd"), digest[:]...), make([]byte, 12+64+16-32)...)
			at := t0.Add(time.Duration(i) * time.Second).UnixMicro()
			return []any{digest[:], strconv.Itoa(i), i, clientID, at, at, at + int64(24*time.Hour/time.Microsecond), at, "", "203.0.113.77",
				"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36", seal}
		})
		if err != nil {
			return err
		}
		return many(ctx, e, db, "durin_slot (user_id, client_id, touched)", 3, from, to, func(i int) []any {
			return []any{strconv.Itoa(i), clientID, t0.UnixMicro()}
		})
	}
}

func addDays(e engine, clientID int64) func(context.Context, *sql.DB, int, int) error {
	return func(ctx context.Context, db *sql.DB, from, to int) error {
		return many(ctx, e, db, "durin_usage (day, user_id, client_id, requests, throttled)", 5, from, to, func(i int) []any {
			return []any{t0.Truncate(24*time.Hour).AddDate(0, 0, i/1000).UnixMicro(), strconv.Itoa(i % 1000), clientID, i, 0}
		})
	}
}

var sizeQueries = map[sqlstore.Dialect]string{
	sqlstore.SQLite:     "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
	sqlstore.PostgreSQL: "SELECT SUM(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relname LIKE 'durin%' AND c.relkind = 'r'",
	sqlstore.MySQL:      "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()",
}

// bytesOf is the size of all tables with their indexes.
func bytesOf(t *testing.T, e engine, db *sql.DB) int64 {
	t.Helper()
	if e.dialect == sqlstore.MySQL {
		if _, err := db.Exec("ANALYZE TABLE durin_user, durin_token, durin_slot, durin_usage"); err != nil {
			t.Fatal(err)
		}
	}
	var n int64
	if err := db.QueryRow(sizeQueries[e.dialect]).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
