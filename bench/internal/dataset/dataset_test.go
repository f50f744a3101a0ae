package dataset

import (
	"path/filepath"
	"testing"
	"time"
)

func TestGenerate(t *testing.T) {
	const n = 137
	path := filepath.Join(t.TempDir(), "set.db")
	if err := Generate(t.Context(), path, n, "!", nil); err != nil {
		t.Fatal(err)
	}
	if Generate(t.Context(), path, n, "!", nil) == nil {
		t.Error("a file that is there was written to")
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
	for _, i := range []int{0, 7, n - 1} {
		s, err := store.Lookup(t.Context(), Token(i).Digest())
		if err != nil {
			t.Fatal(err)
		}
		if s.UserName != UserName(i/TokensPerUser+1) || s.Client.Name != Clients[i%TokensPerUser] || s.Inactive || s.Expired(time.Now()) {
			t.Errorf("token %d: %+v", i, s)
		}
	}
	if _, err := store.Lookup(t.Context(), Token(n).Digest()); err == nil {
		t.Error("there is one token too many")
	}
	var indexes int
	if err := db.Reader.QueryRow("SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'durin_token' AND sql IS NOT NULL").Scan(&indexes); err != nil || indexes < 3 {
		t.Error(indexes, err)
	}
}
