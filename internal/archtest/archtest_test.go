// Package archtest holds the rules of who may import whom.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/durin-go/durin"

// leaves are the packages that stand beside each other: they import the root,
// those below it, shared and internal ones, never one another.
var leaves = map[string]bool{
	"password": true, "memstore": true, "sqlstore": true, "storetest": true, "durintest": true,
	"api": true, "client": true, "admin": true, "account": true, "importer": true,
}

// below are the packages that the root imports beside internal ones: its options and methods
// speak of them. They do not import it.
var below = map[string]bool{"keyring": true, "throttle": true, "nodes": true, "browse": true}

// shared are the packages that those beside the root may import, too.
var shared = map[string]bool{"audit": true, "transfer": true}

// exceptions are the imports that a rule forbids and a reason allows.
var exceptions = map[string]string{
	"durintest memstore":          "a Guard for tests needs a store",
	"internal/tokenrule root":     "stores share it; the root does not import it",
	"internal/tokenrule transfer": "the same",
	"internal/tokenrule browse":   "the same",
	"internal/outbox nodes":       "it reads one; nodes does not import it",
	"internal/endings nodes":      "channels of other modules share it; the root does not import it",
}

func TestImports(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel("../..", file)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || isModule(file)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		files++
		check(t, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("only %d files were looked at", files)
	}
}

// isModule reports whether dir is the root of another module.
func isModule(dir string) bool {
	if filepath.Clean(dir) == filepath.Clean("../..") {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func check(t *testing.T, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	from := path.Dir(file)
	if from == "." {
		from = "root"
	}
	for _, spec := range parsed.Imports {
		to, _ := strconv.Unquote(spec.Path.Value)
		if rule := broken(from, to); rule != "" {
			t.Errorf("%s imports %s: %s", file, to, rule)
		}
	}
}

// broken returns the rule that an import breaks, or "".
func broken(from, to string) string {
	ours, inside := strings.CutPrefix(to, module)
	switch {
	case !inside && strings.HasPrefix(to, "golang.org/x/"):
		return ""
	case !inside && strings.Contains(strings.Split(to, "/")[0], "."):
		return "the root module depends on the standard library and golang.org/x only"
	case !inside:
		return ""
	}
	ours = strings.TrimPrefix(ours, "/")
	if ours == "" {
		ours = "root"
	}
	if exceptions[from+" "+ours] != "" || strings.HasPrefix(ours, top(from)+"/internal/") {
		return ""
	}
	switch {
	case top(from) == "internal" && top(ours) != "internal":
		return "internal packages do not import the packages that use them"
	case from == "root" && top(ours) != "internal" && !below[ours]:
		return "the root imports internal packages and those below it only"
	case below[from] && top(ours) != "internal":
		return "packages below the root import internal ones only"
	case shared[from] && leaves[top(ours)]:
		return "what stores and pages share imports no package beside the root"
	case leaves[top(from)] && leaves[top(ours)] && top(from) != top(ours):
		return "packages beside the root do not import one another"
	case top(ours) == "cmd":
		return "nobody imports the program"
	}
	return ""
}

func top(p string) string { return strings.Split(p, "/")[0] }

func TestRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"root", "net/http", true},
		{"root", "golang.org/x/crypto/argon2", true},
		{"root", "github.com/jackc/pgx/v5", false},
		{"root", module + "/internal/cache", true},
		{"root", module + "/api", false},
		{"api", module, true},
		{"api", module + "/memstore", false},
		{"durintest", module + "/memstore", true},
		{"internal/cache", module, false},
		{"internal/tokenrule", module, true},
		{"sqlstore", module + "/internal/tokenrule", true},
		{"sqlstore", module + "/audit", true},
		{"audit", module + "/memstore", false},
		{"root", module + "/keyring", true},
		{"keyring", module, false},
		{"throttle", module + "/internal/window", true},
		{"root", module + "/transfer", false},
		{"transfer", module, true},
		{"transfer", module + "/importer", false},
		{"sqlstore", module + "/transfer", true},
		{"api/internal/body", module + "/api/internal/text", true},
		{"password", module + "/cmd/durin", false},
	} {
		if rule := broken(c.from, c.to); (rule == "") != c.ok {
			t.Errorf("%s imports %s: got %q", c.from, c.to, rule)
		}
	}
}
