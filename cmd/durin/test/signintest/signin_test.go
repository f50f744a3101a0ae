package signintest

import (
	"context"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

func TestMain(m *testing.M) { programtest.Main(m) }

// docs are the reader's pages, with the proxies' files.
const docs = "../../../../docs"

// A proxy is how one is started in a folder with its files.
type proxy struct {
	debian string
	args   func(dir string) []string
	change func(text string) string // what the machine of a test needs, and no reader
}

var proxies = map[string]proxy{
	"nginx": {"nginx-light", func(dir string) []string {
		own := "daemon off; pid nginx.pid;"
		if os.Getuid() == 0 {
			own += " user root;"
		}
		return []string{"-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"), "-g", own}
	}, func(text string) string {
		here := "access_log off;"
		for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			here += name + "_temp_path temp_" + name + "; "
		}
		return strings.Replace(text, "http {", "http { "+here, 1)
	}},
	"caddy":   {"caddy", func(string) []string { return []string{"run", "--config", "Caddyfile", "--adapter", "caddyfile"} }, nil},
	"haproxy": {"haproxy", func(string) []string { return []string{"-f", "haproxy.cfg"} }, nil},
}

// start puts the documented files into a folder, with the addresses of this test
// in the place of theirs, starts the proxy, and returns its port once it answers.
func (p proxy) start(t *testing.T, name string, durin, application string) string {
	t.Helper()
	dir := t.TempDir()
	port := strconv.Itoa(servers.Port(t))
	here := strings.NewReplacer("127.0.0.1:8000", durin, "127.0.0.1:9000", application, "127.0.0.1:8080", "127.0.0.1:"+port, ":8080", ":"+port, "listen 8080", "listen "+port)
	files, err := filepath.Glob(filepath.Join(docs, "proxies", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := here.Replace(string(text))
		if p.change != nil {
			changed = p.change(changed)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(servers.Program(t, name, p.debian), p.args(dir)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), "HOME="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s: %s", name, text)
		}
	})
	programtest.Eventually(t, name+" listens", func() bool {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return port
}

// application tells on each page who asks, and which page it is.
func application(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "<!doctype html><title>application</title><p id=who>%s</p><p id=page>%s %s</p>",
		html.EscapeString(r.Header.Get("X-Durin-User")), r.Method, html.EscapeString(r.URL.RequestURI()))
}

// A visitor is a person at a browser.
type visitor struct {
	t      *testing.T
	ctx    context.Context
	origin string
}

func newVisitor(t *testing.T, port string) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(context.Background(),
		chromedp.WithAllocatorOptions(chromedp.ExecPath(servers.Program(t, "chromium", "chromium")), chromedp.NoSandbox))
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancelTime)
	return &visitor{t, ctx, "http://localhost:" + port}
}

func (v *visitor) open(path string) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, chromedp.Navigate(v.origin+path)); err != nil {
		v.t.Fatalf("open %s: %v", path, err)
	}
}

// eval returns what a script in the page comes to.
func (v *visitor) eval(script string) string {
	v.t.Helper()
	got, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`(async () => String(await (`+script+`)))()`, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("%s: %v", script, err)
	}
	return got
}

