package nodestest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/test/programtest"
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

const pass = programtest.Password

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
	*programtest.Server
	c *cluster
}

// add starts a node. Only the first makes keys: the others find them.
func (c *cluster) add(db string, args ...string) *node {
	c.t.Helper()
	n := &node{c: c, Server: &programtest.Server{
		T: c.t, Program: programtest.Build(c.t, "../../../.."), Dir: c.dir, Env: programtest.Environ(),
		Args: append([]string{"--demo", "--db", db, "--key-file", filepath.Join(c.dir, "durin.key"), "--login-limit", "off"}, args...),
	}}
	c.nodes = append(c.nodes, n)
	n.Start()
	return n
}

func (n *node) check(token string) int {
	status, _ := n.Ask("GET", "/api/auth/", token, nil)
	return status
}

func (n *node) logout(token string) int {
	status, _ := n.Ask("POST", "/api/auth/logout/", token, nil)
	return status
}

// login returns the token, if the answer is 200.
func (n *node) login(user string) (string, int) { return n.loginWith(user, "web") }

func (n *node) loginWith(user, client string) (string, int) {
	a, err := n.Try("POST", programtest.LoginPath, "", programtest.Credentials(user, pass, client))
	if err != nil {
		return "", 0
	}
	return a.Token(), a.StatusCode
}

// part is what /readyz tells of one part: "ok", "warning", "unavailable" or "".
func (n *node) part(name string) string {
	_, body := n.Ask("GET", "/readyz", "", nil)
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
				c.t.Fatalf("a live token: %d\n%s", status, n.Log())
			}
		}
	}
}
