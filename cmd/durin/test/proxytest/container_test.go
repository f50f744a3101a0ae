package proxytest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

const containerConfig = "../../../../deploy/container/nginx.conf"

// containerNginx writes the compose file's nginx.conf, with the addresses of this
// world for those of its network, into a main file like that of nginx's image.
func (w *world) containerNginx(dir string) string {
	w.t.Helper()
	conf, err := os.ReadFile(containerConfig)
	if err != nil {
		w.t.Fatal(err)
	}
	text := string(conf)
	inside := strconv.Itoa(servers.Port(w.t))
	for _, pair := range [][2]string{
		{"listen 80;", "listen " + w.proxy + ";"}, {"set $durin_upstream durin:8000;", "set $durin_upstream " + host(w.durin) + ";"},
		{"listen 127.0.0.1:81;", "listen 127.0.0.1:" + inside + ";"}, {"http://127.0.0.1:81;", "http://127.0.0.1:" + inside + ";"},
	} {
		if !strings.Contains(text, pair[0]) {
			w.t.Fatalf("%s has no %q", containerConfig, pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	main := filepath.Join(dir, "main.conf")
	text = fmt.Sprintf("events {}\nhttp {\naccess_log off;\n%s%s}\n", nginxTemp(), text)
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return main
}

// TestContainerNginx runs the nginx of the compose file: nobody comes to the
// application without a token, and the API is Durin's.
func TestContainerNginx(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(servers.Program(t, "nginx", "nginx-light"), nginxFiles[1:], same, func(dir string) []string {
		return nginxArgs(filepath.Base(w.containerNginx(dir)))(dir)
	})
	token := w.token("web")
	for _, c := range []struct {
		path, token string
		status      int
		body        string
	}{
		{"/", "", http.StatusUnauthorized, ""},
		{"/", strings.Repeat("0", 64), http.StatusUnauthorized, ""},
		{"/", token, http.StatusOK, "Hello, ada\n"},
		{"/api/auth/sessions/", "", http.StatusUnauthorized, ""},
		{"/api/auth/verify", token, http.StatusNotFound, ""},
		{"/api/auth/sessions/", token, http.StatusOK, `"client":"web"`},
		{"/_durin", token, http.StatusNotFound, ""},
	} {
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization", "Token " + c.token}
		}
		if a := w.do("GET", c.path, nil, headers...); a.status != c.status || !strings.Contains(a.body, c.body) {
			t.Errorf("%s: answered %d %s, want %d %s", c.path, a.status, a.body, c.status, c.body)
		}
	}
	w.down.Store(true)
	if a := w.do("GET", "/", nil, "Authorization", "Token "+strings.Repeat("1", 64)); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "2" {
		t.Errorf("without its database: %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
}
