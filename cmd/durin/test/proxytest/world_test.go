package proxytest

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/account"
	"github.com/durin-go/durin/admin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/storetest"
)

const documented = "../../../../docs/proxies"

// configs is the folder of the proxies' files. The variable names another one, such
// as that of another version, to see what its files hold.
func (w *world) configs() string {
	if dir := os.Getenv("DURIN_TEST_PROXIES"); dir != "" {
		return dir
	}
	return documented
}

// A world is a proxy between a caller, an application and Durin.
type world struct {
	t     testing.TB
	guard *durin.Guard
	durin *httptest.Server
	app   *httptest.Server
	proxy string // host:port
	tls   string // the same, for TLS and HTTP/2

	ahead   atomic.Int64 // of the clock, in nanoseconds
	down    atomic.Bool  // the store is
	reached atomic.Int64 // requests that the application got
	asked   atomic.Pointer[asked]
}

// asked is what Durin made of the last request that it got, and its headers.
type asked struct {
	address netip.Addr
	headers http.Header
}

// seen is what the application saw of a request.
type seen struct {
	Method, Path string
	Headers      http.Header
	Body         string // its SHA-256 in hexadecimal
}

func newWorld(t testing.TB, options ...func(*api.Options)) *world {
	t.Helper()
	w := &world{t: t}
	store := memstore.New()
	if _, err := store.CreateUser(t.Context(), durin.User{Name: "ada", Active: true}); err != nil {
		t.Fatal(err)
	}
	faulty := storetest.Faulty(store, storetest.Faults{Before: func(context.Context, string) error {
		if w.down.Load() {
			return errors.New("the store is down")
		}
		return nil
	}})
	var err error
	w.guard, err = durin.New(t.Context(), durin.Options{
		Store: faulty, Users: faulty.(durin.UserStore), ReuseWithoutKey: durin.PolicyReplace, Logger: slog.New(slog.DiscardHandler),
		Now:            func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.guard.Close(context.Background()) })
	for _, c := range []durin.Client{{Name: "web"}, {Name: "cli"}, {Name: "browser", Cookie: true}} {
		if _, err := w.guard.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	var o api.Options
	for _, change := range options {
		change(&o)
	}
	auth, err := api.New(w.guard, o)
	if err != nil {
		t.Fatal(err)
	}
	forUsers, err := account.New(w.guard, account.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := durin.New(t.Context(), durin.Options{Store: store, Users: store, ReuseWithoutKey: durin.PolicyReplace, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = whole.Close(context.Background()) })
	forAdmins, err := admin.New(whole, admin.Options{Users: store, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.durin = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.asked.Store(&asked{w.guard.Address(r), r.Header.Clone()})
		switch {
		case strings.HasPrefix(r.URL.Path, "/account/"):
			forUsers.ServeHTTP(out, r)
		case strings.HasPrefix(r.URL.Path, "/admin/"):
			forAdmins.ServeHTTP(out, r)
		default:
			auth.ServeHTTP(out, r)
		}
	}))
	t.Cleanup(w.durin.Close)
	w.app = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.app.Close)
	return w
}

// serve is the application: it tells what it saw, and echoes on sockets.
func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	w.reached.Add(1)
	if r.Header.Get("Upgrade") == "websocket" {
		echo(out, r)
		return
	}
	sum := sha256.New()
	_, _ = io.Copy(sum, r.Body)
	_ = json.NewEncoder(out).Encode(seen{r.Method, r.URL.RequestURI(), r.Header, hex.EncodeToString(sum.Sum(nil))})
}

