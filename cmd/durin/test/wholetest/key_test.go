package wholetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/sqlstore"
)

// sealsIn opens the database in dir beside the program.
func sealsIn(t *testing.T, dir string) *sqlstore.Store {
	t.Helper()
	target, err := database.Parse(filepath.Join(dir, "durin.db"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := database.Open(target, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	s, err := sqlstore.Open(t.Context(), h.DB, sqlstore.SQLite, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// sealedBy counts the seals that the last key of the file in dir has made, and the
// others.
func sealedBy(t *testing.T, s *sqlstore.Store, dir string) (last, others int) {
	t.Helper()
	ring, err := keyring.ReadFile(filepath.Join(dir, "durin.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys := ring.Keys()
	seals, err := s.Seals(t.Context(), 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range seals {
		if key, _ := ring.SealedWith(one.Seal); key == keys[len(keys)-1] {
			last++
		} else {
			others++
		}
	}
	return last, others
}

// TestKeyRotationGoesOn kills a rotation in the middle. Nothing is lost by it, and
// it goes on where it was.
func TestKeyRotationGoesOn(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "token", "create", userName, "web")
	ring, err := keyring.ReadFile(filepath.Join(dir, "durin.key"))
	if err != nil {
		t.Fatal(err)
	}
	s := sealsIn(t, dir)
	const tokens = 2000
	for i := range tokens - 1 {
		token := durin.Secret(fmt.Sprintf("%064d", i))
		_, err := s.Issue(t.Context(), durin.NewToken{UserID: fmt.Sprint("u", i), Client: "web", Digest: token.Digest(), Seal: ring.Seal(token.Reveal()), Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
	}
	before := run(t, dir, "", "token", "create", userName, "web")
	cmd := exec.CommandContext(t.Context(), "durin", "keyring", "rotate")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		if last, others := sealedBy(t, s, dir); last > 0 && others > 0 && others < tokens {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the rotation does not begin")
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	last, others := sealedBy(t, s, dir)
	if last == 0 || others == 0 {
		t.Fatalf("%d sealed anew, %d not: it was not in the middle", last, others)
	}
	if again := run(t, dir, "", "token", "create", userName, "web"); again != before {
		t.Error("a token was replaced in the middle of a rotation")
	}
	var told struct{ Resealed int }
	if err := json.Unmarshal([]byte(run(t, dir, "", "keyring", "rotate", "--resume", "--json")), &told); err != nil || told.Resealed != others {
		t.Errorf("%d sealed anew by the second run, want %d: %v", told.Resealed, others, err)
	}
	if last, others = sealedBy(t, s, dir); last != tokens || others != 0 {
		t.Errorf("in the end %d are sealed with the new key, %d are not", last, others)
	}
	if again := run(t, dir, "", "token", "create", userName, "web"); again != before {
		t.Error("a token was replaced")
	}
}

// TestKeyRotationOnTwoServers follows the steps of docs/security.md with two
// servers that have a copy of the key file each: no login is handed another token.
func TestKeyRotationOnTwoServers(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "token", "create", userName, "web")
	one, two := filepath.Join(dir, "durin.key"), filepath.Join(t.TempDir(), "two.key")
	distribute := func() {
		t.Helper()
		text, err := os.ReadFile(one)
		if err == nil {
			err = os.WriteFile(two+".new", text, 0o600)
		}
		if err == nil {
			err = os.Rename(two+".new", two)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	distribute()
	servers := []*server{start(t, dir), start(t, dir, "--key-file", two)}
	taken := func(n int) {
		t.Helper()
		for _, s := range servers {
			s.Eventually("the keys are in use", func() bool { return bytes.Count([]byte(s.Log()), []byte("the key file has changed")) >= n })
		}
	}
	var first string
	check := func(when string) {
		t.Helper()
		for i, s := range servers {
			a, err := s.Try("POST", "/api/auth/login/", "", url.Values{"username": {userName}, "password": {password}, "client": {"web"}})
			if err != nil {
				t.Fatal(err)
			}
			a.Want(t, when, 200)
			if token := a.Token(); first == "" {
				first = token
			} else if token != first {
				t.Errorf("%s: server %d hands out another token", when, i+1)
			}
		}
	}
	check("before")
	run(t, dir, "", "keyring", "rotate", "--stage")
	check("staged, not distributed")
	distribute()
	taken(1)
	check("staged everywhere")
	if out := run(t, dir, "", "keyring", "rotate"); out != "1 token resealed.\n" {
		t.Errorf("sealed anew: %q", out)
	}
	check("in use on one")
	distribute()
	taken(2)
	check("in use everywhere")
	run(t, dir, "", "keyring", "rotate", "--resume")
	check("in the end")
}
