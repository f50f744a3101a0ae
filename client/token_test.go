package client_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/client"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "token.json")
	f := client.File(path)
	if got, err := f.Load(t.Context()); err != nil || got != (client.Token{}) {
		t.Errorf("no file: %v, %v", got, err)
	}
	for _, want := range []client.Token{
		{Value: "one", Expiry: time.Date(2030, 1, 2, 3, 4, 5, 678901000, time.UTC), Got: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Value: "two", Got: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if err := f.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Load(t.Context()); err != nil || got != want {
			t.Errorf("got %v %s, %v", got, got.Value, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file's mode is %v, %v", info.Mode(), err)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "others can read it") {
		t.Errorf("a file that others can read: %v", err)
	}
	for range 2 {
		if err := f.Save(t.Context(), client.Token{}); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(t.Context()); err == nil {
		t.Error("half a file was read")
	}
}

// Nobody reads half a file, however many write.
func TestFileTogether(t *testing.T) {
	f := client.File(filepath.Join(t.TempDir(), "token.json"))
	values := []string{strings.Repeat("a", 64), strings.Repeat("b", 4000)}
	var all sync.WaitGroup
	for _, v := range values {
		all.Go(func() {
			for range 100 {
				if err := f.Save(t.Context(), client.Token{Value: v}); err != nil {
					t.Error(err)
				}
				if got, err := f.Load(t.Context()); err != nil || got.Value != values[0] && got.Value != values[1] {
					t.Error(len(got.Value), err)
				}
			}
		})
	}
	all.Wait()
}

// What one program has got another one uses: they share a file.
func TestTwoPrograms(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "token.json")
	share := func(o *client.Options) { o.Keeper = client.File(path) }
	first := w.signedIn(share)
	second := w.client(share)
	if got := w.ask(second); got != 200 {
		t.Errorf("the second program: %d", got)
	}
	if _, err := w.End(t.Context(), durin.Selection{UserID: "1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Login(t.Context(), "ada", "engine"); err != nil {
		t.Fatal(err)
	}
	if got := w.ask(second); got != 200 {
		t.Errorf("after a log-in of the first: %d", got)
	}
}