// at waits until the address bar has a path with a query.
func (v *visitor) at(what, want string) {
	v.t.Helper()
	var got string
	programtest.Eventually(v.t, what+": at "+want, func() bool {
		at, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.readyState === 'complete' ? location.href : ''`))
		got = strings.TrimPrefix(at, v.origin)
		return err == nil && got == want
	})
}

// send fills in the form of the page whose button matches the selector, and sends
// it as its button does.
func (v *visitor) send(button string, values ...string) {
	v.t.Helper()
	script := fmt.Sprintf("const button = document.querySelector(%q);", button)
	for i := 0; i < len(values); i += 2 {
		script += fmt.Sprintf("document.querySelector(%q).value = %q;", values[i], values[i+1])
	}
	v.eval("(() => {" + script + " setTimeout(() => button.click()); return 'sent' })()")
}

func (v *visitor) signIn(name, password string) {
	v.t.Helper()
	v.send(".signin button", "#f-name", name, "#f-password", password)
}

// asAda says that the application knows who is there and which page it is.
func (v *visitor) asAda(what, page string) {
	v.t.Helper()
	v.at(what, page)
	if got := v.eval(`document.querySelector('#who').textContent + ' ' + document.querySelector('#page').textContent`); got != "ada GET "+page {
		v.t.Errorf("%s: the application shows %q", what, got)
	}
}

// commands are those of the page, the last of which serves.
func commands(t *testing.T) (before []string, serve []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, "sign-in.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("the page has no commands")
	}
	for line := range strings.Lines(string(block[1])) {
		line = strings.TrimSpace(line)
		if args, ok := strings.CutPrefix(line, "durin serve "); ok {
			return before, strings.Fields(args)
		}
		before = append(before, line)
	}
	t.Fatal("the page does not start the server")
	return nil, nil
}

// start is the server of the page, with more flags.
func start(t *testing.T, flags ...string) *programtest.Server {
	t.Helper()
	program := programtest.Itself(t)
	s := &programtest.Server{T: t, Program: program, Dir: t.TempDir(), Env: programtest.Environ("PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "DURIN_HASH_NICE=0")}
	before, serve := commands(t)
	for _, line := range before {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Dir, cmd.Env = s.Dir, s.Env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	s.Args = append(serve, flags...)
	s.Start()
	return s
}

// TestSignIn does what docs/sign-in.md says, and nothing else, with each proxy.
func TestSignIn(t *testing.T) {
	for name, p := range proxies {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			app := httptest.NewServer(http.HandlerFunc(application))
			t.Cleanup(app.Close)
			v := newVisitor(t, p.start(t, name, s.Addr, app.Listener.Addr().String()))
			const page = "/reports/one?year=2026&q=%2F"
			const signInPage = "/account/sign-in?next=%2Freports%2Fone%3Fyear%3D2026%26q%3D%252F"

			v.open(page)
			v.at("a stranger", signInPage)
			v.signIn("ada", "wrong")
			v.at("a wrong password", "/account/sign-in")
			v.signIn("ada", "open-sesame-7")
			v.asAda("signed in", page)

			v.open("/other")
			v.asAda("another page", "/other")
			v.open("/account/?next=" + "%2Fother%3Fa%3Db")
			v.asAda("signed in, and asked to sign in", "/other?a=b")
			if got := v.eval(`fetch('/form', { method: 'POST' }).then((r) => r.status)`); got != "200" {
				t.Errorf("the application's own form: %s", got)
			}
			if got := v.eval(`document.cookie`); got != "" {
				t.Errorf("a script reads %q", got)
			}
			v.open("/account/?next=https%3A%2F%2Fevil.example%2F")
			v.at("an open redirect", "/account/?next=https%3A%2F%2Fevil.example%2F")

			// Ended elsewhere: the cookie is dead, and another sign-in makes it good.
			s.Run("", "token", "revoke", "--user", "ada", "--client", "browser", "--yes")
			programtest.Eventually(t, "the server hears of it", func() bool { return v.eval(`fetch('/other').then((r) => r.status)`) == "401" })
			v.open(page)
			v.at("a dead cookie", signInPage)
			v.signIn("ada", "open-sesame-7")
			v.asAda("signed in again", page)

			// Sign-out ends the application's access at once.
			v.open("/account/")
			v.send(`form[action="/account/sign-out"] button`)
			v.at("signed out", "/account/sign-in")
			if got := v.eval(`fetch('/other').then((r) => r.status)`); got != "401" {
				t.Errorf("after the sign-out a script gets %s", got)
			}
			v.open(page)
			v.at("after the sign-out", signInPage)
		})
	}
}

// TestVerifyAddr changes each proxy's file as docs/protect-any-application.md says
// for an address at which only the proxy asks.
func TestVerifyAddr(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "protect-any-application.md"))
	if err != nil {
		t.Fatal(err)
	}
	replaced := map[string]*regexp.Regexp{
		"nginx":   regexp.MustCompile(`proxy_pass http://durin/api/auth/verify\S*;`),
		"caddy":   regexp.MustCompile(`forward_auth .* \{`),
		"haproxy": regexp.MustCompile(`http-request lua\.durin_verify .*`),
	}
	rows := regexp.MustCompile("(?m)^\\| (\\w+) \\| `([^`]*)`(?: and `([^`]*)`)? \\| `((?:unix:|127)[^`]*)` \\|$").FindAllStringSubmatch(string(text), -1)
	if len(rows) != len(replaced) {
		t.Fatalf("the page has lines for %d proxies", len(rows))
	}
	for _, row := range rows {
		name := strings.ToLower(row[1])
		t.Run(name, func(t *testing.T) {
			at := "127.0.0.1:" + strconv.Itoa(servers.Port(t))
			here := strings.NewReplacer("/run/durin", t.TempDir(), "127.0.0.1:8001", at)
			s := start(t, "--verify-addr", here.Replace(row[4]))
			app := httptest.NewServer(http.HandlerFunc(application))
			t.Cleanup(app.Close)
			p := proxies[name]
			before := p.change
			p.change = func(text string) string {
				if before != nil {
					text = before(text)
				}
				text = replaced[name].ReplaceAllLiteralString(text, here.Replace(row[2]))
				return strings.Replace(text, "upstream durin {", here.Replace(row[3])+" upstream durin {", 1)
			}
			url := "http://127.0.0.1:" + p.start(t, name, s.Addr, app.Listener.Addr().String()) + "/reports"
			s.Run("", "client", "create", "web")
			token := strings.TrimSpace(s.Run("", "token", "create", "ada", "web"))
			for header, want := range map[string]int{"": http.StatusUnauthorized, "Token " + token: http.StatusOK} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
				if err != nil {
					t.Fatal(err)
				}
				if header != "" {
					req.Header.Set("Authorization", header)
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != want {
					t.Errorf("%q: %d, want %d", header, res.StatusCode, want)
				}
			}
		})
	}
}
