//go:build unix

package upgradetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/servers"
)

const (
	userName = "ada"
	password = "correct horse battery staple"
	waitTime = time.Minute
)

func TestMain(m *testing.M) {
	code := servers.Main(m)
	if builds.dir != "" {
		_ = os.RemoveAll(builds.dir)
	}
	os.Exit(code)
}

var long = os.Getenv("DURIN_LONG") != ""

// builds are the programs that were built, by version.
var builds struct {
	sync.Mutex
	dir  string
	done map[string]string
}

// build compiles the program in a tree, and returns the file.
func build(t *testing.T, version, tree string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "durin-upgrade-")
		if err != nil {
			t.Fatal(err)
		}
		builds.dir, builds.done = dir, map[string]string{}
	}
	if file := builds.done[version]; file != "" {
		return file
	}
	file := filepath.Join(builds.dir, version)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X github.com/durin-go/durin/cmd/durin/internal/cli.stampedVersion="+version, "-o", file, ".")
	cmd.Dir = filepath.Join(tree, "cmd", "durin")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	builds.done[version] = file
	return file
}

const thisTree = "../../../.."

// A world is a database and the programs on it.
type world struct {
	t     *testing.T
	dir   string
	db    string
	token string // of the user, that lives on
	nodes []*node
}

// newWorld lays out the database with a program.
func newWorld(t *testing.T, db, program string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), db: db}
	if w.db == "" {
		w.db = filepath.Join(w.dir, "durin.db")
	}
	w.run(program, "", "migrate")
	w.run(program, "", "client", "create", "web")
	w.run(program, "", "client", "create", "many", "--policy", "evict", "--max-tokens", "100000")
	w.run(program, password, "user", "create", userName, "--password-stdin")
	w.token = strings.TrimSpace(w.run(program, "", "token", "create", userName, "web"))
	return w
}

func (w *world) environ() []string {
	own := []string{"DURIN_DB=" + w.db, "DURIN_KEY_FILE=" + filepath.Join(w.dir, "durin.key"), "DURIN_LOGIN_LIMIT=off"}
	return append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DURIN_") }), own...)
}

func (w *world) run(program, stdin string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), program, args...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stderr = w.dir, w.environ(), strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("durin %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// A node is a place where a program is installed and serves.
type node struct {
	w       *world
	number  int
	addr    string
	cmd     *exec.Cmd
	done    chan struct{}
	program string // the installed file
}

// add installs a program in a place of its own, and starts it.
func (w *world) add(program string, args ...string) *node {
	w.t.Helper()
	n := &node{w: w, number: len(w.nodes), addr: "127.0.0.1:0"}
	n.program = filepath.Join(w.dir, fmt.Sprintf("durin%d", n.number))
	w.nodes = append(w.nodes, n)
	n.install(program)
	n.start(args...)
	w.t.Cleanup(func() { n.signal(syscall.SIGKILL) })
	return n
}

// install puts a program in the place of the one before, as package managers do.
func (n *node) install(program string) {
	n.w.t.Helper()
	text, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(n.program+".new", text, 0o700)
	}
	if err == nil {
		err = os.Rename(n.program+".new", n.program)
	}
	if err != nil {
		n.w.t.Fatal(err)
	}
}

func (n *node) file(kind string) string {
	return filepath.Join(n.w.dir, fmt.Sprintf("%s%d", kind, n.number))
}

// start serves on the address that the node had before, if there was one.
func (n *node) start(args ...string) {
	n.w.t.Helper()
	_ = os.Remove(n.file("addr"))
	log, err := os.OpenFile(n.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.w.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	n.cmd = exec.Command(n.program, append([]string{"serve", "--addr", n.addr, "--addr-file", n.file("addr")}, args...)...)
	n.cmd.Dir, n.cmd.Env, n.cmd.Stdout, n.cmd.Stderr = n.w.dir, n.w.environ(), log, log
	if err := n.cmd.Start(); err != nil {
		n.w.t.Fatal(err)
	}
	cmd, done := n.cmd, make(chan struct{})
	n.done = done
	go func() { _ = cmd.Wait(); close(done) }()
	n.eventually("it is ready", func() bool {
		text, err := os.ReadFile(n.file("addr"))
		if err != nil {
			return false
		}
		if strings.HasSuffix(n.addr, ":0") {
			n.addr = strings.TrimSpace(string(text))
		}
		return n.ready()
	})
}

func (n *node) ready() bool {
	res, err := http.Get("http://" + n.addr + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (n *node) eventually(what string, is func() bool) {
	n.w.t.Helper()
	for end := time.Now().Add(waitTime); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			n.w.t.Fatalf("still not: %s\n%s", what, n.logged())
		}
	}
}

func (n *node) logged() string {
	text, _ := os.ReadFile(n.file("log"))
	return string(text)
}

// pid is the process that serves, by the file that it writes.
func (n *node) pid() int {
	text, _ := os.ReadFile(n.file("pid"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	if pid == 0 && n.cmd != nil {
		pid = n.cmd.Process.Pid
	}
	return pid
}

func (n *node) signal(s syscall.Signal) { _ = syscall.Kill(n.pid(), s) }

// ended reports that a process is no more, or waits for its parent only.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(state), ") ")
	return err == nil && strings.HasPrefix(after, "Z")
}

// A load is requests without end, and what became of them.
type load struct {
	t      *testing.T
	cancel context.CancelFunc
	ctx    context.Context
	wg     sync.WaitGroup

	mu           sync.Mutex
	done         int
	faults       []string
	issued, gone []string
}

func newLoad(t *testing.T) *load {
	l := &load{t: t}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	t.Cleanup(func() { l.cancel(); l.wg.Wait() })
	return l
}

// repeat does work until the load ends. An error is a failed request.
func (l *load) repeat(what string, work func() error) {
	l.wg.Go(func() {
		for l.ctx.Err() == nil {
			err := work()
			l.mu.Lock()
			if l.done++; err != nil && len(l.faults) < 20 {
				l.faults = append(l.faults, what+": "+err.Error())
			}
			l.mu.Unlock()
		}
	})
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// end ends the load and tells of failed requests.
func (l *load) end() {
	l.t.Helper()
	l.cancel()
	l.wg.Wait()
	for _, fault := range l.faults {
		l.t.Error(fault)
	}
}

// request sends one and returns the body of a response with the status that is
// wanted.
func request(c *http.Client, method, at, token string, form url.Values, want int) (string, error) {
	req, err := http.NewRequest(method, at, nil)
	if form != nil {
		req, err = http.NewRequest(method, at, io.NopCloser(strings.NewReader(form.Encode()))) // a body that net/http cannot send again
	}
	if err != nil {
		return "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		req.Header.Set("Authorization", "Token "+token)
	}
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != want {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return string(text), err
}

func newClient() *http.Client {
	return &http.Client{Timeout: waitTime, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
}
