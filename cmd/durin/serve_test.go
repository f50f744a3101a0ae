package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestFreshMachine(t *testing.T) {
	s := start(t, t.TempDir(), "--demo")
	for _, name := range []string{"durin.db", "durin.key"} {
		info, err := os.Stat(filepath.Join(s.dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
	for _, hint := range []string{"durin client create web", "durin user create ada", "http://" + s.addr + "/api/auth/login/"} {
		s.eventually("the hint "+hint, func() bool { return strings.Contains(s.out.String(), hint) })
	}
	// What the hints say, while it serves.
	run(t, s.dir, "", "client", "create", "web")
	run(t, s.dir, password, "user", "create", userName, "--password-stdin")
	token := s.login()
	s.do("GET", "/api/auth/", token, nil).want(t, "with the token", 200)
	if again := s.login(); again != token {
		t.Error("the policy reuse gave another token")
	}
	s.do("POST", "/api/auth/logout/", token, nil).want(t, "log out", 204)
	s.do("GET", "/api/auth/", token, nil).want(t, "after the end", 401)
	s.stop()
	if strings.Contains(s.err.String(), token) || strings.Contains(s.err.String(), password) {
		t.Error("a secret is in the log")
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "durin.db"))
	if err != nil || strings.Contains(string(text), token) || strings.Contains(string(text), password) {
		t.Errorf("a secret is in the database (%v)", err)
	}
	// The second start says less, and works.
	s = start(t, s.dir)
	s.login()
	s.stop()
	if s.out.String() != "" {
		t.Errorf("hints where nobody needs them: %s", s.out)
	}
}

func TestCommandsAreFelt(t *testing.T) {
	s := start(t, prepared(t), "--demo")
	token := s.login()
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
		run(t, s.dir, "", test.args...)
		s.eventually(fmt.Sprintf("status %d after %v", test.status, test.args), func() bool {
			return s.do("GET", "/api/auth/throttled", token, nil).StatusCode == test.status
		})
	}
	issued := strings.TrimSpace(run(t, s.dir, "", "token", "create", userName, "renamed"))
	s.do("GET", "/api/auth/", issued, nil).want(t, "a token from the command line", 200)
	run(t, s.dir, "", "client", "delete", "renamed", "--yes")
	s.eventually("the client's tokens are gone", func() bool { return s.do("GET", "/api/auth/", issued, nil).StatusCode == 401 })
}

func TestDemoRoutes(t *testing.T) {
	s := start(t, prepared(t), "--demo", "--mount", "/api", "--throttle", "2/m")
	run(t, s.dir, "", "client", "create", "cli")
	web := strings.TrimSpace(run(t, s.dir, "", "token", "create", userName, "web"))
	cli := strings.TrimSpace(run(t, s.dir, "", "token", "create", userName, "cli"))
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
		a := s.do(test.method, test.path, test.token, nil)
		what := test.method + " " + test.path
		a.want(t, what, test.status)
		if test.body != "" && strings.Replace(a.body, "59 seconds", "60 seconds", 1) != test.body {
			t.Errorf("%s: %s, want %s", what, a.body, test.body)
		}
		if allow := a.Header.Get("Allow"); test.status != 404 && allow != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: Allow: %q", what, allow)
		}
	}
	plain := start(t, prepared(t))
	plain.do("GET", "/api/auth/cached", "", nil).want(t, "without --demo", 404)
}

func TestSettingsReachTheAPI(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "client", "create", "apikey", "--ttl", "never")
	s := start(t, dir, "--mount", "/", "--login-user", "--token-prefix", "acme", "--auth-scheme", "Bearer", "--timezone", "Asia/Kolkata",
		"--expiry-format", "%Y", "--api-access-client", "apikey", "--api-access-hide-session", "--cache-ttl", "0", "--login-limit", "off")
	a := s.do("POST", "/login/", "", credentials())
	form := regexp.MustCompile(`^\{"expiry":"\d{4}","token":"(acme_\w{49})","user":\{"username":"ada"\}\}$`)
	found := form.FindStringSubmatch(a.body)
	if found == nil {
		t.Fatalf("login: %s", a.body)
	}
	bearer := []string{"Authorization", "Bearer " + found[1]}
	s.do("POST", "/apiaccess/", "", nil, bearer...).want(t, "an API key", 201)
	list := s.do("GET", "/sessions/", "", nil, bearer...)
	if strings.Contains(list.body, "apikey") || !strings.Contains(list.body, "+05:30") {
		t.Errorf("sessions: %s", list.body)
	}
	s.do("GET", "/sessions/", found[1], nil).want(t, "another scheme", 401)
}

