package docstest

import (
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// direct lists what a go.mod requires directly, tools among it.
func direct(text string) []string {
	all := map[string]bool{}
	block := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == ")":
			block = ""
		case rest == "(":
			block = word
		case block == "require":
			addRequired(all, line)
		case word == "require":
			addRequired(all, rest)
		case word == "tool":
			all[rest] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func addRequired(all map[string]bool, line string) {
	name, _, _ := strings.Cut(line, " ")
	if !strings.HasSuffix(line, "// indirect") && !strings.HasPrefix(name, "github.com/durin-go/") {
		all[name] = true
	}
}

// The rows of the page's tables begin with a module's path.
var (
	section   = regexp.MustCompile("(?ms)^## `([^`]+)`$(.*?)(?:^## |\\z)")
	moduleRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\|$")
)

// goMods are the go.mod files of all modules of the repository.
func goMods(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.Name() == "go.mod":
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Each dependency has a reason, in writing.
func TestDependenciesHaveReasons(t *testing.T) {
	p := pageNamed(t, "docs/dependencies.md")
	reasons := map[string]map[string]bool{}
	for rest := p.text; ; {
		m := section.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		name, body := rest[m[2]:m[3]], rest[m[4]:m[5]]
		reasons[name] = map[string]bool{}
		for _, row := range moduleRow.FindAllStringSubmatch(body, -1) {
			reasons[name][row[1]] = len(strings.TrimSpace(row[2])) > 20
		}
		rest = rest[m[5]:]
	}
	files := goMods(t)
	for name := range reasons {
		if !slices.Contains(files, filepath.Join(root, name)) {
			t.Errorf("docs/dependencies.md has a section %s, and there is no such file", name)
		}
	}
	for _, file := range files {
		rel, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.ToSlash(rel)
		text := read(t, file)
		required := direct(text)
		for _, dep := range required {
			if !reasons[name][dep] {
				t.Errorf("docs/dependencies.md gives no reason for %s in %s", dep, name)
			}
		}
		for dep := range reasons[name] {
			if !strings.Contains(text, dep) {
				t.Errorf("docs/dependencies.md has %s, which %s does not require", dep, name)
			}
		}
	}
}
