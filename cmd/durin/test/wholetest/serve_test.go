package wholetest

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFreshMachine(t *testing.T) {
	s := start(t, t.TempDir(), "--demo")
	for _, name := range []string{"durin.db", "durin.key"} {
		info, err := os.Stat(filepath.Join(s.Dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
	for _, hint := range []string{"durin client create web", "durin user create ada --admin", "http://" + s.Addr + "/api/auth/login/"} {
		s.Eventually("the hint "+hint, func() bool { return strings.Contains(s.Log(), hint) })
	}
	if users := strings.TrimSpace(run(t, s.Dir, "", "user", "list", "--json")); users != "[]" {
		t.Errorf("there are users that nobody made: %s", users)
	}
	// What the hints say, while it serves.
	run(t, s.Dir, "", "client", "create", "web")
	run(t, s.Dir, password, "user", "create", userName, "--password-stdin")
	token := s.Login("web")
	s.Do("GET", "/api/auth/", token, nil).Want(t, "with the token", 200)
	if again := s.Login("web"); again != token {
		t.Error("the policy reuse gave another token")
	}
	s.Do("POST", "/api/auth/logout/", token, nil).Want(t, "log out", 204)
	s.Do("GET", "/api/auth/", token, nil).Want(t, "after the end", 401)
	s.Stop()
	if strings.Contains(s.Log(), token) || strings.Contains(s.Log(), password) {
		t.Error("a secret is in the log")
	}
	text, err := os.ReadFile(filepath.Join(s.Dir, "durin.db"))
	if err != nil || strings.Contains(string(text), token) || strings.Contains(string(text), password) {
		t.Errorf("a secret is in the database (%v)", err)
	}
	// The second start says less, and works.
	s = start(t, s.Dir)
	s.Login("web")
	s.Stop()
	if s.Out() != "" || strings.Contains(s.Log(), "nobody can log in yet") {
		t.Errorf("hints where nobody needs them: %s%s", s.Out(), s.Log())
	}
}

func TestCommandsAreFelt(t *testing.T) {
	s := start(t, prepared(t), "--demo")
	token := s.Login("web")
	tests := []struct {
		args   []string
		status int
	}{
		{[]string{"user", "update", userName, "--deactivate"}, 401},
		{[]string{"user", "update", userName, "--activate"}, 200},
		{[]string{"client", "update", "web", "--throttle", "0/m"}, 429},
		{[]string{"client", "update", "web", "--throttle", ""}, 200},
		{[]string{"client", "update", "web", "--name", "renamed"}, 200},
		{[]string{"token", "revoke", "--user", userName}, 401},
	}
	for _, test := range tests {
		run(t, s.Dir, "", test.args...)
		s.Eventually(fmt.Sprintf("status %d after %v", test.status, test.args), func() bool {
			return s.Do("GET", "/api/auth/throttled", token, nil).StatusCode == test.status
		})
	}
	issued := strings.TrimSpace(run(t, s.Dir, "", "token", "create", userName, "renamed"))
	s.Do("GET", "/api/auth/", issued, nil).Want(t, "a token from the command line", 200)
	run(t, s.Dir, "", "client", "delete", "renamed", "--yes")
	s.Eventually("the client's tokens are gone", func() bool { return s.Do("GET", "/api/auth/", issued, nil).StatusCode == 401 })
}

func TestDemoRoutes(t *testing.T) {
	s := start(t, prepared(t), "--demo", "--mount", "/api", "--throttle", "2/m")
	run(t, s.Dir, "", "client", "create", "cli")
	web := strings.TrimSpace(run(t, s.Dir, "", "token", "create", userName, "web"))
	cli := strings.TrimSpace(run(t, s.Dir, "", "token", "create", userName, "cli"))
	tests := []struct {
		method, path, token string
		status              int
		body                string
	}{
		{"GET", "/api/", web, 200, `"api root"`},
		{"GET", "/api/cached", web, 200, `"cached api root"`},
		{"HEAD", "/api/cached", web, 200, ""},
		{"GET", "/api/onlywebclient", web, 200, `"OnlyWebClientView"`},
		{"GET", "/api/onlywebclient", cli, 403, `{"detail":"You do not have permission to perform this action."}`},
		{"POST", "/api/onlywebclient", cli, 403, `{"detail":"You do not have permission to perform this action."}`},
		{"POST", "/api/onlywebclient", web, 405, `{"detail":"Method \"POST\" not allowed."}`},
		{"GET", "/api/nowebclient", cli, 200, `"NoWebClientView"`},
		{"GET", "/api/nowebclient", web, 403, `{"detail":"You do not have permission to perform this action."}`},
		{"GET", "/api/throttled", web, 200, `"ThrottledView"`},
		{"OPTIONS", "/api/throttled", web, 200, ""},
		{"POST", "/api/throttled", web, 405, `{"detail":"Method \"POST\" not allowed."}`},
		{"GET", "/api/throttled", web, 429, `{"detail":"Request was throttled. Expected available in 60 seconds."}`},
		{"OPTIONS", "/api/throttled", "", 200, ""},
		{"GET", "/api/throttled", cli, 200, `"ThrottledView"`},
		{"GET", "/api/throttled", "", 401, `{"detail":"Authentication credentials were not provided."}`},
		{"GET", "/api/throttled/", web, 404, `{"detail":"Not found."}`},
		{"GET", "/api/cached/", web, 404, `{"detail":"Not found."}`},
		{"GET", "/api", web, 404, `{"detail":"Not found."}`},
		{"GET", "/", "", 404, `{"detail":"Not found."}`},
		{"GET", "//", "", 404, `{"detail":"Not found."}`},
		{"DELETE", "/api/sessions//999", web, 404, `{"detail":"Not found."}`},
		{"GET", "/api/../api/", web, 404, `{"detail":"Not found."}`},
	}
	for _, test := range tests {
		a := s.Do(test.method, test.path, test.token, nil)
		what := test.method + " " + test.path
		a.Want(t, what, test.status)
		if test.body != "" && strings.Replace(a.Text, "59 seconds", "60 seconds", 1) != test.body {
			t.Errorf("%s: %s, want %s", what, a.Text, test.body)
		}
		if allow := a.Header.Get("Allow"); test.status != 404 && allow != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: Allow: %q", what, allow)
		}
	}
	plain := start(t, prepared(t))
	plain.Do("GET", "/api/auth/cached", "", nil).Want(t, "without --demo", 404)
}

func TestSettingsReachTheAPI(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "client", "create", "apikey", "--ttl", "never")
	s := start(t, dir, "--mount", "/", "--login-user", "--token-prefix", "acme", "--auth-scheme", "Bearer", "--timezone", "Asia/Kolkata",
		"--expiry-format", "%Y", "--api-access-client", "apikey", "--api-access-hide-session", "--cache-ttl", "0", "--login-limit", "off")
	a := s.Do("POST", "/login/", "", credentials())
	form := regexp.MustCompile(`^\{"expiry":"\d{4}","token":"(acme_\w{49})","user":\{"username":"` + userName + `"\}\}$`)
	found := form.FindStringSubmatch(a.Text)
	if found == nil {
		t.Fatalf("login: %s", a.Text)
	}
	bearer := []string{"Authorization", "Bearer " + found[1]}
	s.Do("POST", "/apiaccess/", "", nil, bearer...).Want(t, "an API key", 201)
	list := s.Do("GET", "/sessions/", "", nil, bearer...)
	if strings.Contains(list.Text, "apikey") || !strings.Contains(list.Text, "+05:30") {
		t.Errorf("sessions: %s", list.Text)
	}
	s.Do("GET", "/sessions/", found[1], nil).Want(t, "another scheme", 401)
}

func TestKeyRotationUnderAServer(t *testing.T) {
	s := start(t, prepared(t))
	token := s.Login("web")
	run(t, s.Dir, "", "keyring", "rotate")
	if again := s.Login("web"); again != token {
		t.Error("the rotation cost the user's token")
	}
	// Seals that only the new key opens.
	text, err := os.ReadFile(filepath.Join(s.Dir, "durin.key"))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "durin-key") {
			kept = append(kept, line)
		}
	}
	s.Stop()
	if err := os.WriteFile(filepath.Join(s.Dir, "durin.key"), []byte(kept[len(kept)-1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, s.Dir)
	if again := s.Login("web"); again != token {
		t.Error("not every seal is of the new key")
	}
}

func TestMissingKey(t *testing.T) {
	dir := prepared(t)
	s := start(t, dir)
	token := s.Login("web")
	s.Stop()
	key := filepath.Join(dir, "durin.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	s = start(t, dir, "--demo")
	if !strings.Contains(s.Log(), "KEY FILE IS MISSING") {
		t.Errorf("no warning: %s", s.Log())
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("a key was made beside seals of another")
	}
	s.Do("GET", "/api/auth/", token, nil).Want(t, "the token of before", 200)
	if ready := s.Do("GET", "/readyz", "", nil); ready.StatusCode != 200 || !strings.Contains(ready.Text, `"key":{"status":"warning"`) {
		t.Errorf("readyz: %s", ready.Text)
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	s.Eventually("the key is in use again", func() bool { return strings.Contains(s.Log(), "its keys are in use") })
	if again := s.Login("web"); again != token {
		t.Error("the token is another, though the key is back")
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	catchHangUp(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) { stopDuringRequest(t, sig) })
	}
}

// catchHangUp sees to it that programs which the test starts are stopped by
// SIGHUP, also where the test itself runs under nohup.
func catchHangUp(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
}

func TestUnderNohup(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	s := start(t, prepared(t))
	catchHangUp(t)
	s.Signal(syscall.SIGHUP)
	time.Sleep(200 * time.Millisecond)
	s.Do("GET", "/healthz", "", nil).Want(t, "alive", 200)
	s.Stop()
}

func stopDuringRequest(t *testing.T, sig syscall.Signal) {
	s := start(t, prepared(t))
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	body := credentials().Encode()
	_, err = fmt.Fprintf(conn, "POST /api/auth/login/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
	if err != nil {
		t.Fatal(err)
	}
	// The request is under way when another on a new connection is answered.
	s.Do("GET", "/healthz", "", nil).Want(t, "alive", 200)
	s.Signal(sig)
	s.Eventually("it stops listening", func() bool {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if _, err := conn.Write([]byte(body[10:])); err != nil {
		t.Fatal(err)
	}
	answered := make([]byte, 12)
	if _, err := conn.Read(answered); err != nil || string(answered) != "HTTP/1.1 200" {
		t.Errorf("%q, %v", answered, err)
	}
	s.Wait()
}

// Who waits for the address may read the process id at once.
func TestPIDFileIsThereBeforeTheAddress(t *testing.T) {
	s := in(t, prepared(t))
	pid := filepath.Join(s.Dir, "durin.pid")
	s.Args = []string{"--pid-file", filepath.Join(s.Dir, "nowhere", "pid")}
	s.Launch()
	<-s.Done
	if s.Serves() || !strings.Contains(s.Log(), "pid-file") {
		t.Errorf("the address is told before the process id: %s", s.Log())
	}
	s.Args = []string{"--pid-file", pid}
	s.Start()
	if text, err := os.ReadFile(pid); err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(s.Cmd.Process.Pid) {
		t.Errorf("%q, %v", text, err)
	}
	s.Stop()
	if _, err := os.Stat(pid); err == nil {
		t.Error("the file stays")
	}
}

func TestTwoOnOneAddress(t *testing.T) {
	s := start(t, prepared(t))
	cmd := in(t, s.Dir).Command("serve", "--addr", s.Addr)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cannot listen on "+s.Addr) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAbsurdRequests(t *testing.T) {
	s := start(t, prepared(t), "--access-log")
	// The server may be gone before it has all of it.
	if a, err := s.Try("GET", "/healthz", "", nil, "X-Long", strings.Repeat("a", 1<<20)); err == nil && a.StatusCode != 431 {
		t.Errorf("an absurd header: %s", a.Status)
	}
	s.Do("GET", "/api/auth/sessions/", strings.Repeat("a", 9000), nil).Want(t, "a long token", 401)
	s.Do("DELETE", "/healthz", "", nil).Want(t, "another method", 405)
	s.Do("GET", "/healthz?token=open-sesame", "", nil).Want(t, "a query", 200)
	big := credentials()
	big.Set("password", strings.Repeat("p", 2<<20))
	if a, err := s.Try("POST", "/api/auth/login/", "", big); err == nil && (a.StatusCode < 400 || a.StatusCode > 499) {
		t.Errorf("a body of 2 MiB: %s", a.Status)
	}
	for _, raw := range []string{"GET \x00 HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01"} {
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(raw))
		_ = conn.Close()
	}
	s.Do("GET", "/healthz", "", nil).Want(t, "afterwards", 200)
	s.Eventually("the access log", func() bool { return strings.Contains(s.Log(), `"path":"/healthz"`) })
	if strings.Contains(s.Log(), "open-sesame") {
		t.Error("a query is in the log")
	}
}

func TestReadyz(t *testing.T) {
	s := start(t, prepared(t))
	ready := s.Do("GET", "/readyz", "", nil)
	ready.Want(t, "a caller on this host", 200)
	for _, part := range []string{"database", "schema", "key", "outbox"} {
		if !strings.Contains(ready.Text, `"`+part+`":{"status":"ok"}`) {
			t.Errorf("%s: %s", part, ready.Text)
		}
	}
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"} {
		s.Do("GET", "/readyz", "", nil, header, "").Want(t, header, 404)
	}
	ops := start(t, prepared(t), "--ops-addr", "127.0.0.1:0")
	ops.Do("GET", "/readyz", "", nil).Want(t, "with an address of its own", 404)
	at := regexp.MustCompile(`"ops_addr":"([^"]+)"`).FindStringSubmatch(ops.Log())
	if at == nil {
		t.Fatalf("the log tells no ops_addr: %s", ops.Log())
	}
	ops.Addr = at[1]
	ops.Do("GET", "/readyz", "", nil, "X-Forwarded-For", "192.0.2.1").Want(t, "the other address", 200)
	ops.Do("GET", "/api/auth/login/", "", nil).Want(t, "the API there", 404)
}

func TestCORS(t *testing.T) {
	s := start(t, prepared(t), "--cors-origin", "https://app.example.org,https://other.example.org")
	const login = "/api/auth/login/"
	pre := s.Do("OPTIONS", login, "", nil, "Origin", "https://app.example.org", "Access-Control-Request-Method", "POST")
	pre.Want(t, "preflight", 204)
	if pre.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" || !strings.Contains(pre.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %v", pre.Header)
	}
	in := s.Do("POST", login, "", credentials(), "Origin", "https://other.example.org")
	if in.Header.Get("Access-Control-Allow-Origin") != "https://other.example.org" || in.Header.Get("Vary") != "Origin" {
		t.Errorf("login: %v", in.Header)
	}
	for _, origin := range []string{"https://evil.example.org", "https://app.example.org.evil.net", "null", "http://app.example.org"} {
		a := s.Do("OPTIONS", login, "", nil, "Origin", origin, "Access-Control-Request-Method", "POST")
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is let in", origin)
		}
	}
	bad := s.Do("GET", "/api/auth/sessions/", "wrong", nil, "Origin", "https://app.example.org")
	if bad.StatusCode != 401 || bad.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("a page cannot read why it failed: %s, %v", bad.Status, bad.Header)
	}
}

