package proxytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// phpApp tells what it sees of a request, as seen does. PHP, like all that came of
// CGI, knows a header as HTTP_ and its name in capitals, with underscores for all
// that is no letter or digit.
const phpApp = `<?php
$headers = [];
foreach ($_SERVER as $name => $value) {
	if (str_starts_with($name, 'HTTP_')) {
		$headers[substr($name, 5)] = [$value];
	}
}
echo json_encode([
	'Method' => $_SERVER['REQUEST_METHOD'], 'Path' => $_SERVER['REQUEST_URI'], 'Headers' => (object) $headers,
	'Body' => hash('sha256', file_get_contents('php://input')),
], JSON_INVALID_UTF8_SUBSTITUTE);
`

// A php is an application in PHP that speaks FastCGI.
type php struct{ dir, addr string }

func startPHP(t testing.TB) php {
	t.Helper()
	program := servers.Program(t, "php-cgi", "php-cgi")
	p := php{t.TempDir(), "127.0.0.1:" + strconv.Itoa(servers.Port(t))}
	if err := os.WriteFile(p.script(), []byte(phpApp), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-n", "-d", "cgi.fix_pathinfo=0", "-b", p.addr)
	cmd.Env = append(os.Environ(), "PHP_FCGI_CHILDREN=4", "PHP_FCGI_MAX_REQUESTS=0")
	start(t, cmd, p.addr)
	return p
}

func (p php) script() string { return filepath.Join(p.dir, "app.php") }

// behind are the changes of the proxies' files that put a PHP application in the
// place of one that speaks HTTP.
func (p php) behind(w *world) map[string]func(text string) string {
	return map[string]func(text string) string{
		"nginx": func(text string) string {
			return strings.ReplaceAll(text, "proxy_pass http://application;", p.documented(w))
		},
		"caddy": func(text string) string {
			return strings.ReplaceAll(text, "reverse_proxy "+host(w.app), "route {\nrewrite * /app.php\nreverse_proxy "+p.addr+" {\ntransport fastcgi {\nroot "+p.dir+"\nsplit .php\n}\n}\n}")
		},
		"haproxy": func(text string) string {
			text = strings.Replace(text, "\nbackend application\n", "\nfcgi-app php\n    docroot "+p.dir+"\n    set-param SCRIPT_FILENAME "+p.script()+"\n\nbackend application\n    use-fcgi-app php\n", 1)
			return strings.ReplaceAll(text, "server application "+host(w.app), "server application "+p.addr+" proto fcgi pool-max-conn 0")
		},
	}
}

// documented are the lines of the documentation that take the place of proxy_pass,
// with this application's addresses.
func (p php) documented(w *world) string {
	w.t.Helper()
	page, err := os.ReadFile("../../../../docs/protect-any-application.md")
	if err != nil {
		w.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)\n( *include fastcgi_params;.*?fastcgi_pass [^\n]*)\n`).FindStringSubmatch(string(page))
	if m == nil {
		w.t.Fatal("the documentation has no lines for fastcgi_pass")
	}
	return strings.NewReplacer("include fastcgi_params", "include /etc/nginx/fastcgi_params", "/srv/app/index.php", p.script(), "unix:/run/php/php-fpm.sock", p.addr).Replace(m[1])
}
