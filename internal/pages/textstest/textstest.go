// Package textstest holds the texts of a package of pages to its code: every key
// that is used has a text, and every text is used.
package textstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/durin-go/durin/internal/pages"
)

var (
	inTemplate = regexp.MustCompile(`\b(t|tn) "([a-z0-9.-]+)"`)
	inCode     = regexp.MustCompile(`"([a-z0-9-]+(?:\.[a-z0-9-]*)*)"`)
	literal    = regexp.MustCompile(`\.(Text|Count)\("([a-z0-9-]+(?:\.[a-z0-9-]+)*)"[,)]`)
)

// shared is where the package of all pages is, from a package beside it.
const shared = "../internal/pages"

// Check looks at the package in folder.
func Check(t *testing.T, folder string) {
	t.Helper()
	own := read(t, filepath.Join(folder, "texts.txt"))
	texts, err := pages.ParseTexts(read(t, filepath.Join(shared, "texts.txt")), own)
	if err != nil {
		t.Fatal(err)
	}
	has := func(key string) bool {
		_, plain := texts[key]
		_, counted := texts[key+".other"]
		return plain || counted
	}
	used := map[string]bool{}
	var prefixes []string
	for _, file := range files(t, folder) {
		text := read(t, file)
		for _, m := range inTemplate.FindAllStringSubmatch(text, -1) {
			used[m[2]] = true
			if !has(m[2]) {
				t.Errorf("%s: there is no text %q", file, m[2])
			}
		}
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			used[m[2]] = true
			if !has(m[2]) {
				t.Errorf("%s: there is no text %q", file, m[2])
			}
		}
		for _, m := range inCode.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
			if strings.HasSuffix(m[1], ".") {
				prefixes = append(prefixes, m[1])
			}
		}
	}
	ours, _ := pages.ParseTexts(own)
	for key := range ours {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other"), ".help")
		if used[key] || used[base] || begins(key, prefixes) {
			continue
		}
		t.Errorf("nothing uses the text %q", key)
	}
}

func begins(key string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

func files(t *testing.T, folder string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		for _, base := range []string{folder, shared} {
			some, err := filepath.Glob(filepath.Join(base, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range some {
				if !strings.HasSuffix(f, "_test.go") && (base == folder || strings.HasSuffix(f, ".html")) {
					all = append(all, f)
				}
			}
		}
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
