package docstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository's.
const root = "../../../.."

// A page is a Markdown file.
type page struct {
	name string // from root, with slashes
	text string
}

// A block is a fenced one.
type block struct {
	info  string // behind the fence: "go file=…"
	text  string
	start int // of text, in the page's
}

// folders that hold no pages of ours.
var passedOver = []string{".git", "bin", "dist", "node_modules", "testdata"}

func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(passedOver, d.Name()) {
			return fs.SkipDir
		}
		if strings.HasSuffix(file, ".md") {
			rel, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			all = append(all, page{filepath.ToSlash(rel), read(t, file)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

func pageNamed(t *testing.T, name string) page {
	t.Helper()
	return page{name, read(t, filepath.Join(root, name))}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?ms)^```([^\n`]*)\n(.*?)^```[ \t]*$")

func (p page) blocks(language string) []block {
	var all []block
	for _, m := range fence.FindAllStringSubmatchIndex(p.text, -1) {
		b := block{info: p.text[m[2]:m[3]], text: p.text[m[4]:m[5]], start: m[4]}
		if word, _, _ := strings.Cut(b.info, " "); word == language {
			all = append(all, b)
		}
	}
	return all
}

// prose is the text without its blocks.
func (p page) prose() string { return fence.ReplaceAllString(p.text, "") }

func (p page) write(t *testing.T, text string) {
	t.Helper()
	if text == p.text {
		return
	}
	if err := os.WriteFile(filepath.Join(root, p.name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
