package wholetest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// A hunt knows the secrets of a run and the places where none of them may be.
type hunt struct {
	*server
	secrets map[string][]byte // by what they are
	places  map[string][]byte // by name
}

// secret remembers one, and returns it.
func (h *hunt) secret(what, text string) string {
	h.T.Helper()
	if len(text) < 12 {
		h.T.Fatalf("%s is too short to be found: %q", what, text)
	}
	h.secrets[what] = []byte(text)
	if raw, err := hex.DecodeString(text); err == nil {
		h.secrets[what+", as bytes"] = raw
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == 32 {
		h.secrets[what+", as bytes"] = raw
	}
	return text
}

// place adds to what is searched.
func (h *hunt) place(name string, text []byte) {
	h.places[name] = append(append(h.places[name], '\n'), text...)
}

// forms are how a secret may be written: clear, hexadecimal, base64 at any place
// of a longer text, escaped for a URL, a form or JSON.
func forms(secret []byte) map[string][]byte {
	quoted, _ := json.Marshal(string(secret))
	all := map[string][]byte{
		"clear": secret, "hex": []byte(hex.EncodeToString(secret)), "HEX": []byte(strings.ToUpper(hex.EncodeToString(secret))),
		"path": []byte(url.PathEscape(string(secret))), "form": []byte(url.QueryEscape(string(secret))), "JSON": bytes.Trim(quoted, `"`),
	}
	for shift := range 3 { // the first and last characters depend on what is beside
		for name, code := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := code.EncodeToString(append(make([]byte, shift), secret...))
			text = text[(shift*8+5)/6:]
			all[fmt.Sprint(name, shift)] = []byte(text[:len(text)-1])
		}
	}
	return all
}

// found tells each secret that a text bears, and in which form.
func (h *hunt) found(text []byte) []string {
	var all []string
	for what, secret := range h.secrets {
		for form, written := range forms(secret) {
			if bytes.Contains(text, written) {
				all = append(all, what+", "+form)
			}
		}
	}
	return all
}