// Front ends that name their client in another way than by a field, or not at
// all, log in.
func TestLoginClients(t *testing.T) {
	dir := prepared(t)
	for how, c := range map[string]struct {
		header []string
		client string
	}{
		"=web":                {nil, "web"},
		"header:X-Api-Client": {[]string{"X-API-CLIENT", "web"}, "web"},
		"user-agent":          {[]string{"User-Agent", "curl/8"}, "curl"},
	} {
		t.Run(how, func(t *testing.T) {
			s := start(t, dir, "--login-client", how)
			form := credentials()
			form.Del("client")
			a := s.Do("POST", "/api/auth/login/", "", form, c.header...)
			a.Want(t, "login", 200)
			if list := s.Do("GET", "/api/auth/sessions/", a.Token(), nil); !strings.Contains(list.Text, `"client":"`+c.client+`"`) {
				t.Errorf("sessions: %s", list.Text)
			}
			if description := s.Do("GET", "/openapi.json", "", nil); strings.Contains(description.Text, `"client": "web"`) {
				t.Error("the description has the field")
			}
			s.Stop()
		})
	}
	s := start(t, dir, "--login-client", "=gone")
	if !strings.Contains(s.Log(), "login-client is not there") {
		t.Errorf("no warning: %s", s.Log())
	}
}

