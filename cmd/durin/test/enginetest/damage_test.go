package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// TestDamagedFile garbles one page of the file after the other: no token is
// accepted that was ended or never issued, what cannot be read is an outage and
// not a missing row, and the look of the doctor finds it.
func TestDamagedFile(t *testing.T) {
	const tokens, pageSize = 300, 4096
	d := servers.SQLite(t)
	s := filled(t, d, "web", sqlstore.Options{})
	for i := range tokens {
		issue(t, s, fmt.Sprint("token", i), "web", fmt.Sprint("user", i))
	}
	if _, err := s.End(t.Context(), durin.Selection{UserID: "user7"}, now); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t).Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{1})
	found, hidden, used := 0, 0, 0
	for page := 1; page < len(whole)/pageSize; page++ {
		used++
		damaged := append([]byte{}, whole...)
		_, _ = random.Read(damaged[page*pageSize : (page+1)*pageSize])
		copied := servers.SQLite(t)
		if err := os.WriteFile(copied.URL, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if !intact(t, copied.URL) {
			found++
		}
		db := copied.Open(t)
		s, err := sqlstore.Open(t.Context(), db, sqlstore.SQLite, sqlstore.Options{})
		if err != nil { // it is seen at once
			_ = db.Close()
			continue
		}
		seen := false
		for i := range tokens {
			session, err := s.Lookup(t.Context(), durin.Secret(fmt.Sprint("token", i)).Digest())
			seen = seen || err != nil && !errors.Is(err, durin.ErrNotFound)
			switch {
			case err == nil && (i == 7 || session.UserID != fmt.Sprint("user", i)):
				t.Fatalf("page %d: token %d is taken for %+v", page, i, session)
			case errors.Is(err, durin.ErrNotFound) && i != 7:
				hidden++
			}
		}
		if _, err := s.Lookup(t.Context(), durin.Secret("never issued").Digest()); err == nil {
			t.Fatalf("page %d: a token that was never issued is good", page)
		}
		if told := s.Ping(t.Context()); seen && told == nil {
			t.Errorf("page %d: the fault was seen and is not told", page)
		}
		for name, call := range calls(s) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if err := call(ctx); errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("page %d: %s hangs", page, name)
			}
			cancel()
		}
		_ = s.Close()
		_ = db.Close()
	}
	if found < used {
		t.Errorf("the doctor would find %d of %d damaged pages", found, used)
	}
	if hidden > 0 {
		t.Errorf("%d live tokens were called unknown", hidden)
	}
}

// intact is what durin doctor asks about a file.
func intact(t *testing.T, path string) bool {
	t.Helper()
	target, err := database.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := database.Open(target, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	return h.Intact(t.Context()) == nil
}
