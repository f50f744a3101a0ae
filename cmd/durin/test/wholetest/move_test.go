package wholetest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// neighbours is a dump of the tables of knox, authtoken and drf-multitokenauth,
// and what its users know.
type neighbours struct {
	dump   string
	people []person
}

type person struct {
	Username, Password string
	Active             bool
	DRF, Multitoken    []string
	Knox               []struct {
		Token   string
		Expires *int // days from the dump; null is never
	}
}

func readNeighbours(t *testing.T) neighbours {
	t.Helper()
	dump, err := filepath.Abs("../../../../importer/testdata/dump-knox-drf-multitoken.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(strings.TrimSuffix(dump, ".json") + ".credentials.json")
	n := neighbours{dump: dump}
	if err != nil || json.Unmarshal(text, &n.people) != nil {
		t.Fatal(err)
	}
	return n
}

// A bearer is a token with what a check must say of it.
type bearer struct {
	user, token, library string
	status               int
	words                string
}

func (n neighbours) bearers() []bearer {
	var all []bearer
	for _, p := range n.people {
		add := func(library, token string, expired bool) {
			b := bearer{p.Username, token, library, 200, ""}
			switch {
			case expired:
				b.status, b.words = 401, "The given token has expired."
			case !p.Active:
				b.status, b.words = 401, "User inactive or deleted."
			}
			all = append(all, b)
		}
		for _, token := range p.DRF {
			add("drf", token, false)
		}
		for _, token := range p.Multitoken {
			add("multitoken", token, false)
		}
		for _, k := range p.Knox {
			add("knox", k.Token, k.Expires != nil && *k.Expires < 0)
		}
	}
	return all
}

func (s *server) check(b bearer) {
	s.T.Helper()
	a := s.Do("GET", "/api/auth/sessions/", b.token, nil)
	if a.StatusCode != b.status || !strings.Contains(a.Text, b.words) {
		s.T.Errorf("a token of %s for %s: %s %s, want %d %s", b.user, b.library, a.Status, a.Text, b.status, b.words)
	}
}

// Everybody stays logged in, whatever library the token is of, before and after
// its first use here, and everybody's password is right.
func TestNeighboursMoveIn(t *testing.T) {
	n, dir := readNeighbours(t), t.TempDir()
	out := run(t, dir, "", "import", "django", n.dump, "--client-for", "knox=mobile")
	for _, line := range []string{
		"auth.user 14 14 0 0 0", "authtoken.token 14 14 0 0 0", "drf_multitokenauth.multitoken 9 9 0 0 0", "knox.authtoken 23 23 0 0 0",
		`The tokens of knox go to a new client "mobile": policy evict with at most 1000 tokens a user, life time never.`,
		"14 users came with a password of the kind pbkdf2_sha256.",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), line) {
			t.Errorf("the report does not tell %q:\n%s", line, out)
		}
	}
	run(t, dir, "", "client", "create", "web")
	s := start(t, dir, "--compat", "knox=mobile,drf,multitoken", "--compat-path", "drf=/api-token-auth", "--login-user")
	for use := range 3 {
		for _, b := range n.bearers() {
			s.check(b)
		}
		if use == 0 {
			before := state(t, dir)
			if out := run(t, dir, "", "import", "django", n.dump, "--client-for", "knox=mobile", "--json"); strings.Contains(out, `"taken": 1`) || strings.Contains(out, `"taken": 2`) {
				t.Errorf("the second import took something:\n%s", out)
			}
			if state(t, dir) != before {
				t.Error("the second import changed something")
			}
		}
	}
	if got := strings.Fields(run(t, dir, "", "user", "list", "--hash-kind")); !slices.Equal(got, []string{"hash", "users", "pbkdf2_sha256", "14"}) {
		t.Errorf("hashes before anybody logs in: %q", got)
	}
	active := 0
	for _, p := range n.people {
		want := 400
		if p.Active {
			want = 200
			active++
		}
		form := url.Values{"username": {p.Username}, "password": {p.Password}, "client": {"web"}}
		s.Do("POST", "/api/auth/login/", "", form).Want(t, "the password of "+p.Username, want)
	}
	want := []string{"hash", "users", "argon2id", fmt.Sprint(active), "pbkdf2_sha256", fmt.Sprint(14 - active)}
	if got := strings.Fields(run(t, dir, "", "user", "list", "--hash-kind")); !slices.Equal(got, want) {
		t.Errorf("hashes after all have logged in: %q", got)
	}
	if left := run(t, dir, "", "user", "list", "--hash-kind=pbkdf2_sha256"); strings.Count(left, "sample") != 14-active {
		t.Errorf("users of the old kind:\n%s", left)
	}
	s.oldFrontEnds(n.people[0])
	s.Stop()
	n.leaks(t, dir, s)
}