// A cookie of another name is set, taken, described and cleared, and the one of
// the default name is nobody's.
func TestCookieName(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "client", "create", "spa", "--cookie")
	s := start(t, dir, "--cookie-name", "CERTEGO_SAAS_AUTH_TOKEN")
	form := credentials()
	form.Set("client", "spa")
	a := s.Do("POST", "/api/auth/login/", "", form)
	a.Want(t, "login", 200)
	value, ok := strings.CutPrefix(strings.Split(a.Header.Get("Set-Cookie"), ";")[0], "CERTEGO_SAAS_AUTH_TOKEN=")
	if !ok {
		t.Fatalf("the cookie: %s", a.Header.Get("Set-Cookie"))
	}
	s.Do("GET", "/api/auth/verify", "", nil, "Cookie", "CERTEGO_SAAS_AUTH_TOKEN="+value).Want(t, "its cookie", 200)
	s.Do("GET", "/api/auth/verify", "", nil, "Cookie", "__Host-durin="+value).Want(t, "another cookie", 401)
	dead := s.Do("GET", "/api/auth/verify", "", nil, "Cookie", "CERTEGO_SAAS_AUTH_TOKEN=dead")
	if got := dead.Header.Get("Set-Cookie"); !strings.HasPrefix(got, "CERTEGO_SAAS_AUTH_TOKEN=;") {
		t.Errorf("a dead cookie is answered with %q", got)
	}
	if description := s.Do("GET", "/openapi.json", "", nil); !strings.Contains(description.Text, `"name": "CERTEGO_SAAS_AUTH_TOKEN"`) {
		t.Error("the description has another name")
	}
	if !strings.Contains(s.Log(), "__Host-") {
		t.Error("no warning of a name without a promise")
	}
}

