package docstest

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
)

var (
	link    = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	inline  = regexp.MustCompile("`[^`\n]*`")
)

func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(p.prose(), "x"), -1) {
			target := m[2]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			to := p
			if file != "" {
				to = page{name: path.Join(path.Dir(p.name), file)}
				info, err := os.Stat(filepath.Join(root, to.name))
				if err != nil {
					t.Errorf("%s: the link to %s leads nowhere", p.name, target)
					continue
				}
				if anchor != "" && !info.IsDir() {
					to = pageNamed(t, to.name)
				}
			}
			if anchor != "" && !to.anchors()[anchor] {
				t.Errorf("%s: %s has no such heading", p.name, target)
			}
		}
	}
}

// anchors are the names of headings as the usual renderers make them.
func (p page) anchors() map[string]bool {
	all, seen := map[string]bool{}, map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(p.prose(), -1) {
		name := strings.ToLower(strings.TrimSpace(m[1]))
		name = strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f:
				return r
			}
			return -1
		}, name)
		if n := seen[name]; n > 0 {
			all[fmt.Sprintf("%s-%d", name, n)] = true
		}
		seen[name]++
		all[name] = true
	}
	return all
}

// Every page under docs can be reached from the README.
func TestEveryPageIsListed(t *testing.T) {
	readme := pageNamed(t, "README.md").text
	for _, p := range pages(t) {
		if path.Dir(p.name) == "docs" && !strings.Contains(readme, "("+p.name+")") {
			t.Errorf("the README has no link to %s", p.name)
		}
	}
}

// Go in the pages is part of a file that is compiled.
func TestGoBlocksAreCompiled(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks("go") {
			count++
			_, file, ok := strings.Cut(b.info, "file=")
			if !ok {
				t.Errorf("%s: a go block names no file that it is from:\n%s", p.name, b.text)
				continue
			}
			if !strings.Contains(plain(read(t, filepath.Join(root, file))), plain(b.text)) {
				t.Errorf("%s: this is not in %s:\n%s", p.name, file, b.text)
			}
		}
	}
	if count == 0 {
		t.Error("no page has Go in it")
	}
}

// plain is text without the blanks around its lines, and without empty lines.
func plain(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(lines, "\n")
}

// What the pages promise is shown by tests that exist.
func TestGuaranteesAreTested(t *testing.T) {
	for _, name := range []string{"docs/guarantees.md", "docs/asvs.md"} {
		t.Run(name, func(t *testing.T) { namesTests(t, name) })
	}
}

func namesTests(t *testing.T, page string) {
	t.Helper()
	p := pageNamed(t, page)
	count := 0
	for _, m := range link.FindAllStringSubmatch(p.text, -1) {
		name := strings.Trim(m[1], "`")
		if !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") && !strings.HasPrefix(name, "Benchmark") {
			continue
		}
		count++
		file := filepath.Join(root, "docs", m[2])
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "func "+name+"(") {
			t.Errorf("there is no %s in %s", name, m[2])
		}
	}
	if count < 10 {
		t.Errorf("only %d tests are named", count)
	}
}

// The walks through the code name functions that are where they say.
func TestArchitectureNamesFunctions(t *testing.T) {
	page := pageNamed(t, "docs/architecture.md").text
	for _, heading := range []string{"## A check, from the header to the handler", "## A login, from the body to the row", "## An ending, from DELETE to another node"} {
		_, walk, found := strings.Cut(page, heading+"\n")
		if !found {
			t.Errorf("there is no %q", heading)
			continue
		}
		walk, _, _ = strings.Cut(walk, "\n## ")
		count := 0
		for _, m := range link.FindAllStringSubmatch(walk, -1) {
			if !strings.HasSuffix(m[2], ".go") {
				continue
			}
			count++
			name := strings.Trim(m[1], "`")
			declared := "func " + name + "("
			if receiver, method, is := strings.Cut(name, "."); is {
				declared = `func \(\w* ?\*?` + receiver + `\) ` + method + `\(`
			} else {
				declared = regexp.QuoteMeta(declared)
			}
			code, err := os.ReadFile(filepath.Join(root, "docs", m[2]))
			if err != nil || !regexp.MustCompile(`(?m)^`+declared).Match(code) {
				t.Errorf("%s: %s has no function %s", heading, m[2], name)
			}
		}
		if count < 6 {
			t.Errorf("%s: only %d functions are named", heading, count)
		}
	}
}

