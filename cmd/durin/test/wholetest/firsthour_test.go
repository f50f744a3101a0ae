package wholetest

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
)

// logged are the lines of a log in JSON; a line of another kind is a fault.
func logged(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("no JSON among the log's lines: %q", line)
		}
		all = append(all, one)
	}
	return all
}

// TestNothingIsMadeBeforeItCanServe: a server that cannot serve, because of its
// address, certificate or settings, leaves no database and no key behind. The last
// line of its log says why, and blames what is wrong.
func TestNothingIsMadeBeforeItCanServe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for want, args := range map[string][]string{
		"durin health tells whether":                            {"--addr", taken.Addr().String()},
		"addr: cannot listen on nosuch.invalid:80":              {"--addr", "nosuch.invalid:80"},
		"ops-addr: cannot listen on nosuch.invalid:80":          {"--addr", "127.0.0.1:0", "--ops-addr", "nosuch.invalid:80"},
		"tls-cert and tls-key: open nosuch.pem":                 {"--tls-cert", "nosuch.pem", "--tls-key", "nosuch.key"},
		"--token-ttl":                                           {"--token-ttl", "0"},
		"unknown flag: --nosuch":                                {"--nosuch"},
		"mount: the pages are at /admin/":                       {"--mount", "/admin"},
		"compat-path: the pages are at /account/":               {"--compat", "knox=web", "--compat-path", "knox=/account/knox"},
		"compat: durin-admin is the client of the pages":        {"--compat", "knox=durin-admin"},
		"api-access-client: browser is the client of the pages": {"--api-access-client", "browser"},
		"pid-file: stat " + filepath.Join("nosuch", "x")[:6]:    {"--pid-file", "nosuch/x"},
		"addr-file: stat " + filepath.Join("nosuch", "x")[:6]:   {"--addr-file", "nosuch/x"},
	} {
		dir := t.TempDir()
		out, told, err := in(t, dir).TryRun("", append([]string{"serve", "--log-format", "json"}, args...)...)
		lines := logged(t, told)
		if err == nil || out != "" || len(lines) == 0 {
			t.Errorf("%v: %v: %s%s", args, err, out, told)
			continue
		}
		last := lines[len(lines)-1]
		reason, _ := last["error"].(string)
		if last["level"] != "ERROR" || last["version"] == "" || last["version"] == nil || !strings.Contains(reason, want) || strings.Contains(reason, "database") {
			t.Errorf("%v: %v, want %q", args, last, want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v: %v is left behind", args, left)
		}
	}
}

// TestFirstSteps types what the first start says, whatever says where the database
// is; in JSON it is one line of the log.
func TestFirstSteps(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, dir string) []string{
		"nothing set": func(*testing.T, string) []string { return nil },
		"a flag":      func(*testing.T, string) []string { return []string{"--db", "it's here.db"} },
		"the environment": func(t *testing.T, dir string) []string {
			t.Setenv("DURIN_DB", filepath.Join(dir, "elsewhere.db"))
			return nil
		},
		"a file": func(t *testing.T, dir string) []string {
			file := filepath.Join(dir, "my durin.toml")
			if err := os.WriteFile(file, []byte("db = \"other.db\"\nkey-file = \"other.key\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"--config", file}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := start(t, dir, set(t, dir)...)
			t.Setenv("DURIN_DB", "")
			var next []any
			s.Eventually("the hint", func() bool {
				for _, line := range logged(t, s.Log()) {
					if line["msg"] == "nobody can log in yet" {
						next, _ = line["next"].([]any)
					}
					if line["msg"] == "durin is ready" && line["version"] == nil {
						t.Error("ready tells no version")
					}
				}
				return next != nil
			})
			if s.Out() != "" || len(next) != 3 {
				t.Fatalf("%q, and on standard output: %s", next, s.Out())
			}
			for _, line := range next[:2] {
				command := line.(string)
				if strings.Contains(command, "user create") {
					command = "echo '" + password + "' | " + command + " --password-stdin"
				}
				shell(t, dir, command)
			}
			shell(t, dir, strings.Replace(strings.Replace(next[2].(string), "YOURS", "'"+password+"'", 1), "curl", "curl -sf", 1))
			if !strings.Contains(next[1].(string), "--admin") {
				t.Errorf("%s makes no administrator", next[1])
			}
			s.Stop()
		})
	}
}

