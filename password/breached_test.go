package password_test

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/password"
)

func denylist(t *testing.T, text string) (*password.Denylist, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := password.OpenDenylist(path)
	if err == nil {
		t.Cleanup(func() { _ = d.Close() })
	}
	return d, err
}

// TestDenylist: in each form, every password of the list is refused, wherever it is,
// and no other.
func TestDenylist(t *testing.T) {
	var words []string
	for i := range 300 {
		words = append(words, fmt.Sprintf("password %d%s", i, strings.Repeat("é", i%37)))
	}
	slices.Sort(words)
	sums := func(form, end string) string {
		var lines []string
		for i, w := range words {
			lines = append(lines, fmt.Sprintf(form, sha1.Sum([]byte(w)))+strings.Repeat(fmt.Sprint(":", i), min(1, len(end)-1))+end)
		}
		slices.Sort(lines)
		return strings.Join(lines, "")
	}
	for name, text := range map[string]string{
		"plain":                    strings.Join(words, "\n") + "\n",
		"plain, no end":            strings.Join(words, "\n"),
		"plain, of another system": strings.Join(words, "\r\n") + "\r\n",
		"hashed":                   sums("%x", "\n"),
		"hashed, large, counted":   sums("%X", "\r\n"),
	} {
		d, err := denylist(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, w := range words {
			var field *durin.FieldError
			if err := d.Check(durin.Secret(w)); !errors.As(err, &field) || field.Field != "password" || strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q: %v", name, w, err)
			}
			for _, other := range []string{w + "x", w[:len(w)-1], strings.ToUpper(w), fmt.Sprint(i)} {
				if err := d.Check(durin.Secret(other)); err != nil && !slices.Contains(words, other) {
					t.Errorf("%s: %q: %v", name, other, err)
				}
			}
		}
		for _, w := range []string{"", "a", "z", strings.Repeat("p", password.MaxBytes), fmt.Sprintf("%x", sha1.Sum([]byte(words[0])))} {
			if err := d.Check(durin.Secret(w)); err != nil {
				t.Errorf("%s: %q: %v", name, w, err)
			}
		}
	}
	for name, text := range map[string]string{"empty": "", "an empty line": "\na\n", "not in order": "b\na\nc\nd\n" + strings.Repeat("aa\n", 200)} {
		if _, err := denylist(t, text); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := password.OpenDenylist(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	d, err := denylist(t, "one line only")
	if err != nil || d.Check("one line only") == nil || d.Check("one line") != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var field *durin.FieldError
	if err := d.Check("one line only"); err == nil || errors.As(err, &field) {
		t.Errorf("a list that cannot be read: %v", err)
	}
}