func TestKeyRotationUnderAServer(t *testing.T) {
	s := start(t, prepared(t))
	token := s.login()
	run(t, s.dir, "", "key", "rotate")
	if again := s.login(); again != token {
		t.Error("the rotation cost the user's token")
	}
	// Seals that only the new key opens.
	text, err := os.ReadFile(filepath.Join(s.dir, "durin.key"))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "durin-key") {
			kept = append(kept, line)
		}
	}
	s.stop()
	if err := os.WriteFile(filepath.Join(s.dir, "durin.key"), []byte(kept[len(kept)-1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, s.dir)
	if again := s.login(); again != token {
		t.Error("not every seal is of the new key")
	}
}

func TestMissingKey(t *testing.T) {
	dir := prepared(t)
	s := start(t, dir)
	token := s.login()
	s.stop()
	key := filepath.Join(dir, "durin.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	s = start(t, dir, "--demo")
	if !strings.Contains(s.err.String(), "KEY FILE IS MISSING") {
		t.Errorf("no warning: %s", s.err)
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("a key was made beside seals of another")
	}
	s.do("GET", "/api/auth/", token, nil).want(t, "the token of before", 200)
	if ready := s.do("GET", "/readyz", "", nil); ready.StatusCode != 200 || !strings.Contains(ready.body, `"key":{"status":"warning"`) {
		t.Errorf("readyz: %s", ready.body)
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	s.eventually("the key is in use again", func() bool { return strings.Contains(s.err.String(), "its keys are in use") })
	if again := s.login(); again != token {
		t.Error("the token is another, though the key is back")
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	s := start(t, prepared(t))
	conn, err := net.Dial("tcp", s.addr)
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
	s.do("GET", "/healthz", "", nil).want(t, "alive", 200)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.eventually("it stops listening", func() bool {
		c, err := net.Dial("tcp", s.addr)
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
	if err := <-s.done; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestTwoOnOneAddress(t *testing.T) {
	s := start(t, prepared(t))
	cmd := command(t, s.dir, "serve", "--addr", s.addr)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cannot listen on "+s.addr) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAbsurdRequests(t *testing.T) {
	s := start(t, prepared(t), "--access-log")
	// The server may be gone before it has all of it.
	if a, err := s.try("GET", "/healthz", "", nil, "X-Long", strings.Repeat("a", 1<<20)); err == nil && a.StatusCode != 431 {
		t.Errorf("an absurd header: %s", a.Status)
	}
	s.do("GET", "/api/auth/sessions/", strings.Repeat("a", 9000), nil).want(t, "a long token", 401)
	s.do("DELETE", "/healthz", "", nil).want(t, "another method", 405)
	s.do("GET", "/healthz?token=open-sesame", "", nil).want(t, "a query", 200)
	big := credentials()
	big.Set("password", strings.Repeat("p", 2<<20))
	if a, err := s.try("POST", "/api/auth/login/", "", big); err == nil && (a.StatusCode < 400 || a.StatusCode > 499) {
		t.Errorf("a body of 2 MiB: %s", a.Status)
	}
	for _, raw := range []string{"GET \x00 HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01"} {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(raw))
		_ = conn.Close()
	}
	s.do("GET", "/healthz", "", nil).want(t, "afterwards", 200)
	s.eventually("the access log", func() bool { return strings.Contains(s.err.String(), `"path":"/healthz"`) })
	if strings.Contains(s.err.String(), "open-sesame") {
		t.Error("a query is in the log")
	}
}

func TestReadyz(t *testing.T) {
	s := start(t, prepared(t))
	ready := s.do("GET", "/readyz", "", nil)
	ready.want(t, "a caller on this host", 200)
	for _, part := range []string{"database", "schema", "key", "outbox"} {
		if !strings.Contains(ready.body, `"`+part+`":{"status":"ok"}`) {
			t.Errorf("%s: %s", part, ready.body)
		}
	}
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"} {
		s.do("GET", "/readyz", "", nil, header, "").want(t, header, 404)
	}
	ops := start(t, prepared(t), "--ops-addr", "127.0.0.1:0")
	ops.do("GET", "/readyz", "", nil).want(t, "with an address of its own", 404)
	at := regexp.MustCompile(`"ops_addr":"([^"]+)"`).FindStringSubmatch(ops.err.String())
	if at == nil {
		t.Fatalf("the log tells no ops_addr: %s", ops.err)
	}
	ops.addr = at[1]
	ops.do("GET", "/readyz", "", nil, "X-Forwarded-For", "192.0.2.1").want(t, "the other address", 200)
	ops.do("GET", "/api/auth/login/", "", nil).want(t, "the API there", 404)
}

func TestCORS(t *testing.T) {
	s := start(t, prepared(t), "--cors-origin", "https://app.example.org,https://other.example.org")
	const login = "/api/auth/login/"
	pre := s.do("OPTIONS", login, "", nil, "Origin", "https://app.example.org", "Access-Control-Request-Method", "POST")
	pre.want(t, "preflight", 204)
	if pre.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" || !strings.Contains(pre.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %v", pre.Header)
	}
	in := s.do("POST", login, "", credentials(), "Origin", "https://other.example.org")
	if in.Header.Get("Access-Control-Allow-Origin") != "https://other.example.org" || in.Header.Get("Vary") != "Origin" {
		t.Errorf("login: %v", in.Header)
	}
	for _, origin := range []string{"https://evil.example.org", "https://app.example.org.evil.net", "null", "http://app.example.org"} {
		a := s.do("OPTIONS", login, "", nil, "Origin", origin, "Access-Control-Request-Method", "POST")
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is let in", origin)
		}
	}
	bad := s.do("GET", "/api/auth/sessions/", "wrong", nil, "Origin", "https://app.example.org")
	if bad.StatusCode != 401 || bad.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("a page cannot read why it failed: %s, %v", bad.Status, bad.Header)
	}
}
