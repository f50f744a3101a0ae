package database

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/durin-go/durin/sqlstore"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text    string
		dialect sqlstore.Dialect
		shown   string
	}{
		{"/x/durin.db", sqlstore.SQLite, "/x/durin.db"},
		{"/x/a?b#c%41.db", sqlstore.SQLite, "/x/a?b#c%41.db"},
		{"postgres://ada:open-sesame@db:5432/durin?sslmode=disable", sqlstore.PostgreSQL, "postgres://ada:xxxxx@db:5432/durin?sslmode=disable"},
		{"postgresql://db/durin", sqlstore.PostgreSQL, "postgresql://db/durin"},
		{"mysql://ada@db/durin", sqlstore.MySQL, "mysql://ada@db/durin"},
		{"mariadb://ada:open%2Fsesame@db/durin", sqlstore.MySQL, "mariadb://ada:xxxxx@db/durin"},
		{"postgres://db/durin?password=open-sesame&sslpassword=open-sesame", sqlstore.PostgreSQL, "postgres://db/durin?password=xxxxx&sslpassword=xxxxx"},
		{"postgres://db/durin?pool_max_conns=3", sqlstore.PostgreSQL, "postgres://db/durin"},
	}
	for _, test := range tests {
		target, err := Parse(test.text)
		if err != nil || target.Dialect != test.dialect || target.String() != test.shown {
			t.Errorf("%s: %v, %s, %v", test.text, target.Dialect, target, err)
		}
	}
	for _, text := range []string{"", " ", ":memory:", "file:x.db", "redis://x", "sqlite://x", "postgres://a:open-sesame@%zz/x", "postgres://a:open%sesame@b/x", "postgres://a:open#sesame@b/x", "mysql://a:open?sesame@b/x", "a:open-sesame@tcp(127.0.0.1:1)/x", "postgres://b/x?pool_max_conns=0", "a\x00b"} {
		if _, err := Parse(text); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzMasked(f *testing.F) {
	f.Add("ada", "open-sesame", "db/durin")
	f.Add("a", "p/w@x:y?z#", "h:1/d?sslmode=disable")
	f.Fuzz(func(t *testing.T, user, password, rest string) {
		if strings.ContainsAny(user, "/@:?#") || strings.ContainsAny(rest, "@") || len(password) < 8 || strings.Contains(rest, password) || strings.Contains(user, password) || strings.Contains("postgres://xxxxx:@", password) {
			return
		}
		if text := Masked("postgres://" + user + ":" + password + "@" + rest); strings.Contains(text, password) {
			t.Errorf("%q shows the password", text)
		}
	})
}

func TestOpenSQLite(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"durin.db", "a b?c#d%41é.db"} {
		target, err := Parse(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(target, false); !errors.Is(err, ErrNoFile) {
			t.Errorf("%s: %v", name, err)
		}
		h, err := Open(target, true)
		if err != nil {
			t.Fatal(err)
		}
		if steps, err := h.Migrate(t.Context()); err != nil || len(steps) == 0 {
			t.Errorf("%s: %v, %v", name, steps, err)
		}
		if steps, err := h.Migrate(t.Context()); err != nil || len(steps) != 0 {
			t.Errorf("%s, again: %v, %v", name, steps, err)
		}
		pragmas(t, h)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func pragmas(t *testing.T, h *Handle) {
	t.Helper()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "3000", "foreign_keys": "0"} {
		var got string
		if err := h.DB.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", pragma, got, err, want)
		}
	}
	if _, err := h.reader.Exec("CREATE TABLE x (y)"); err == nil {
		t.Error("the reader writes")
	}
}

func TestOpenServers(t *testing.T) {
	for _, text := range []string{
		"postgres://ada:open-sesame@127.0.0.1:1/durin", "mysql://ada:open-sesame@127.0.0.1:1/durin", "mysql://ada:open-sesame@[::1]/durin?socket=/nowhere/x",
		"postgres://ada:open-sesame@127.0.0.1:1/durin?default_query_exec_mode=exec",
	} {
		target, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Open(target, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Ping(t.Context()); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", target, err)
		}
		if _, err := h.Plan(t.Context()); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", target, err)
		}
		if h.noPrepare != strings.Contains(text, "=exec") {
			t.Errorf("%s: noPrepare is %v", target, h.noPrepare)
		}
		_ = h.Close()
	}
	for _, text := range []string{"mysql://a:open-sesame@b/c?parseTime=perhaps", "postgres://a:open-sesame@b/c?sslmode=perhaps", "postgres://a:open-sesame@b:port/c"} {
		target, err := Parse(text)
		if err == nil {
			_, err = Open(target, true)
		}
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