// tool runs the program, and searches what it tells unless it is asked to show
// a secret.
func (h *hunt) tool(shows bool, stdin string, args ...string) string {
	h.T.Helper()
	out, errs, err := h.TryRun(stdin, args...)
	if err != nil {
		h.T.Fatalf("durin %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	h.place("standard error of commands", []byte(errs))
	if !shows {
		h.place("durin "+args[0]+" "+args[1], []byte(out))
	}
	return strings.TrimSpace(out)
}

// ask sends a request that must be answered with one of statuses.
func (h *hunt) ask(method, path, token string, form url.Values, statuses []int, headers ...string) answer {
	h.T.Helper()
	a := h.Do(method, path, token, form, headers...)
	for _, status := range statuses {
		if a.StatusCode == status {
			return a
		}
	}
	h.T.Errorf("%s %s: %s %s", method, path, a.Status, a.Text)
	return a
}

// cookie is that of an answer, remembered as a secret, as a header.
func (h *hunt) cookie(what string, a answer) string {
	h.T.Helper()
	for _, c := range a.Cookies() {
		if strings.HasPrefix(c.Name, "__Host-durin") && c.Value != "" && c.MaxAge >= 0 {
			return c.Name + "=" + h.secret(what, c.Value)
		}
	}
	h.T.Fatalf("%s: no cookie: %v %s", what, a.Header, a.Text)
	return ""
}

var (
	ok      = []int{200, 201, 204}
	refusal = []int{400, 401, 403}
	onward  = []int{200, 302, 303}
)

// uses are the features, in the order in which they are used. What is new in the
// program is a line here.
var uses = []struct {
	name string
	do   func(h *hunt)
}{
	{"users", func(h *hunt) {
		for _, name := range []string{"ada", "bea", "eve"} {
			args := []string{"user", "create", name, "--password-stdin"}
			if name == "ada" {
				args = append(args, "--admin")
			}
			h.tool(false, h.secret("password of "+name, "Sesam open/"+name+"+1 %ü"), args...)
		}
		h.tool(false, h.secret("a second password of eve", "another Sesam&for=eve"), "user", "update", "eve", "--password-stdin")
	}},
	{"clients", func(h *hunt) {
		for _, args := range [][]string{{"web"}, {"once", "--policy", "replace"}, {"many", "--policy", "evict", "--max-tokens", "2"}, {"browser", "--cookie"}, {"key", "--ttl", "never"}} {
			h.tool(false, "", append([]string{"client", "create"}, args...)...)
		}
	}},
	{"logins", func(h *hunt) {
		pass := string(h.secrets["password of ada"])
		for i, client := range []string{"web", "once", "many"} {
			a := h.ask("POST", "/api/auth/login/", "", url.Values{"username": {"ada"}, "password": {pass}, "client": {client}, "device": {"laptop"}}, ok)
			token := h.secret("token of "+client, a.Token())
			h.ask("GET", "/api/auth/sessions/", token, nil, ok)
			h.ask("POST", "/api/auth/refresh/", token, nil, ok)
			h.ask("GET", "/api/auth/", token, nil, ok)
			h.ask("GET", "/api/auth/verify?allow=web,once,many", token, nil, ok, "X-Forwarded-Uri", fmt.Sprint("/page?", i))
			if client == "once" {
				h.ask("POST", "/api/auth/logout/", token, nil, ok)
				h.ask("GET", "/api/auth/", token, nil, refusal)
			}
		}
	}},
	{"what goes wrong", func(h *hunt) {
		token, pass := string(h.secrets["token of web"]), string(h.secrets["password of ada"])
		wrong := h.secret("a wrong password", "not the Sesam at all")
		h.ask("POST", "/api/auth/login/", "", url.Values{"username": {"ada"}, "password": {wrong}, "client": {"web"}}, refusal)
		h.ask("POST", "/api/auth/login/", "", url.Values{"username": {"ada"}, "password": {pass}, "client": {"none"}}, refusal)
		h.ask("POST", "/api/auth/login/?password="+url.QueryEscape(pass), "", url.Values{"username": {"ada"}}, refusal)
		h.ask("GET", "/api/auth/sessions/?token="+token, "", nil, refusal)
		h.ask("GET", "/api/auth/sessions/", token+"0", nil, refusal)
		h.ask("GET", "/api/auth/sessions/", token[:60]+" "+token[60:], nil, refusal)
		h.ask("GET", "/nothing?token="+token, token, nil, []int{404})
		h.ask("GET", "/api/auth/verify?allow=other", token, nil, refusal, "X-Forwarded-Uri", "/?token="+token)
		h.ask("POST", "/api/auth/login/", "", nil, []int{400, 415}, "Content-Type", "application/json")
	}},
	{"API keys", func(h *hunt) {
		token := string(h.secrets["token of web"])
		a := h.ask("POST", "/api/auth/apiaccess/", token, nil, ok)
		h.secret("an API key", a.Token())
		h.ask("GET", "/api/auth/apiaccess/", token, nil, ok)
		h.ask("GET", "/api/auth/", string(h.secrets["an API key"]), nil, ok)
	}},
	{"resource servers", func(h *hunt) {
		out := h.tool(true, "", "resource", "create", "billing")
		secret := h.secret("secret of a resource server", regexp.MustCompile(`\S{40,}`).FindString(out))
		for _, path := range []string{"introspect", "revoke"} {
			token := h.secret("token for "+path, h.tool(true, "", "token", "create", "bea", "many"))
			token = regexp.MustCompile(`[0-9a-f]{64}`).FindString(token)
			h.secret("token for "+path, token)
			h.ask("POST", "/api/auth/"+path, "", url.Values{"token": {token}}, ok, "Authorization", "Bearer "+secret)
			h.ask("POST", "/api/auth/"+path, "", url.Values{"token": {token}}, refusal, "Authorization", "Bearer "+token)
		}
	}},
	{"cookies", func(h *hunt) {
		a := h.ask("POST", "/api/auth/login/", "", url.Values{"username": {"bea"}, "password": {string(h.secrets["password of bea"])}, "client": {"browser"}}, ok)
		cookie := h.cookie("a cookie", a)
		h.ask("GET", "/api/auth/sessions/", "", nil, ok, "Cookie", cookie)
		h.ask("POST", "/api/auth/logoutall/", "", nil, refusal, "Cookie", cookie, "Sec-Fetch-Site", "cross-site")
	}},
	{"pages of the account", func(h *hunt) {
		pass := string(h.secrets["password of bea"])
		h.ask("POST", "/account/sign-in", "", url.Values{"name": {"bea"}, "password": {"wrong"}}, []int{422})
		cookie := h.cookie("a cookie of the account", h.ask("POST", "/account/sign-in", "", url.Values{"name": {"bea"}, "password": {pass}}, onward))
		h.ask("GET", "/account/", "", nil, ok, "Cookie", cookie)
		next := h.secret("a new password of bea", "brand new Sesam=bea")
		h.ask("POST", "/account/password", "", url.Values{"current": {pass}, "password": {next}, "repeat": {next}}, onward, "Cookie", cookie)
	}},
	{"pages of the administrator", func(h *hunt) {
		cookie := h.cookie("a cookie of the administrator", h.ask("POST", "/admin/sign-in", "", url.Values{"name": {"ada"}, "password": {string(h.secrets["password of ada"])}}, onward))
		for _, page := range []string{"", "clients", "tokens", "tokens/1", "users", "users/1"} {
			h.place("pages", []byte(h.ask("GET", "/admin/"+page, "", nil, ok, "Cookie", cookie).Text))
		}
		pass := h.secret("password of one made by the administrator", "Sesam for+new user")
		h.ask("POST", "/admin/users/new", "", url.Values{"name": {"new"}, "password": {pass}, "active": {"on"}}, []int{200, 302, 303, 422}, "Cookie", cookie)
	}},
	{"an import", func(h *hunt) {
		token := h.secret("an imported token", strings.Repeat("5eca", 16))
		pass := h.secret("an imported password", "pbkdf2 Sesam imported")
		_ = pass // its hash is another's: it must be nowhere
		dump := `[{"model":"auth.user","pk":90,"fields":{"username":"old","password":"!","is_active":true,"date_joined":"2020-01-01T00:00:00Z"}},` +
			`{"model":"durin.client","pk":90,"fields":{"name":"old","token_ttl":"14 00:00:00","throttle_rate":""}},` +
			`{"model":"durin.authtoken","pk":90,"fields":{"token":"` + token + `","user":90,"client":90,"created":"2020-01-01T00:00:00Z","expiry":"2099-01-01T00:00:00Z"}},` +
			`{"model":"durin.authtoken","pk":91,"fields":{"token":"` + token + `","user":90,"client":91,"created":"2020-01-01T00:00:00Z","expiry":"2099-01-01T00:00:00Z"}}]`
		h.tool(false, dump, "import", "django", "-", "--lenient")
		h.ask("GET", "/api/auth/", token, nil, ok)
	}},
	{"an export", func(h *hunt) {
		h.tool(false, "", "export", "export.jsonl")
	}},
	{"the audit log", func(h *hunt) {
		h.Eventually("the log has the logins", func() bool { return strings.Contains(h.tool(false, "", "audit", "list", "--json"), "login") })
		h.tool(false, "", "audit", "verify")
		h.tool(false, "", "audit", "export")
	}},
	{"a backup", func(h *hunt) {
		h.tool(false, "", "backup", "backup.db")
	}},
	{"keys", func(h *hunt) {
		h.tool(false, "", "keyring", "show")
		h.tool(false, "", "keyring", "rotate")
		text, err := os.ReadFile(filepath.Join(h.Dir, "durin.key"))
		if err != nil {
			h.T.Fatal(err)
		}
		for i, key := range regexp.MustCompile(`(?m)^durin-key \S+ \S+ (\S+)$`).FindAllSubmatch(text, -1) {
			h.secret(fmt.Sprint("key ", i), string(key[1]))
		}
	}},
	{"looks", func(h *hunt) {
		for _, args := range [][]string{{"token", "list"}, {"client", "list"}, {"user", "list"}, {"user", "show", "ada"}, {"doctor", "--json"}} {
			h.tool(false, "", args...)
		}
		for _, path := range []string{"/readyz", "/healthz", "/openapi.json", "/metrics"} {
			h.place(path, []byte(h.ask("GET", path, "", nil, []int{200, 404}).Text))
		}
	}},
	{"an outage", func(h *hunt) {
		file := filepath.Join(h.Dir, "durin.db")
		rename(h.T, file, file+".away")
		token := string(h.secrets["token of web"])
		h.Eventually("the outage is noticed", func() bool { return h.Do("GET", "/api/auth/", token, nil).StatusCode == 503 })
		h.ask("POST", "/api/auth/login/", "", url.Values{"username": {"ada"}, "password": {string(h.secrets["password of ada"])}, "client": {"web"}}, []int{503})
		rename(h.T, file+".away", file)
		h.Eventually("service returns", func() bool { return h.Do("GET", "/api/auth/", token, nil).StatusCode == 200 })
	}},
}

// TestNoSecretGetsOut uses every feature, with all that can be logged, and
// searches everything that is written for every token, password and key. Then it
// plants each of them, in each form and each place, and must find it.
func TestNoSecretGetsOut(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GOTRACEBACK", "all")
	t.Setenv("DURIN_LOG_LEVEL", "debug")
	run(t, dir, "", "migrate")
	s := start(t, dir, "--demo", "--access-log", "--api-access-client", "key", "--api-access-show-token", "--login-user", "--login-limit", "off")
	s.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h := &hunt{server: s, secrets: map[string][]byte{}, places: map[string][]byte{}}
	for _, use := range uses {
		use.do(h)
		if t.Failed() {
			t.Fatalf("%s does not work\n%s", use.name, s.Log())
		}
	}
	h.files("files, while it runs")
	s.Signal(syscall.SIGQUIT)
	<-s.Done
	h.files("files, after a crash")
	h.place("the log and the dump of all goroutines", []byte(s.Out()+s.Log()))
	if log := s.Log(); !strings.Contains(log, "goroutine ") || !strings.Contains(log, `"msg":"request"`) {
		t.Errorf("the log has no access, or no dump:\n%s", log)
	}
	for place, text := range h.places {
		for _, what := range h.found(text) {
			t.Errorf("%s: %s", place, what)
		}
	}
	h.prove()
	t.Logf("%d secrets in %d forms were looked for in %d places", len(h.secrets), len(forms([]byte("any secret"))), len(h.places))
}

// files adds all files of the run but the keys', which are meant to hold them.
func (h *hunt) files(when string) {
	h.T.Helper()
	err := filepath.WalkDir(h.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".key") {
			return err
		}
		text, err := os.ReadFile(path)
		h.place(when+": "+filepath.Base(path), text)
		return err
	})
	if err != nil {
		h.T.Fatal(err)
	}
}

// prove plants every secret in every form, somewhere in every place.
func (h *hunt) prove() {
	h.T.Helper()
	for what, secret := range h.secrets {
		for form, written := range forms(secret) {
			if all := h.found(append(append([]byte("x="), written...), "&y"...)); len(all) == 0 {
				h.T.Errorf("%s would not be found as %s", what, form)
			}
		}
		for shift := range 3 {
			text := base64.StdEncoding.EncodeToString(append(append(make([]byte, shift), secret...), "more"...))
			if len(h.found([]byte(text))) == 0 {
				h.T.Errorf("%s would not be found in base64 behind %d bytes", what, shift)
			}
		}
	}
	token := h.secrets["token of web"]
	for place, text := range h.places {
		half := len(text) / 2
		if len(h.found(bytes.Join([][]byte{text[:half], token, text[half:]}, nil))) == 0 {
			h.T.Errorf("a token planted in %s would not be found", place)
		}
	}
}
