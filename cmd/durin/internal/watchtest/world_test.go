package watchtest

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/cli"
	"github.com/durin-go/durin/cmd/durin/internal/servers"
)

// TestMain is the program itself when it is called by its name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "durin" {
		os.Exit(cli.Main(os.Args[1:], cli.System()))
	}
	os.Exit(servers.Main(m))
}

const (
	root     = "../../../.."
	userName = "ada-lovelace"
	password = "correct horse battery staple"
	patience = time.Minute
)

// A node is the program in a folder of its own.
type node struct {
	t            *testing.T
	dir, program string
	environ      []string
	base, ops    string // URLs
	cmd          *exec.Cmd
	ended        chan struct{}
	log          *logged
	http         *http.Client
}

type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newNode has a database with a user and the client web.
func newNode(t *testing.T, db string, environ ...string) *node {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, dir: t.TempDir(), program: filepath.Join(t.TempDir(), "durin")}
	if err := os.Symlink(self, n.program); err != nil {
		t.Fatal(err)
	}
	n.http = &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 100}}
	t.Cleanup(n.http.CloseIdleConnections)
	n.environ = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir, "DURIN_DB=" + db}, environ...)
	n.run("", "migrate")
	n.run("", "client", "create", "web")
	n.run(password, "user", "create", userName, "--password-stdin")
	return n
}

// run runs a command.
func (n *node) run(stdin string, args ...string) string {
	n.t.Helper()
	cmd := exec.CommandContext(n.t.Context(), n.program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = n.dir, n.environ, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		n.t.Fatalf("durin %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var opsAddr = regexp.MustCompile(`"ops_addr":"([^"]+)"`)

// serve starts the server.
func (n *node) serve(args ...string) *node {
	n.t.Helper()
	addrFile := filepath.Join(n.t.TempDir(), "addr")
	args = append([]string{"serve", "--addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0", "--addr-file", addrFile, "--log-format", "json"}, args...)
	n.log, n.ended = &logged{}, make(chan struct{})
	n.cmd = exec.Command(n.program, args...)
	n.cmd.Dir, n.cmd.Env, n.cmd.Stdout, n.cmd.Stderr = n.dir, n.environ, n.log, n.log
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() { defer close(n.ended); _ = n.cmd.Wait() }()
	n.t.Cleanup(n.kill)
	scheme := "http://"
	if strings.Contains(strings.Join(args, " "), "--tls-cert") {
		scheme = "https://"
	}
	n.eventually("it serves", func() bool {
		text, err := os.ReadFile(addrFile)
		at := opsAddr.FindStringSubmatch(n.log.String())
		if err != nil || at == nil {
			return false
		}
		n.base, n.ops = scheme+strings.TrimSpace(string(text)), "http://"+at[1]
		return true
	})
	return n
}

func (n *node) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	<-n.ended
}

func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.ended
}

func (n *node) eventually(what string, is func() bool) {
	n.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("still not: %s\n%s", what, n.log)
		}
	}
}

// ask sends a request, and returns the status and the body; 0 when nothing came.
func (n *node) ask(method, path, token string, form url.Values, header ...string) (int, string) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(n.t.Context(), method, n.base+path, body)
	if err != nil {
		n.t.Error(err)
		return 0, ""
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := n.http.Do(r)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func credentials(name, pw string) url.Values {
	return url.Values{"username": {name}, "password": {pw}, "client": {"web"}}
}

func (n *node) login() string {
	n.t.Helper()
	status, body := n.ask("POST", "/api/auth/login/", "", credentials(userName, password))
	var in struct{ Token string }
	if err := json.Unmarshal([]byte(body), &in); err != nil || status != 200 {
		n.t.Fatalf("login: %d %s\n%s", status, body, n.log)
	}
	return in.Token
}

// check asks whether a token is good.
func (n *node) check(token string) int {
	status, _ := n.ask("GET", "/api/auth/verify", token, nil)
	return status
}

// A scrape is what Prometheus gets.
type scrape struct {
	samples []sample
	types   map[string]string
	help    map[string]string
}

type sample struct {
	name   string
	labels map[string]string
	value  float64
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
)

func (n *node) scrape() scrape {
	n.t.Helper()
	res, err := n.http.Get(n.ops + "/metrics")
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		n.t.Fatalf("metrics: %s, %v", res.Status, err)
	}
	return parse(n.t, string(text))
}

func parse(t *testing.T, text string) scrape {
	t.Helper()
	s := scrape{types: map[string]string{}, help: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if about, ok := strings.CutPrefix(line, "# "); ok {
			kind, rest, _ := strings.Cut(about, " ")
			name, rest, _ := strings.Cut(rest, " ")
			if kind == "TYPE" {
				s.types[name] = rest
			} else {
				s.help[name] = rest
			}
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no sample: %s", line)
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		one := sample{name: m[1], labels: map[string]string{}, value: value}
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			one.labels[pair[1]] = pair[2]
		}
		s.samples = append(s.samples, one)
	}
	return s
}

// sum adds up the samples of a metric that have the labels: "result", "ok".
func (s scrape) sum(name string, labels ...string) (sum float64, there bool) {
	for _, one := range s.samples {
		fits := one.name == name
		for i := 0; i+1 < len(labels); i += 2 {
			fits = fits && one.labels[labels[i]] == labels[i+1]
		}
		if fits {
			sum, there = sum+one.value, true
		}
	}
	return sum, there
}

// becomes waits until the value of a metric is what is wanted.
func (n *node) becomes(want func(float64) bool, name string, labels ...string) {
	n.t.Helper()
	n.eventually(fmt.Sprintf("%s%v moves", name, labels), func() bool {
		time.Sleep(100 * time.Millisecond) // a scrape is some work
		v, there := n.scrape().sum(name, labels...)
		return there && want(v)
	})
}

func above(bound float64) func(float64) bool { return func(v float64) bool { return v > bound } }

func is(value float64) func(float64) bool { return func(v float64) bool { return v == value } }
