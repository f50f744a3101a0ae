//go:build unix

package upgradetest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

const (
	userName = programtest.User
	password = programtest.Password
	waitTime = time.Minute
)

func TestMain(m *testing.M) { programtest.Main(m) }

var long = os.Getenv("DURIN_LONG") != ""

// build compiles the program in a tree, and returns the file.
func build(t *testing.T, version, tree string) string {
	t.Helper()
	return programtest.Build(t, tree, "-ldflags", "-X github.com/durin-go/durin/cmd/durin/internal/cli.stampedVersion="+version)
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
	s := w.server(program)
	s.Prepare()
	s.Run("", "client", "create", "many", "--policy", "evict", "--max-tokens", "100000")
	w.token = strings.TrimSpace(s.Run("", "token", "create", userName, "web"))
	return w
}

// server is a program in the world's folder, on its database.
func (w *world) server(program string) *programtest.Server {
	env := programtest.Environ("DURIN_DB="+w.db, "DURIN_KEY_FILE="+filepath.Join(w.dir, "durin.key"), "DURIN_LOGIN_LIMIT=off")
	return &programtest.Server{T: w.t, Program: program, Dir: w.dir, Env: env}
}

// A node is a place where a program is installed and serves.
type node struct {
	*programtest.Server
	w      *world
	number int
}

// add installs a program in a place of its own, and starts it.
func (w *world) add(program string, args ...string) *node {
	w.t.Helper()
	n := &node{w: w, number: len(w.nodes)}
	n.Server = w.server(filepath.Join(w.dir, fmt.Sprintf("durin%d", n.number)))
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
		err = os.WriteFile(n.Program+".new", text, 0o700)
	}
	if err == nil {
		err = os.Rename(n.Program+".new", n.Program)
	}
	if err != nil {
		n.w.t.Fatal(err)
	}
}

// start serves on the address that the node had before, if there was one.
func (n *node) start(args ...string) {
	n.w.t.Helper()
	if n.Args = args; n.Addr != "" {
		n.Args = append(slices.Clone(args), "--addr", n.Addr)
	}
	n.Start()
	n.Eventually("it is ready", n.ready)
}

func (n *node) ready() bool {
	status, _ := n.Ask("GET", "/readyz", "", nil)
	return status == http.StatusOK
}

// pid is the process that serves, by the file that it writes.
func (n *node) pid() int {
	text, _ := os.ReadFile(filepath.Join(n.Dir, fmt.Sprintf("pid%d", n.number)))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	if pid == 0 {
		pid = n.Cmd.Process.Pid
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
	r, err := programtest.NewRequest(method, at, token, form)
	if err != nil {
		return "", err
	}
	r.GetBody = nil // net/http cannot send it again
	a, err := programtest.Send(c, r)
	if err == nil && a.StatusCode != want {
		err = fmt.Errorf("%s: %s", a.Status, a.Text)
	}
	return a.Text, err
}

func newClient() *http.Client {
	return &http.Client{Timeout: waitTime, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
}
