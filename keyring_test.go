package durin

import (
	"bytes"
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

func newKeyring(t *testing.T) *Keyring {
	t.Helper()
	r, err := NewKeyring(keyTime)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealAndOpen(t *testing.T) {
	ring := newKeyring(t)
	token := Secret("a1b2")
	seal := ring.Seal(token)
	if bytes.Contains(seal, []byte("a1b2")) {
		t.Error("the seal shows the token")
	}
	if got, err := ring.Open(seal, token.Digest()); err != nil || got != token {
		t.Fatalf("%v", err)
	}
	for i := range seal {
		broken := bytes.Clone(seal)
		broken[i] ^= 1
		if _, err := ring.Open(broken, token.Digest()); !errors.Is(err, ErrSeal) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for n := range seal {
		if _, err := ring.Open(seal[:n], token.Digest()); !errors.Is(err, ErrSeal) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := ring.Open(seal, Secret("other").Digest()); !errors.Is(err, ErrSeal) {
		t.Errorf("moved to another token: %v", err)
	}
	if _, err := newKeyring(t).Open(seal, token.Digest()); !errors.Is(err, ErrSeal) {
		t.Errorf("another key: %v", err)
	}
}

func TestOldKeysOpenNewKeySeals(t *testing.T) {
	old := newKeyring(t)
	token := Secret("x")
	before := old.Seal(token)
	ring, err := old.WithNewKey(keyTime.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Open(before, token.Digest()); err != nil {
		t.Errorf("the old seal: %v", err)
	}
	after := ring.Seal(token)
	if _, err := old.Open(after, token.Digest()); !errors.Is(err, ErrSeal) {
		t.Errorf("the old keys open the new seal: %v", err)
	}
	keys := ring.Keys()
	if info, ok := ring.SealedWith(after); len(keys) != 2 || !ok || info != keys[1] || !keys[1].Created.Equal(keyTime.Add(time.Hour)) {
		t.Errorf("%v, sealed with %v", keys, info)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "durin.key")
	if _, err := ReadKeyFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v", err)
	}
	made, fresh, err := OpenKeyFile(path, keyTime)
	if err != nil || !fresh {
		t.Fatalf("%v %v", fresh, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	read, fresh, err := OpenKeyFile(path, keyTime)
	if err != nil || fresh {
		t.Fatalf("%v %v", fresh, err)
	}
	if _, err := read.Open(made.Seal("x"), Secret("x").Digest()); err != nil {
		t.Error(err)
	}
	more, _ := read.WithNewKey(keyTime)
	if err := more.WriteKeyFile(path); err != nil {
		t.Fatal(err)
	}
	if again, err := ReadKeyFile(path); err != nil || len(again.Keys()) != 2 {
		t.Fatalf("%v %v", again, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeyFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that the group reads: %v", err)
	}
}

func TestParallelFirstStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "durin.key")
	var wg sync.WaitGroup
	rings := make([]*Keyring, 8)
	for i := range rings {
		wg.Go(func() { rings[i], _, _ = OpenKeyFile(path, keyTime) })
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
	good := strings.Fields(strings.Split(newKeyring(t).text(), "\n")[2])
	for name, line := range map[string]string{
		"nothing":      "# only a remark\n\n",
		"other word":   "key " + strings.Join(good[1:], " "),
		"too few":      strings.Join(good[:3], " "),
		"bad id":       strings.Join([]string{good[0], "zz", good[2], good[3]}, " "),
		"bad instant":  strings.Join([]string{good[0], good[1], "yesterday", good[3]}, " "),
		"short key":    strings.Join([]string{good[0], good[1], good[2], "AAAA"}, " "),
		"doubled line": strings.Join(good, " ") + "\n" + strings.Join(good, " "),
	} {
		_, err := ParseKeyring(line)
		if err == nil || strings.Contains(err.Error(), good[3]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyringTellsNothing(t *testing.T) {
	ring := newKeyring(t)
	secret := strings.Fields(strings.Split(ring.text(), "\n")[2])[3]
	if out := fmt.Sprintf("%v %+v %#v %s %v", ring, ring, ring, ring, ring.Text()); strings.Contains(out, secret) || strings.Contains(out, "aead") {
		t.Error(out)
	}
	if again, err := ParseKeyring(ring.Text().Reveal()); err != nil || !slices.Equal(again.Keys(), ring.Keys()) {
		t.Errorf("the text is not that of the keys: %v", err)
	}
}

func FuzzParseKeyring(f *testing.F) {
	f.Add("durin-key 3f6c2a1b 2026-11-23T10:00:00Z AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Add("# x\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		ring, err := ParseKeyring(text)
		if err != nil {
			return
		}
		if _, err := ring.Open(ring.Seal("x"), Secret("x").Digest()); err != nil {
			t.Fatal(err)
		}
		if again, err := ParseKeyring(ring.text()); err != nil || len(again.Keys()) != len(ring.Keys()) {
			t.Fatal(err)
		}
	})
}

// A staged key opens and does not seal, until it is taken in use; so it is after
// its way through a file.
func TestStagedKey(t *testing.T) {
	old := newKeyring(t)
	token := Secret("x")
	staged, err := old.WithStagedKey(keyTime) // in the same second
	if err != nil {
		t.Fatal(err)
	}
	if staged, err = ParseKeyring(staged.text()); err != nil {
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
	if got, err := staged.Open(seal, token.Digest()); err != nil || got != token {
		t.Errorf("a server with the staged key cannot open: %v", err)
	}
	if _, ok := used.Staged(); ok || used.WithStagedInUse() != used || len(used.Keys()) != 2 {
		t.Error("a key is still staged")
	}
	if _, ok := old.Staged(); ok {
		t.Error("the only key is staged")
	}
	if _, err := (&Keyring{}).WithStagedKey(keyTime); err == nil {
		t.Error("a key was staged where there is none to go on with")
	}
}
