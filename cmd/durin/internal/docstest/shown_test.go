package docstest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/servers"
)

func itoa(n int) string { return strconv.Itoa(n) }

// send writes to the server's socket and returns all that comes.
func (p *place) send(t *testing.T, message string) string {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, message); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// durin runs the program, with a line as its input.
func (p *place) durin(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.Program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = p.Dir, p.Env, strings.NewReader(input+"\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("durin %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// each calls try with the blocks of a language on all pages, of which there is one
// at least.
func each(t *testing.T, language string, try func(t *testing.T, block string)) {
	t.Helper()
	count := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks(language) {
			count++
			t.Run(p.name, func(t *testing.T) { try(t, b.text) })
		}
	}
	if count == 0 {
		t.Errorf("no page has a block in %s", language)
	}
}

// browser makes of Node what the example expects of a page of the API's origin: a
// location, addresses without a host, and a jar for cookies. The module is found by
// its name.
const browser = `
const base = 'http://%s/'
globalThis.location = new URL(base)
const name = 'ada', password = 'open-sesame-7'
globalThis.Request = class extends Request {
  constructor(input, init) { super(typeof input === 'string' ? new URL(input, base) : input, init) }
}
const jar = new Map(), network = globalThis.fetch
const asked = []
globalThis.fetch = async request => {
  asked.push(request.method + ' ' + new URL(request.url).pathname)
  const headers = new Headers(request.headers)
  if (jar.size) headers.set('Cookie', [...jar].map(([k, v]) => k + '=' + v).join('; '))
  const answer = await network(new Request(request, { headers }))
  for (const line of answer.headers.getSetCookie()) {
    const [, key, value] = line.match(/^([^=]+)=([^;]*)/)
    if (value) jar.set(key, value); else jar.delete(key)
  }
  if (!answer.ok) throw new Error(asked.at(-1) + ': ' + answer.status)
  return answer
}
`

// TestJavaScriptRuns runs the examples beside a server that has the client.
func TestJavaScriptRuns(t *testing.T) {
	node := servers.Program(t, "node", "nodejs")
	each(t, "js", func(t *testing.T, block string) {
		at := newPlace(t)
		at.serve()
		at.durin(t, "", "client", "create", "web", "--cookie")
		at.durin(t, "open-sesame-7", "user", "create", "ada", "--password-stdin")
		module, err := filepath.Abs(filepath.Join(root, "js"))
		if err == nil {
			err = os.MkdirAll(at.file("node_modules"), 0o700)
		}
		if err == nil {
			err = os.Symlink(module, at.file("node_modules/durin-client"))
		}
		if err != nil {
			t.Fatal(err)
		}
		example := strings.NewReplacer("'/things'", "'/api/auth/sessions/'", "import { Durin } from 'durin-client'\n", "").Replace(block)
		if example == block {
			t.Fatal("the example imports something else")
		}
		script := "import { Durin } from 'durin-client'\n" + fmt.Sprintf(browser, at.addr) + example +
			"if (jar.size || asked.length < 3) throw new Error('not signed out: ' + asked)\nconsole.log(asked.join('\\n'))\n"
		if err := os.WriteFile(at.file("example.mjs"), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), node, "example.mjs")
		cmd.Dir, cmd.Env = at.Dir, at.Env
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "POST /api/auth/login/\nGET /api/auth/sessions/\nPOST /api/auth/logout/") {
			t.Errorf("%v\n%s", err, out)
		}
		if list := at.durin(t, "", "token", "list", "--json"); strings.Contains(list, `"id"`) {
			t.Errorf("the session is still there: %s", list)
		}
	})
}

// TestScrapeConfiguration has Prometheus read the configuration.
func TestScrapeConfiguration(t *testing.T) {
	promtool := servers.Program(t, "promtool", "prometheus")
	each(t, "yaml", func(t *testing.T, block string) {
		file := filepath.Join(t.TempDir(), "prometheus.yml")
		if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), promtool, "check", "config", file).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// TestPartitions runs the statements on a database in use: what was there works on,
// and so does what comes after.
func TestPartitions(t *testing.T) {
	each(t, "sql", func(t *testing.T, block string) {
		db := servers.PostgreSQL(t)
		at := newPlace(t)
		at.Env = append(at.Env, "DURIN_DB="+db.URL)
		at.durin(t, "", "migrate")
		at.durin(t, "", "client", "create", "web")
		for _, name := range []string{"ada", "grace"} {
			at.durin(t, "open-sesame-7", "user", "create", name, "--password-stdin")
		}
		before := at.durin(t, "", "token", "create", "ada", "web")
		if _, err := db.Open(t).ExecContext(t.Context(), block); err != nil {
			t.Fatal(err)
		}
		if again := at.durin(t, "", "token", "create", "ada", "web"); firstLine(again) != firstLine(before) {
			t.Errorf("the token is another one:\n%s%s", before, again)
		}
		at.durin(t, "", "token", "create", "grace", "web")
		at.durin(t, "", "token", "revoke", "--user", "ada")
		list := at.durin(t, "", "token", "list", "--json")
		if strings.Contains(list, `"ada"`) || !strings.Contains(list, `"grace"`) {
			t.Errorf("the tokens are %s", list)
		}
	})
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) == 64 {
			return line
		}
	}
	return text
}