// Each bound stands in the code as it stands on the page.
func TestLimitsAreTheCodes(t *testing.T) {
	_, text, _ := strings.Cut(pageNamed(t, "docs/security.md").text, "## Limits")
	text, _, _ = strings.Cut(text, "\n## ")
	count := 0
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		count++
		code, err := os.ReadFile(filepath.Join(root, "docs", m[2]))
		if bound := plain(strings.Trim(m[1], "`")); err != nil || !strings.Contains(strings.Join(strings.Fields(string(code)), " "), bound) {
			t.Errorf("%s has no %s", m[2], bound)
		}
	}
	if count < 20 {
		t.Errorf("only %d bounds", count)
	}
}

// Every row of the standard says how it stands, and a met one where that is shown.
func TestStandardIsAnswered(t *testing.T) {
	words := []string{"met", "setting", "partly", "not met", "n/a"}
	rows := 0
	for line := range strings.Lines(pageNamed(t, "docs/asvs.md").text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| 6.") && !strings.HasPrefix(line, "| 7.") && !strings.HasPrefix(line, "| 9.") && !strings.HasPrefix(line, "| 10.") {
			continue
		}
		rows++
		if len(cells) != 5 || !slices.Contains(words, cells[3]) || strings.TrimSpace(cells[4]) == "" {
			t.Errorf("%q", line)
		}
	}
	if rows < 50 {
		t.Errorf("only %d requirements are answered", rows)
	}
}

// The pages speak of the program, on any machine.
func TestPagesAreForEverybody(t *testing.T) {
	for _, p := range pages(t) {
		for _, word := range []string{"/home/", "/root/", "/wo" + "rk/", "TODO", "FIXME", "XXX", "proxy." + "golang.org", "registry." + "npmjs." + "org"} {
			if strings.Contains(p.text, word) {
				t.Errorf("%s has %q in it", p.name, word)
			}
		}
	}
}

// Each rule of a client has its row.
func TestClientFieldsAreExplained(t *testing.T) {
	text := pageNamed(t, "docs/clients-and-policies.md").text
	shape := reflect.TypeFor[durin.Client]()
	for i := range shape.NumField() {
		if name := shape.Field(i).Name; !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/clients-and-policies.md does not explain Client.%s", name)
		}
	}
	for _, policy := range []durin.Policy{durin.PolicyReuse, durin.PolicyReplace, durin.PolicyEvict, durin.PolicyReject} {
		if !strings.Contains(text, "| `"+string(policy)+"` |") {
			t.Errorf("docs/clients-and-policies.md does not explain the policy %s", policy)
		}
	}
}

// Each route of the description has its row, and each sentence of an error.
func TestRoutesAreExplained(t *testing.T) {
	text := pageNamed(t, "docs/http-api.md").text
	var description struct{ Paths map[string]any }
	if err := json.Unmarshal(api.OpenAPI(api.Description{}), &description); err != nil {
		t.Fatal(err)
	}
	if len(description.Paths) < 7 {
		t.Fatalf("the description has %d paths only", len(description.Paths))
	}
	for name := range description.Paths {
		name = strings.NewReplacer("{id}", "<id>").Replace(strings.Trim(name, "/"))
		if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+"/`") && !strings.Contains(text, "`/"+name+"`") {
			t.Errorf("docs/http-api.md does not explain %s", name)
		}
	}
	for _, e := range []error{durin.ErrNoToken, durin.ErrInvalidToken, durin.ErrExpired, durin.ErrInactive, durin.ErrForbidden,
		durin.ErrNotFound, durin.ErrUnavailable, durin.ErrBadCredentials, durin.ErrNoClient, durin.ErrUnknownClient} {
		if !strings.Contains(text, e.Error()) {
			t.Errorf("docs/http-api.md does not have %q", e)
		}
	}
}