// echo shakes hands (RFC 6455 section 4.2.2) and sends back the bytes it gets.
func echo(out http.ResponseWriter, r *http.Request) {
	conn, buffered, err := http.NewResponseController(out).Hijack()
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		accept(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
	_, _ = io.Copy(conn, buffered)
}

func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// token is a live token of ada for a client.
func (w *world) token(client string) string {
	w.t.Helper()
	issued, err := w.guard.Issue(w.t.Context(), durin.IssueRequest{UserID: "1", Client: client})
	if err != nil {
		w.t.Fatal(err)
	}
	return issued.Token.Reveal()
}

// run starts a proxy with documented files, whose addresses become those of this
// world and whose lines for TLS are taken in, and waits until it answers.
func (w *world) run(program string, files []string, change func(text string) string, args func(dir string) []string) {
	w.t.Helper()
	dir := w.t.TempDir()
	port, secure := strconv.Itoa(servers.Port(w.t)), strconv.Itoa(servers.Port(w.t))
	w.proxy, w.tls = "127.0.0.1:"+port, "127.0.0.1:"+secure
	certificate(w.t, dir)
	here := strings.NewReplacer(
		"127.0.0.1:8000", host(w.durin), "127.0.0.1:9000", host(w.app), ":8080", ":"+port, "listen 8080", "listen "+port,
		"# listen 8443", "listen "+secure, "# ssl_certificate", "ssl_certificate", "# bind :8443", "bind 127.0.0.1:"+secure,
	)
	listens := []string{w.proxy}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(w.configs(), name))
		if err != nil {
			w.t.Fatal(err)
		}
		changed := change(here.Replace(string(text)))
		if strings.Contains(changed, secure) {
			listens = []string{w.proxy, w.tls}
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(changed), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.Command(program, args(dir)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	start(w.t, cmd, listens...)
}

// start runs cmd until the test ends, and returns when it listens on all addresses.
func start(t testing.TB, cmd *exec.Cmd, addresses ...string) {
	t.Helper()
	var log strings.Builder
	var mu sync.Mutex
	lines := writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	})
	cmd.Stdout, cmd.Stderr = lines, lines
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		stopped := time.AfterFunc(3*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		stopped.Stop()
		if t.Failed() {
			mu.Lock()
			t.Logf("%s wrote:\n%s", filepath.Base(cmd.Path), log.String())
			mu.Unlock()
		}
	})
	end := time.Now().Add(20 * time.Second)
	for _, address := range addresses {
		for {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				_ = conn.Close()
				break
			}
			if time.Now().After(end) {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func host(s *httptest.Server) string { return s.Listener.Addr().String() }

func same(text string) string { return text }

// nginxFiles are nginx.conf and what it includes.
var nginxFiles = []string{
	"nginx.conf", "durin_http.conf", "durin_pages.conf", "durin_ask.conf", "durin_answer.conf", "durin_refused.conf", "durin_fastcgi.conf",
}

// nginxTemp are folders that nginx may write to.
func nginxTemp() string {
	var temp strings.Builder
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp.WriteString(name + "_temp_path temp_" + name + "; ")
	}
	return temp.String()
}

// nginxArgs runs nginx with a file in dir.
func nginxArgs(file string) func(dir string) []string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root; "
	}
	return func(dir string) []string {
		return []string{"-p", dir, "-e", "stderr", "-c", filepath.Join(dir, file), "-g", user + "daemon off; pid nginx.pid;"}
	}
}

// caddySecure adds the site of a Caddyfile once more, with TLS.
func (w *world) caddySecure(text string) string {
	_, site, _ := strings.Cut(text, w.proxy[len("127.0.0.1"):]+" {")
	return text + "\nhttps://:" + w.tls[len("127.0.0.1:"):] + " {\n\ttls app.example.org.pem app.example.org.key" + site
}

// proxies start each kind of proxy in a world of its own. Change alters the
// documented files.
var proxies = map[string]func(w *world, change func(text string) string){
	"nginx": func(w *world, change func(string) string) {
		w.run(servers.Program(w.t, "nginx", "nginx-light"), nginxFiles, func(text string) string {
			return change(strings.Replace(text, "http {", "http { access_log off; "+nginxTemp(), 1))
		}, nginxArgs("nginx.conf"))
	},
	"caddy": func(w *world, change func(string) string) {
		w.run(servers.Program(w.t, "caddy", "caddy"), []string{"Caddyfile"}, func(text string) string { return w.caddySecure(change(text)) },
			func(string) []string { return []string{"run", "--config", "Caddyfile", "--adapter", "caddyfile"} })
	},
	"haproxy": func(w *world, change func(string) string) {
		w.run(servers.Program(w.t, "haproxy", "haproxy"), []string{"haproxy.cfg", "durin.lua"}, change,
			func(string) []string { return []string{"-f", "haproxy.cfg"} })
	},
}

// onEach runs test with each proxy, with changes of its files.
func onEach(t *testing.T, test func(t *testing.T, w *world), change ...string) {
	for name, start := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			start(w, strings.NewReplacer(change...).Replace)
			test(t, w)
		})
	}
}

// An answer is what the caller got, and what the application saw, if it did.
type answer struct {
	status int
	header http.Header
	body   string
	seen   *seen
}

func (w *world) do(method, path string, body io.Reader, headers ...string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.proxy+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1]) // as it is spelt
	}
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.answered(res.StatusCode, res.Header, text)
}

func (w *world) want(what string, a answer, status int) {
	w.t.Helper()
	if a.status != status || (a.seen != nil) != (status == 200) {
		w.t.Errorf("%s: answered %d %s, want %d", what, a.status, a.body, status)
	}
}
