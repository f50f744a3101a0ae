package interop

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const modules = "/usr/lib/apache2/modules" // Debian's

// TestApache: mod_auth_openidc with the documented lines lets a live token through
// and refuses it once it has ended. Without the interval it does not notice,
// unless introspection-ttl has it ask again.
func TestApache(t *testing.T) {
	apache, err := exec.LookPath("apache2")
	if _, missing := os.Stat(filepath.Join(modules, "mod_auth_openidc.so")); err != nil || missing != nil {
		skip := t.Skip
		if os.Getenv("CI") == "true" {
			skip = t.Fatal
		}
		skip("apache2 with mod_auth_openidc is not installed: apt-get install apache2-bin libapache2-mod-auth-openidc")
	}
	const interval = "	OIDCOAuthTokenIntrospectionInterval -1\n"
	documented := snippet(t)
	if !strings.Contains(documented, interval) {
		t.Fatal("the documented lines have no interval")
	}
	for name, c := range map[string]struct {
		config string
		args   []string
		passes bool // a token that has ended
	}{
		"documented": {documented, nil, false},
		"kept":       {strings.Replace(documented, interval, "", 1), nil, true},
		"bounded":    {strings.Replace(documented, interval, "", 1), []string{"--introspection-ttl", "1s"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			server, secret := resource(t, c.args...)
			target, err := url.Parse(server)
			if err != nil {
				t.Fatal(err)
			}
			front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target)) // Apache wants https
			defer front.Close()
			page := startApache(t, apache, strings.NewReplacer("https://auth.example.org", front.URL, "durin_rs_…", secret).Replace(c.config))
			for _, client := range []string{"web", "endless"} {
				token := login(t, server, client)
				if status := get(t, page, token); status != 200 {
					t.Fatalf("%s: a good token: %d", client, status)
				}
				if status := send(t, "POST", server+"/api/auth/logout/", token); status != 204 {
					t.Fatalf("log out: %d", status)
				}
				passed := true
				for deadline := time.Now().Add(patience(c.passes)); passed && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
					passed = get(t, page, token) == 200
				}
				if client == "web" && passed != c.passes {
					t.Errorf("%s: a token that has ended passes: %t, want %t", client, passed, c.passes)
				}
			}
			if status := get(t, page, "x"); status != 401 {
				t.Errorf("no token: %d", status)
			}
		})
	}
}

// patience is how long a refusal is waited for: where none comes, not long.
func patience(passes bool) time.Duration {
	if passes {
		return time.Second
	}
	return 30 * time.Second
}

// snippet is the documented configuration.
func snippet(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/introspection.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```text\nOIDCOAuth")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/introspection.md has no lines for Apache")
	}
	return "OIDCOAuth" + block
}

func startApache(t *testing.T, apache, lines string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "durin-apache-") // whoever Apache becomes can read it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	config := fmt.Sprintf("ServerRoot %s\nServerName localhost\nListen %s\nPidFile %s/pid\nErrorLog %s/log\nDocumentRoot %s/www\n", dir, addr, dir, dir, dir)
	for _, name := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc"} {
		config += fmt.Sprintf("LoadModule %s_module %s/mod_%s.so\n", name, modules, name)
	}
	config += "OIDCCryptoPassphrase only-a-test\nOIDCOAuthSSLValidateServer Off\n" + lines
	if os.Getuid() == 0 {
		config += "\nUser nobody\nGroup nogroup\n"
	}
	for file, text := range map[string]string{"apache.conf": config, "www/protected/index": "ok\n"} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(apache, "-X", "-f", filepath.Join(dir, "apache.conf"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return "http://" + addr + "/protected/index"
		}
		select {
		case <-ended:
			deadline = time.Time{}
		default:
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	t.Fatalf("Apache does not begin to serve: %s%s", out.String(), log)
	return ""
}

func get(t *testing.T, url, token string) int {
	t.Helper()
	return send(t, "GET", url, token)
}

func send(t *testing.T, method, url, token string) int {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
