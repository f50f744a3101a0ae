package dataset

import (
	"path/filepath"
	"testing"
	"time"
)

func TestScattered(t *testing.T) {
	const n = 1000
	path := filepath.Join(t.TempDir(), "set.db")
	if err := ScatterSQLite(t.Context(), path, n, "!"); err != nil {
		t.Fatal(err)
	}
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := db.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expired := 0
	for i := range n {
		s, err := store.Lookup(t.Context(), Token(i).Digest())
		if err != nil {
			t.Fatal(err)
		}
		if s.UserName != UserName(i/TokensPerUser+1) || s.Client.Name != Clients[i%TokensPerUser] || s.Expired(time.Now()) != IsExpired(i, n) {
			t.Errorf("token %d: %+v", i, s)
		}
		if IsExpired(i, n) {
			expired++
		}
	}
	if expired != Expired(n) {
		t.Errorf("%d have expired, want %d", expired, Expired(n))
	}
}
