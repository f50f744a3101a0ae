package keyring

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var keyTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newRing(t *testing.T) *Ring {
	t.Helper()
	r, err := New(keyTime)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func digest(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

func TestSealAndOpen(t *testing.T) {
	ring := newRing(t)
	token := "a1b2"
	seal := ring.Seal(token)
	if bytes.Contains(seal, []byte("a1b2")) {
		t.Error("the seal shows the token")
	}
	if got, err := ring.Open(seal, digest(token)); err != nil || got != token {
		t.Fatalf("%v", err)
	}
	for i := range seal {
		broken := bytes.Clone(seal)
		broken[i] ^= 1
		if _, err := ring.Open(broken, digest(token)); !errors.Is(err, ErrSeal) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for n := range seal {
		if _, err := ring.Open(seal[:n], digest(token)); !errors.Is(err, ErrSeal) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := ring.Open(seal, digest("other")); !errors.Is(err, ErrSeal) {
		t.Errorf("moved to another token: %v", err)
	}
	if _, err := newRing(t).Open(seal, digest(token)); !errors.Is(err, ErrSeal) {
		t.Errorf("another key: %v", err)
	}
}

func TestOldKeysOpenNewKeySeals(t *testing.T) {
	old := newRing(t)
	token := "x"
	before := old.Seal(token)
	ring, err := old.WithNewKey(keyTime.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Open(before, digest(token)); err != nil {
		t.Errorf("the old seal: %v", err)
	}
	after := ring.Seal(token)
	if _, err := old.Open(after, digest(token)); !errors.Is(err, ErrSeal) {
		t.Errorf("the old keys open the new seal: %v", err)
	}
	keys := ring.Keys()
	if info, ok := ring.SealedWith(after); len(keys) != 2 || !ok || info != keys[1] || !keys[1].Created.Equal(keyTime.Add(time.Hour)) {
		t.Errorf("%v, sealed with %v", keys, info)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "durin.key")
	if _, err := ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v", err)
	}
	made, fresh, err := MakeFile(path, keyTime)
	if err != nil || !fresh {
		t.Fatalf("%v %v", fresh, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	read, fresh, err := MakeFile(path, keyTime)
	if err != nil || fresh {
		t.Fatalf("%v %v", fresh, err)
	}
	if _, err := read.Open(made.Seal("x"), digest("x")); err != nil {
		t.Error(err)
	}
	more, _ := read.WithNewKey(keyTime)
	if err := more.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if again, err := ReadFile(path); err != nil || len(again.Keys()) != 2 {
		t.Fatalf("%v %v", again, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that the group reads: %v", err)
	}
}

func TestParallelFirstStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "durin.key")
	var wg sync.WaitGroup
	rings := make([]*Ring, 8)
	for i := range rings {
		wg.Go(func() { rings[i], _, _ = MakeFile(path, keyTime) })
	}
	wg.Wait()
	for i, r := range rings {
		if r == nil || r.Keys()[0] != rings[0].Keys()[0] {
			t.Fatalf("start %d has other keys", i)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".durin-key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestKeyTextFaults(t *testing.T) {
	good := strings.Fields(strings.Split(newRing(t).Text(), "\n")[2])
	for name, line := range map[string]string{
		"nothing":      "# only a remark\n\n",
		"other word":   "key " + strings.Join(good[1:], " "),
		"too few":      strings.Join(good[:3], " "),
		"bad id":       strings.Join([]string{good[0], "zz", good[2], good[3]}, " "),
		"bad instant":  strings.Join([]string{good[0], good[1], "yesterday", good[3]}, " "),
		"short key":    strings.Join([]string{good[0], good[1], good[2], "AAAA"}, " "),
		"doubled line": strings.Join(good, " ") + "\n" + strings.Join(good, " "),
	} {
		_, err := Parse(line)
		if err == nil || strings.Contains(err.Error(), good[3]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyringTellsNothing(t *testing.T) {
	ring := newRing(t)
	secret := strings.Fields(strings.Split(ring.Text(), "\n")[2])[3]
	if out := fmt.Sprintf("%v %+v %#v %s", ring, ring, ring, ring); strings.Contains(out, secret) || strings.Contains(out, "aead") {
		t.Error(out)
	}
	if again, err := Parse(ring.Text()); err != nil || !slices.Equal(again.Keys(), ring.Keys()) {
		t.Errorf("the text is not that of the keys: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("durin-key 3f6c2a1b 2026-11-23T10:00:00Z AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Add("# x\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		ring, err := Parse(text)
		if err != nil {
			return
		}
		if _, err := ring.Open(ring.Seal("x"), digest("x")); err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(ring.Text()); err != nil || len(again.Keys()) != len(ring.Keys()) {
			t.Fatal(err)
		}
	})
}

// A staged key opens and does not seal, until it is taken in use; so it is after
// its way through a file.
func TestStagedKey(t *testing.T) {
	old := newRing(t)
	token := "x"
	staged, err := old.WithStagedKey(keyTime) // in the same second
	if err != nil {
		t.Fatal(err)
	}
	if staged, err = Parse(staged.Text()); err != nil {
		t.Fatal(err)
	}
	key, ok := staged.Staged()
	if !ok || len(staged.Keys()) != 2 {
		t.Fatalf("%v", staged.Keys())
	}
	if by, _ := staged.SealedWith(staged.Seal(token)); by == key {
		t.Error("a staged key seals")
	}
	used := staged.WithStagedInUse()
	seal := used.Seal(token)
	if by, _ := used.SealedWith(seal); by != key {
		t.Error("a key in use does not seal")
	}
	if got, err := staged.Open(seal, digest(token)); err != nil || got != token {
		t.Errorf("a server with the staged key cannot open: %v", err)
	}
	if _, ok := used.Staged(); ok || used.WithStagedInUse() != used || len(used.Keys()) != 2 {
		t.Error("a key is still staged")
	}
	if _, ok := old.Staged(); ok {
		t.Error("the only key is staged")
	}
	if _, err := (&Ring{}).WithStagedKey(keyTime); err == nil {
		t.Error("a key was staged where there is none to go on with")
	}
}

func TestDeriveKey(t *testing.T) {
	ring, err := New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id := ring.Keys()[0].ID
	a, ok := ring.DeriveKey(id, "a")
	again, _ := ring.DeriveKey(id, "a")
	b, _ := ring.DeriveKey(id, "b")
	if !ok || len(a) != 32 || !slices.Equal(a, again) || slices.Equal(a, b) {
		t.Error("derived keys are not what they should be")
	}
	if _, ok := ring.DeriveKey("00000000", "a"); ok {
		t.Error("a key that is not there")
	}
}

// A key file of another user is refused: its owner could change it at any time.
func TestFileOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away: run it with sudo")
	}
	path := filepath.Join(t.TempDir(), "durin.key")
	if _, err := OpenFile(path, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() error{
		"ReadFile": func() error { _, err := ReadFile(path); return err },
		"OpenFile": func() error { _, err := OpenFile(path, time.Now()); return err },
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "sudo -u '#65534'") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Chown(path, 0, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err != nil {
		t.Error(err)
	}
}