// oldFrontEnds log in as they did with the libraries that they were made for.
func (s *server) oldFrontEnds(p person) {
	s.T.Helper()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.Username+":"+p.Password))
	form := url.Values{"username": {p.Username}, "password": {p.Password}, "token_name": {"my laptop"}}
	for _, c := range []struct {
		path, client string
		form         url.Values
		headers      []string
		user         bool
	}{
		{"/api/auth/knox/login/", "mobile", nil, []string{"Authorization", basic}, true},
		{"/api-token-auth/", "drf", form, nil, false},
		{"/api/auth/multitoken/login", "multitoken", form, nil, false},
	} {
		a := s.Do("POST", c.path, "", c.form, c.headers...)
		var in struct {
			Token string
			User  *struct{ Username string }
		}
		if err := json.Unmarshal([]byte(a.Text), &in); err != nil || a.StatusCode != 200 || (in.User != nil) != c.user {
			s.T.Fatalf("%s: %s %s", c.path, a.Status, a.Text)
		}
		a = s.Do("GET", "/api/auth/sessions/", in.Token, nil)
		if !strings.Contains(a.Text, `"client":"`+c.client+`"`) {
			s.T.Errorf("%s: no session of %s: %s", c.path, c.client, a.Text)
		}
	}
}

// state is what a database holds for people to see, uses aside.
func state(t *testing.T, dir string) string {
	t.Helper()
	var sessions []map[string]any
	if err := json.Unmarshal([]byte(run(t, dir, "", "token", "list", "--json")), &sessions); err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		delete(s, "last_used")
	}
	text, _ := json.Marshal(sessions)
	var clients []map[string]any
	if err := json.Unmarshal([]byte(run(t, dir, "", "client", "list", "--json")), &clients); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		delete(c, "created") // of one that an import makes
	}
	more, _ := json.Marshal(clients)
	return string(text) + string(more) + run(t, dir, "", "user", "list", "--json")
}

// leaks looks for what nobody may write down.
func (n neighbours) leaks(t *testing.T, dir string, s *server) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "durin.db*"))
	texts := map[string]string{"the log": s.Log() + s.Out()}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for where, text := range texts {
		for _, b := range n.bearers() {
			if strings.Contains(text, b.token) {
				t.Errorf("a token of %s for %s is in %s", b.user, b.library, where)
			}
		}
	}
}