// TestFrontDoor: a browser is led to the pages; programs get an answer in JSON.
func TestFrontDoor(t *testing.T) {
	s := start(t, prepared(t))
	ask := func(accept string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer
	}
	if a := ask("text/html,application/xhtml+xml,*/*;q=0.8"); a.StatusCode != 303 || a.Header.Get("Location") != "/account/" {
		t.Errorf("a browser: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	if a := ask("*/*"); a.StatusCode != 404 || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a program: %d, %q", a.StatusCode, a.Header.Get("Content-Type"))
	}
}

// TestOutputIsClean: what strangers or names bring along steers no terminal, in no
// command that writes JSON, and says the same.
func TestOutputIsClean(t *testing.T) {
	dir := prepared(t)
	const odd = "\u009b31m red \u202e\u2066 \u200f end"
	run(t, dir, "", "client", "create", "odd", "--description", odd)
	for _, args := range [][]string{{"audit", "export"}, {"audit", "list", "--json"}, {"client", "list", "--json"}, {"export", "-"}} {
		out := run(t, dir, "", args...)
		if strings.ContainsAny(out, "\u009b\u202e\u2066\u200f") {
			t.Errorf("%v: %q", args, out)
		}
		var text strings.Builder
		for d := json.NewDecoder(strings.NewReader(out)); ; {
			var v any
			if d.Decode(&v) != nil {
				break
			}
			again, _ := json.Marshal(v)
			text.Write(again)
		}
		if plain, _ := json.Marshal(odd); !strings.Contains(text.String(), strings.Trim(string(plain), `"`)) {
			t.Errorf("%v does not say what was written: %s", args, out)
		}
	}
	s := start(t, dir)
	for range 12 {
		s.Do("POST", "/api/auth/login/", "", url.Values{"username": {"ada" + odd}, "password": {"wrong"}, "client": {"web"}})
	}
	out := run(t, dir, "", "limits", "--json", "--url", "http://"+s.Addr)
	var held struct{ Held []struct{ Account string } }
	if err := json.Unmarshal([]byte(out), &held); err != nil || len(held.Held) == 0 || held.Held[0].Account != "ada"+odd || strings.ContainsAny(out, "\u009b\u202e\u2066\u200f") {
		t.Errorf("limits: %v: %q", err, out)
	}
	if strings.ContainsAny(s.Log(), "\u009b\u202e\u2066\u200f") {
		t.Errorf("the log: %q", s.Log())
	}
}

// TestTooFewRights: on PostgreSQL 15 and later a user may not make tables in the schema
// public, and on MariaDB in no database, until somebody says so. What the program
// says is to be typed mends that.
func TestTooFewRights(t *testing.T) {
	const owner = "durin_fewrights"
	for name, c := range map[string]struct {
		open         func(testing.TB) servers.Database
		make, unmake []string
		dialect      sqlstore.Dialect
	}{
		"postgres": {servers.PostgreSQL, []string{"CREATE ROLE " + owner + " LOGIN PASSWORD 'a word'"}, []string{"DROP OWNED BY " + owner, "DROP ROLE " + owner}, sqlstore.PostgreSQL},
		"mysql":    {servers.MySQL, []string{"CREATE USER " + owner + "@'%' IDENTIFIED BY 'a word'"}, []string{"DROP USER " + owner + "@'%'"}, sqlstore.MySQL},
	} {
		t.Run(name, func(t *testing.T) {
			d := c.open(t)
			db := d.Open(t)
			for _, text := range c.unmake { // of a run that was cut off
				_, _ = db.Exec(text)
			}
			for _, text := range c.make {
				if _, err := db.Exec(text); err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(func() {
				for _, text := range c.unmake {
					if _, err := db.Exec(text); err != nil {
						t.Error(err)
					}
				}
			})
			t.Setenv("DURIN_DB", as(t, d.URL, owner, "a word"))
			dir := t.TempDir()
			_, told, err := in(t, dir).TryRun("", "migrate")
			i := strings.Index(told, "GRANT ")
			if err == nil || i < 0 || strings.Contains(told, "a word") {
				t.Fatalf("%v: %s", err, told)
			}
			grant, _, _ := strings.Cut(told[i:], ";")
			if _, err := db.Exec(grant); err != nil {
				t.Fatalf("%s: %v", grant, err)
			}
			if out := run(t, dir, "", "migrate"); !strings.Contains(out, "Applied 0001_") {
				t.Errorf("with the right: %s", out)
			}
			if out := run(t, dir, "", "doctor"); strings.Contains(out, "FAULT") {
				t.Errorf("doctor: %s", out)
			}
		})
	}
}

// as is the URL of a database for another user.
func as(t *testing.T, text, user, pw string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, pw)
	return u.String()
}
