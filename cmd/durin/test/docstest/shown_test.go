package docstest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
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
		if preparing.MatchString(block) {
			return // TestPrepared
		}
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

// preparing begins blocks of what an administrator types before there is a database.
var preparing = regexp.MustCompile("^(CREATE (ROLE|DATABASE)|GRANT) ")

// TestPrepared types what the page says for a database server: the program then works
// there as that user, and without it does not.
func TestPrepared(t *testing.T) {
	var blocks []string
	for _, m := range fence.FindAllStringSubmatch(pageNamed(t, "docs/install.md").text, -1) {
		if m[1] == "sql" {
			blocks = append(blocks, m[2])
		}
	}
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of SQL, want the owner's and the schema's of PostgreSQL, and MariaDB's", len(blocks))
	}
	name := fmt.Sprintf("durin_prepared_%d", os.Getpid())
	type step struct{ block, in string } // in: the database of the administrator's connection; empty: the first one
	for what, c := range map[string]struct {
		server servers.Database
		steps  []step
		undo   []string
	}{
		"PostgreSQL":           {servers.PostgreSQL(t), []step{{blocks[0], ""}}, []string{"DROP DATABASE IF EXISTS durin", "DROP ROLE IF EXISTS durin"}},
		"PostgreSQL, a schema": {servers.PostgreSQL(t), []step{{"CREATE DATABASE durin; CREATE ROLE durin LOGIN PASSWORD 'WORD';", ""}, {blocks[1], name}}, []string{"DROP DATABASE IF EXISTS durin", "DROP ROLE IF EXISTS durin"}},
		"MariaDB":              {servers.MySQL(t), []step{{blocks[2], ""}}, []string{"DROP DATABASE IF EXISTS durin", "DROP USER IF EXISTS durin@'%'"}},
	} {
		t.Run(what, func(t *testing.T) {
			admin := c.server.Open(t)
			ours := func(text string) string { return regexp.MustCompile(`\bdurin\b`).ReplaceAllString(text, name) }
			type execer interface {
				ExecContext(context.Context, string, ...any) (sql.Result, error)
			}
			do := func(db execer, text string) {
				t.Helper()
				for _, statement := range strings.Split(text, ";") {
					if statement = strings.TrimSpace(statement); statement != "" {
						if _, err := db.ExecContext(context.WithoutCancel(t.Context()), ours(statement)); err != nil {
							t.Fatalf("%s: %v", statement, err)
						}
					}
				}
			}
			t.Cleanup(func() { do(admin, strings.Join(c.undo, ";")) })
			user := inDatabase(t, c.server.URL, name, url.UserPassword(name, "WORD"))
			at := newPlace(t)
			at.Env = append(at.Env, "DURIN_DB="+user)
			for _, s := range c.steps {
				if s.in == "" {
					do(admin, s.block)
					continue
				}
				if _, said, _ := at.TryRun("", "migrate"); !strings.Contains(said, "permission denied for schema public") || !strings.Contains(said, "GRANT USAGE, CREATE ON SCHEMA public TO ") {
					t.Errorf("without the right: %s", said)
				}
				inside, err := sql.Open(c.server.Driver, inDatabase(t, c.server.URL, s.in, nil))
				if err != nil {
					t.Fatal(err)
				}
				do(inside, s.block)
				if err := inside.Close(); err != nil {
					t.Fatal(err)
				}
			}
			at.durin(t, "", "migrate")
			at.durin(t, "", "client", "create", "web")
		})
	}
}

// inDatabase is a server's URL for another of its databases, and, unless it is nil,
// another user.
func inDatabase(t *testing.T, server, name string, user *url.Userinfo) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	if u.Path = "/" + name; user != nil {
		u.User = user
	}
	return u.String()
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) == 64 {
			return line
		}
	}
	return text
}