// The same sessions work at each station of a move from engine to engine: some
// are used at each, others at the last only.
func TestMoveFromEngineToEngine(t *testing.T) {
	n, dir := readNeighbours(t), t.TempDir()
	stations := []servers.Database{servers.PostgreSQL(t), servers.MySQL(t), {URL: filepath.Join(t.TempDir(), "durin.db")}}
	run(t, dir, "", "import", "django", n.dump)
	run(t, dir, "", "client", "create", "web")
	var native bearer
	key := filepath.Join(dir, "durin.key")
	s := start(t, dir)
	form := url.Values{"username": {n.people[0].Username}, "password": {n.people[0].Password}, "client": {"web"}}
	login := func() string {
		var in struct{ Token string }
		a := s.Do("POST", "/api/auth/login/", "", form)
		if err := json.Unmarshal([]byte(a.Text), &in); err != nil || in.Token == "" {
			t.Fatalf("%s %s", a.Status, a.Text)
		}
		return in.Token
	}
	native = bearer{n.people[0].Username, login(), "durin", 200, ""}
	all, ended := n.bearers(), bearer{}
	s.Stop()
	before := state(t, dir)
	for i, station := range stations {
		file := filepath.Join(t.TempDir(), "export.jsonl")
		run(t, dir, "", "export", file)
		n.leaks(t, filepath.Dir(file), s)
		if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), native.token) {
			t.Errorf("the export has a token in clear (%v)", err)
		}
		dir = t.TempDir()
		config := fmt.Sprintf("db = %q\nkey-file = %q\n", station.URL, key)
		if err := os.WriteFile(filepath.Join(dir, "durin.toml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("DURIN_CONFIG", filepath.Join(dir, "durin.toml"))
		run(t, dir, "", "migrate")
		run(t, dir, "", "import", "durin", file)
		if got := state(t, dir); got != before {
			t.Errorf("station %d: got\n%s, want\n%s", i, got, before)
		}
		if out := run(t, dir, "", "import", "durin", file, "--json"); strings.Contains(out, `"taken": 1`) {
			t.Errorf("station %d: the second import took something:\n%s", i, out)
		}
		s = start(t, dir)
		s.check(native)
		if again := login(); again != native.token {
			t.Errorf("station %d: the policy reuse gives another token", i)
		}
		for j, b := range all {
			if j%(len(stations)+1) <= i { // more at each station
				s.check(b)
			}
		}
		if i == 0 {
			ended = bearer{all[0].user, all[0].token, all[0].library, 401, "Invalid token."}
			s.Do("POST", "/api/auth/logout/", ended.token, nil).Want(t, "log out", 204)
			all = all[1:]
		} else {
			s.check(ended)
		}
		s.Stop()
		before = state(t, dir)
	}
	// The dump once more, at the last station: what ended stays ended.
	run(t, dir, "", "import", "django", n.dump)
	if got := state(t, dir); got != before {
		t.Errorf("the dump at the last station: got\n%s, want\n%s", got, before)
	}
	s = start(t, dir)
	for _, b := range append(all, ended, native) {
		s.check(b)
	}
}

// An import that is killed goes on where it stopped, and ends as one that was
// not.
func TestImportIsKilled(t *testing.T) {
	const users = 800
	var b bytes.Buffer
	b.WriteString(`[{"model":"durin.client","pk":1,"fields":{"name":"web","token_ttl":"14 00:00:00","throttle_rate":""}}`)
	for i := 1; i <= users; i++ {
		fmt.Fprintf(&b, `,{"model":"auth.user","pk":%d,"fields":{"password":"!","username":"user%d","is_active":true,"date_joined":"2025-01-01T00:00:00Z"}}`, i, i)
	}
	for i := 1; i <= users; i++ {
		fmt.Fprintf(&b, `,{"model":"durin.authtoken","pk":%d,"fields":{"token":"%064x","user":%d,"client":1,"created":"2026-11-01T00:00:00Z","expiry":"2090-01-01T00:00:00Z"}}`, i, i, i)
	}
	b.WriteString("]")
	dump := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(dump, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, dir := t.TempDir(), t.TempDir()
	run(t, whole, "", "import", "django", dump)
	run(t, dir, "", "migrate")
	killed := 0
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		cmd := exec.Command("durin", "import", "django", dump, "--lenient")
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wait) // how far it comes is a matter of chance: any place is right
		_ = cmd.Process.Signal(syscall.SIGKILL)
		if cmd.Wait() == nil {
			break
		}
		killed++
	}
	if killed == 0 {
		t.Error("the import was faster than any kill")
	}
	run(t, dir, "", "import", "django", dump)
	if got, want := state(t, dir), state(t, whole); got != want {
		t.Errorf("after %d kills the database is another one", killed)
	}
}
