package docstest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/backup"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// languages are what blocks may be in, and what holds each to the program.
var languages = map[string]string{
	"console": "run, and its output compared (TestWalks)",
	"sh":      "run (TestWalks), but for what has a reason there (TestCommandsNotRun)",
	"go":      "stands in a file that is compiled (TestGoBlocksAreCompiled)",
	"toml":    "read by the program (TestConfigurationFilesAreRead)",
	"json":    "has the form of JSON (here)",
	"js":      "run beside a server (TestJavaScriptRuns)",
	"sql":     "run on the database (TestPartitions)",
	"yaml":    "read by Prometheus (TestScrapeConfiguration)",
	"text":    "held by what texts says of it (TestTexts)",
}

func TestEveryBlockIsOfAKind(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
			language, _, _ := strings.Cut(m[1], " ")
			if languages[language] == "" {
				t.Errorf("%s: nothing says what holds a block in %q:\n%.200s", p.name, language, m[2])
			}
			if language == "json" && !json.Valid([]byte(m[2])) {
				t.Errorf("%s: this is not JSON:\n%s", p.name, m[2])
			}
		}
	}
}

// A text is a block that is neither run nor compiled.
type text struct {
	page, begins string
	because      string // of a picture: why nothing holds it
	holds        func(t *testing.T, block string)
}

// texts are all of them but those that TestGeneratedParts makes.
var texts = []text{
	{page: "README.md", begins: "require github.com/durin-go/durin ", holds: goModBuilds("durin")},
	{page: "README.md", begins: "require github.com/durin-go/durin/redisdurin ", holds: goModBuilds("durin", "durin/redisdurin", "durin/pgxdurin")},
	{page: "docs/architecture.md", begins: "  cmd/durin ── the program", because: "a picture of the packages, whose imports internal/archtest holds"},
	{page: "docs/http-api.md", begins: "Authorization: Token ", holds: isUnderstood("GET /api/auth/sessions/ HTTP/1.1\n", `{"detail":"Invalid token."}`)},
	{page: "docs/introspection.md", begins: "POST /api/auth/introspect", holds: isUnderstood("", "HTTP/1.1 401 ")},
	{page: "docs/introspection.md", begins: "OIDCOAuthIntrospectionEndpoint", holds: isReadBy("interop/apache_test.go", "TestApache", "docs/introspection.md")},
	{page: "docs/install.md", begins: "# systemctl edit durin", holds: systemdReads},
	{page: "docs/operating.md", begins: "pg_dump ", holds: backupTells},
	{page: "docs/protect-any-application.md", begins: "caller ──► proxy", because: "a picture of a request's way"},
	{page: "docs/protect-any-application.md", begins: "location / {", holds: isReadBy("cmd/durin/test/proxytest/php_test.go", "startPHP", "protect-any-application.md")},
	{page: "docs/sign-in.md", begins: "browser ──► proxy", because: "a picture of a request's way"},
	{page: "docs/scaling.md", begins: "look-ups a second × 0.15 ms", because: "a formula, whose figures bench measures"},
	{page: "docs/security.md", begins: `\bacme_`, holds: isReadBy("tokens_test.go", "TestScannersFindOurs", "docs/security.md")},
}

// TestTexts holds each text to what it is about. One that nobody has said anything
// about is a fault.
func TestTexts(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range pages(t) {
		p.text = generated.ReplaceAllString(p.text, "")
	blocks:
		for _, b := range p.blocks("text") {
			for _, one := range texts {
				if one.page != p.name || !strings.HasPrefix(b.text, one.begins) {
					continue
				}
				seen[one.page+one.begins] = true
				if one.holds != nil {
					t.Run(p.name, func(t *testing.T) { one.holds(t, b.text) })
				} else if one.because == "" {
					t.Errorf("%s: nothing is said of %q", p.name, one.begins)
				}
				continue blocks
			}
			t.Errorf("%s: nothing holds this text; commands belong into an sh or console block:\n%s", p.name, b.text)
		}
	}
	for _, one := range texts {
		if !seen[one.page+one.begins] {
			t.Errorf("%s has no text that begins with %q any more", one.page, one.begins)
		}
	}
}

// isReadBy: a test elsewhere reads the block from the page and tries it.
func isReadBy(file, test, page string) func(*testing.T, string) {
	return func(t *testing.T, _ string) {
		if code := read(t, filepath.Join(root, file)); !strings.Contains(code, "func "+test+"(") || !strings.Contains(code, page) {
			t.Errorf("there is no %s in %s that reads %s", test, file, page)
		}
	}
}

// goModBuilds builds a module of somebody's that lies beside a clone, has the lines in
// its go.mod behind those for the root module, and imports packages of ours.
func goModBuilds(packages ...string) func(*testing.T, string) {
	return func(t *testing.T, block string) {
		dir := t.TempDir()
		clone, err := filepath.Abs(root)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(clone, filepath.Join(dir, "durin")); err != nil {
			t.Fatal(err)
		}
		if len(packages) > 1 {
			block = "require github.com/durin-go/durin v0.0.0\nreplace github.com/durin-go/durin => ../durin\n" + block
		}
		program := "package main\n\nimport (\n"
		for _, p := range packages {
			program += "\t_ \"github.com/durin-go/" + p + "\"\n"
		}
		app := filepath.Join(dir, "app")
		for name, text := range map[string]string{
			"go.mod":  "module app\n\ngo 1.26\n\n" + block,
			"go.sum":  read(t, filepath.Join(root, "go.sum")) + read(t, filepath.Join(root, "redisdurin", "go.sum")) + read(t, filepath.Join(root, "pgxdurin", "go.sum")),
			"main.go": program + ")\n\nfunc main() {}\n",
		} {
			if err := os.MkdirAll(app, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", "out", ".")
		cmd.Dir, cmd.Env = app, append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// isUnderstood sends a message to a server; behind what stands before it.
func isUnderstood(before, want string) func(*testing.T, string) {
	return func(t *testing.T, block string) {
		at := newPlace(t)
		at.serve()
		head, body, hasBody := strings.Cut(before+block, "\n\n")
		head = strings.TrimSpace(head) + "\nHost: " + at.addr + "\nConnection: close"
		if body = strings.TrimSpace(body); hasBody {
			head += "\nContent-Length: " + itoa(len(body))
		}
		if answer := at.send(t, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+body); !strings.Contains(answer, want) {
			t.Errorf("answered:\n%s", answer)
		}
	}
}

// systemdReads: the keys are those of a unit.
func systemdReads(t *testing.T, block string) {
	analyze := servers.Program(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	unit := filepath.Join(dir, "durin.service")
	text := strings.ReplaceAll(read(t, filepath.Join(root, "deploy/systemd/durin.service")), "/usr/bin/durin", "/bin/true")
	if err := os.MkdirAll(unit+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{unit: text, filepath.Join(unit+".d", "override.conf"): block} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "override.conf") {
			t.Error(line)
		}
	}
}

// backupTells: the lines are what durin backup says of such databases.
func backupTells(t *testing.T, block string) {
	var want strings.Builder
	for _, url := range []string{"postgres://durin@db/durin", "mysql://durin@db/durin"} {
		target, err := database.Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		command, _ := backup.Native(target, "FILE")
		want.WriteString(command + "\n")
	}
	if block != want.String() {
		t.Errorf("durin backup tells:\n%s\nthe page has:\n%s", want.String(), block)
	}
}