// A login route of another library answers no token that travels in a cookie.
func TestCompatRefusesCookieClients(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "client", "create", "spa", "--cookie")
	run(t, dir, "", "client", "create", "mobile")
	for _, library := range []string{"knox", "drf", "multitoken"} {
		s := in(t, dir)
		_, said, err := s.TryRun("", "serve", "--addr", "127.0.0.1:0", "--compat", library+"=spa")
		if err == nil || !strings.Contains(said, "travel in a cookie") || !strings.Contains(said, "durin client update spa --cookie=false") {
			t.Errorf("%s: started: %v, %s", library, err, said)
		}
	}
	s := start(t, dir, "--compat", "drf=mobile")
	form := credentials()
	s.Do("POST", "/api/auth/api-token-auth/", "", form).Want(t, "before", 200)
	run(t, dir, "", "client", "update", "mobile", "--cookie")
	s.Eventually("the change is heard of", func() bool {
		return s.Do("POST", "/api/auth/api-token-auth/", "", form).StatusCode == 409
	})
}

// TestPublicURL: the log, the metadata, the description and the pages tell one
// place, whether the proxy takes the prefix away or passes it on.
func TestPublicURL(t *testing.T) {
	dir := prepared(t)
	for name, c := range map[string]struct {
		args          []string
		asked, public string // the API and the account page, as asked and as the world has them
		account       string
		metadata      string
	}{
		"an origin":             {[]string{"--public-url", "https://h.test"}, "/api/auth/", "https://h.test/api/auth/", "/account/", ""},
		"a prefix, taken away":  {[]string{"--public-url", "https://h.test/durin/"}, "/api/auth/", "https://h.test/durin/api/auth/", "/durin/account/", "/durin"},
		"a prefix, passed on":   {[]string{"--public-url", "https://h.test/durin"}, "/durin/api/auth/", "https://h.test/durin/api/auth/", "/durin/account/", "/durin"},
		"a prefix in the mount": {[]string{"--public-url", "https://h.test/durin", "--mount", "/durin/auth"}, "/durin/auth/", "https://h.test/durin/auth/", "/durin/account/", "/durin"},
		"a mount at the root":   {[]string{"--public-url", "https://h.test/durin", "--mount", "/"}, "/durin/", "https://h.test/durin/", "/durin/account/", "/durin"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, dir, append(c.args, "--cors-origin", "https://app.test")...)
			if !strings.Contains(s.Log(), `"api":"`+c.public+`"`) {
				t.Errorf("the log: %s", s.Log())
			}
			found := s.Do("GET", "/.well-known/oauth-authorization-server"+c.metadata, "", nil)
			if !strings.Contains(found.Text, `"introspection_endpoint":"`+c.public+`introspect"`) || !strings.Contains(found.Text, `"issuer":"https://h.test`+c.metadata+`"`) {
				t.Errorf("the metadata: %s", found.Text)
			}
			in := s.Do("POST", c.asked+"login/", "", credentials(), "Origin", "https://app.test")
			in.Want(t, "login", 200)
			if in.Header.Get("Access-Control-Allow-Origin") != "https://app.test" {
				t.Error("the login is not for pages of cors-origin")
			}
			s.Do("GET", c.asked+"sessions/", in.Token(), nil).Want(t, "sessions", 200)
			s.Do("GET", c.asked+"nowhere", in.Token(), nil).Want(t, "nowhere", 404)
			prefix := strings.TrimSuffix(c.account, "/account/")
			s.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			for _, path := range []string{"/account", "/account/", prefix + "/account", c.account} {
				a := s.Do("GET", path+"?x=y", "", nil)
				if to := a.Header.Get("Location"); !strings.HasPrefix(to, c.account) {
					t.Errorf("%s leads to %q", path, to)
				}
			}
			page := s.Do("GET", "/account/sign-in", "", nil)
			if page.Want(t, "the page", 200); !strings.Contains(page.Text, `action="`+c.account+`sign-in"`) || prefix != "" && strings.Contains(page.Text, `"/account/`) {
				t.Errorf("the page: %s", page.Text)
			}
			s.Do("GET", prefix+"/healthz", "", nil).Want(t, "alive", 200)
			s.Do("GET", "/healthz", "", nil).Want(t, "alive, without the prefix", 200)
			s.Do("GET", "/durinx/healthz", "", nil).Want(t, "another prefix", 404)
			s.Stop()
		})
	}
}

// The issuer is https where a trusted proxy says that its caller came so.
func TestIssuerBehindTLS(t *testing.T) {
	dir := prepared(t)
	const path = "/.well-known/oauth-authorization-server"
	for _, c := range []struct {
		args []string
		want string
	}{{nil, "http"}, {[]string{"--trusted-proxies", "127.0.0.1"}, "https"}} {
		s := start(t, dir, c.args...)
		a := s.Do("GET", path, "", nil, "X-Forwarded-Proto", "https")
		if want := `"issuer":"` + c.want + `://` + s.Addr + `"`; !strings.Contains(a.Text, want) || !strings.Contains(a.Text, `"introspection_endpoint":"`+c.want+`://`) {
			t.Errorf("%v: %s, want %s", c.args, a.Text, want)
		}
		s.Stop()
	}
}
