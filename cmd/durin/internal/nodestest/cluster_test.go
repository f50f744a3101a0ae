package nodestest

import (
	"context"
	"encoding/json"
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
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/replay"
	"github.com/durin-go/durin/password"
)

// staleBound is what the program promises: how long after the acknowledgement an
// ended token may be let through by another node that hears of nothing.
const staleBound = time.Second

// many is n, or what the environment says instead: the long form of a test.
func many(t *testing.T, variable string, n int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return n
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "durin-nodes-")
	if err != nil {
		return "", err
	}
	cleanups = append(cleanups, func() { _ = os.RemoveAll(dir) })
	return replay.Build(context.Background(), "../..", dir)
})

var cleanups []func()

// A cluster is nodes on one database, and the database seen from inside.
type cluster struct {
	t     *testing.T
	dir   string
	at    string       // of the database
	guard *durin.Guard // that of a node which is not the program
	store interface {
		durin.Store
		durin.UserStore
	}
	nodes []*node
	users int
	hash  string
	late  spans // of requests with ended tokens that were let through
}

const pass = "correct horse battery staple"

// newCluster lays out the database at a URL or path.
func newCluster(t *testing.T, db string) *cluster {
	t.Helper()
	ctx := t.Context()
	target, err := database.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	h, err := database.Open(target, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	if _, err := h.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	store, err := h.Store(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, dir: t.TempDir(), at: db, store: store}
	c.guard, err = durin.New(ctx, durin.Options{Store: store, Users: store, ReuseWithoutKey: durin.PolicyReplace, PruneAfter: -1, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.guard.Close(context.Background()); _ = store.Close() })
	if _, err := c.guard.CreateClient(ctx, durin.Client{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.hash, err = hasher.Hash(ctx, pass); err != nil {
		t.Fatal(err)
	}
	return c
}

// user makes a user who can log in.
func (c *cluster) user() durin.User {
	c.t.Helper()
	c.users++
	u, err := c.store.CreateUser(c.t.Context(), durin.User{Name: fmt.Sprintf("user%d", c.users), Password: c.hash, Active: true, Created: time.Now()})
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

// tokens issues n, each of a user of its own.
func (c *cluster) tokens(n int) []string {
	c.t.Helper()
	all := make([]string, n)
	for i := range all {
		issued, err := c.guard.Issue(c.t.Context(), durin.IssueRequest{UserID: c.user().ID, Client: "web"})
		if err != nil {
			c.t.Fatal(err)
		}
		all[i] = issued.Token.Reveal()
	}
	return all
}

// A node is the real program as a process.
type node struct {
	c    *cluster
	args []string
	addr string
	cmd  *exec.Cmd
	log  string // path of its log
	http *http.Client
	done chan struct{}
}

// add starts a node. Only the first makes keys: the others find them.
func (c *cluster) add(db string, args ...string) *node {
	c.t.Helper()
	n := &node{c: c, log: filepath.Join(c.dir, fmt.Sprintf("log%d", len(c.nodes))), args: append([]string{
		"serve", "--demo", "--db", db, "--key-file", filepath.Join(c.dir, "durin.key"), "--login-limit", "off", "--addr", "127.0.0.1:0",
	}, args...)}
	c.nodes = append(c.nodes, n)
	n.start()
	c.t.Cleanup(n.kill)
	return n
}

func (n *node) start() {
	t := n.c.t
	t.Helper()
	file := n.launch()
	eventually(t, "a node is ready: "+n.log, func() bool {
		select {
		case <-n.done:
			t.Fatalf("a node ended:\n%s", n.logged())
		default:
		}
		text, err := os.ReadFile(file)
		n.addr = strings.TrimSpace(string(text))
		return err == nil
	})
}

// launch starts the process, and returns the file that will have its address.
func (n *node) launch() string {
	t := n.c.t
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(n.c.dir, fmt.Sprintf("addr%d", time.Now().UnixNano()))
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	n.cmd = exec.Command(binary, append(slices.Clone(n.args), "--addr-file", file)...)
	n.cmd.Dir, n.cmd.Stdout, n.cmd.Stderr = n.c.dir, log, log
	n.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DURIN_") })
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, done := n.cmd, make(chan struct{})
	n.done = done
	go func() { _ = cmd.Wait(); close(done) }()
	n.http = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	return file
}

// kill ends the node as a power cut does.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	<-n.done
	n.http.CloseIdleConnections()
}

func (n *node) logged() string {
	text, _ := os.ReadFile(n.log)
	return string(text)
}

// do asks the node. The status is 0 where there is no answer.
func (n *node) do(method, path, token string, form url.Values) (status int, body string) {
	var in io.Reader
	if form != nil {
		in = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, "http://"+n.addr+path, in)
	if err != nil {
		return 0, err.Error()
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		req.Header.Set("Authorization", "Token "+token)
	}
	res, err := n.http.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

func (n *node) check(token string) int {
	status, _ := n.do("GET", "/api/auth/", token, nil)
	return status
}

func (n *node) logout(token string) int {
	status, _ := n.do("POST", "/api/auth/logout/", token, nil)
	return status
}

// login returns the token, if the answer is 200.
func (n *node) login(user string) (string, int) { return n.loginWith(user, "web") }

func (n *node) loginWith(user, client string) (string, int) {
	status, body := n.do("POST", "/api/auth/login/", "", url.Values{"username": {user}, "password": {pass}, "client": {client}})
	var in struct{ Token string }
	if status == http.StatusOK && json.Unmarshal([]byte(body), &in) != nil {
		return "", 0
	}
	return in.Token, status
}

// part is what /readyz tells of one part: "ok", "warning", "unavailable" or "".
func (n *node) part(name string) string {
	_, body := n.do("GET", "/readyz", "", nil)
	var report struct {
		Parts map[string]struct{ Status string }
	}
	_ = json.Unmarshal([]byte(body), &report)
	return report.Parts[name].Status
}

// warm has every node keep every token in memory.
func (c *cluster) warm(tokens []string) {
	c.t.Helper()
	for _, n := range c.nodes {
		for _, token := range tokens {
			if status := n.check(token); status != http.StatusOK {
				c.t.Fatalf("a live token: %d\n%s", status, n.logged())
			}
		}
	}
}
