//go:build unix

package upgradetest

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// drainTime is how long a node goes on after the signal to stop.
const drainTime = 3 * time.Second

// TestRolling upgrades three nodes on one database, one after the other. Clients
// choose a node by /readyz, as load balancers do, and send nothing twice: no
// request fails.
func TestRolling(t *testing.T) {
	first, second := build(t, "v1", thisTree), build(t, "v2", thisTree)
	w := newWorld(t, servers.PostgreSQL(t).URL, first)
	args := []string{"--drain-time", drainTime.String()}
	for range 3 {
		w.add(first, args...)
	}
	b := newBalancer(w)
	l := newLoad(t)
	b.load(l, w.token)
	for _, n := range w.nodes {
		before := l.count()
		n.Eventually("there is load", func() bool { return l.count() > before+50 })
		n.signal(syscall.SIGTERM)
		n.Eventually("/readyz says that it is about to stop", func() bool { return !n.ready() })
		<-n.Done
		n.install(second)
		n.start(args...)
	}
	before := l.count()
	w.nodes[0].Eventually("there is load", func() bool { return l.count() > before+50 })
	l.end()
	t.Logf("%d requests while three nodes were upgraded; none failed: %v", l.count(), !t.Failed())
	for _, n := range w.nodes {
		l.holds("http://" + n.Addr + "/api/auth/")
	}
}

// TestOlderProgram upgrades three nodes from the program of before the latest
// migrations, out of the repository's history: those that are still old go on
// working in the newer schema. They know no drain time: the balancer is told.
func TestOlderProgram(t *testing.T) {
	if !long {
		t.Skip("DURIN_LONG=1 builds a program of the repository's history")
	}
	old, current := build(t, "old", historic(t)), build(t, "v1", thisTree)
	w := newWorld(t, servers.PostgreSQL(t).URL, old)
	for range 3 {
		w.add(old)
	}
	b := newBalancer(w)
	l := newLoad(t)
	b.load(l, w.token)
	for _, n := range w.nodes {
		before := l.count()
		n.Eventually("there is load", func() bool { return l.count() > before+50 })
		b.take(n, true)
		n.signal(syscall.SIGTERM)
		<-n.Done
		n.install(current)
		n.start()
		b.take(n, false)
		for _, other := range w.nodes {
			other.Eventually("all are ready", other.ready)
		}
	}
	before := l.count()
	w.nodes[0].Eventually("there is load", func() bool { return l.count() > before+50 })
	l.end()
	for _, n := range w.nodes {
		l.holds("http://" + n.Addr + "/api/auth/")
	}
	t.Logf("%d requests; migrations:\n%s", l.count(), w.server(current).Run("", "migrate", "--status"))
}

// historic is a tree of the commit before the migration 0004.
func historic(t *testing.T) string {
	t.Helper()
	git := func(dir string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := git(thisTree, "log", "--diff-filter=A", "--format=%h", "--", "sqlstore/migrations/sqlite/0004_legacy.sql")
	if commit == "" {
		t.Skip("the repository's history is not here")
	}
	tree := filepath.Join(t.TempDir(), "old")
	git(thisTree, "clone", "-q", "--no-checkout", ".", tree)
	git(tree, "checkout", "-q", commit+"~1")
	return tree
}

// A balancer knows which nodes are ready.
type balancer struct {
	w    *world
	mu   sync.Mutex
	seen map[*node]time.Time // when the last /readyz was asked for that said 200
	out  map[*node]bool      // taken out by hand
	busy map[*node]int       // requests under way
	next int
}

func newBalancer(w *world) *balancer {
	b := &balancer{w: w, seen: map[*node]time.Time{}, out: map[*node]bool{}, busy: map[*node]int{}}
	stop, done := make(chan struct{}), make(chan struct{})
	c := &http.Client{Timeout: drainTime / 2, Transport: &http.Transport{DisableKeepAlives: true}}
	addrs := map[*node]string{}
	for _, n := range w.nodes {
		addrs[n] = n.Addr
	}
	go func() {
		defer close(done)
		for {
			for n, addr := range addrs {
				b.look(c, n, addr)
			}
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	w.t.Cleanup(func() { close(stop); <-done })
	return b
}

func (b *balancer) look(c *http.Client, n *node, addr string) {
	asked := time.Now()
	_, err := request(c, "GET", "http://"+addr+"/readyz", "", nil, http.StatusOK)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[n] = asked; err != nil {
		delete(b.seen, n)
	}
}

// take takes a node out, and waits for the requests that are under way; or in.
func (b *balancer) take(n *node, out bool) {
	b.mu.Lock()
	b.out[n] = out
	b.mu.Unlock()
	n.Eventually("its last request is answered", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.busy[n] == 0 || !out
	})
}

// pick chooses one of the nodes that were ready a moment ago.
func (b *balancer) pick() (n *node, asked time.Time) {
	for ; ; time.Sleep(5 * time.Millisecond) {
		b.mu.Lock()
		for range b.w.nodes {
			b.next++
			n := b.w.nodes[b.next%len(b.w.nodes)]
			if at, ok := b.seen[n]; ok && !b.out[n] && time.Since(at) < drainTime/2 {
				b.busy[n]++
				b.mu.Unlock()
				return n, at
			}
		}
		b.mu.Unlock()
	}
}

// through sends work to a node. A failure counts unless the word of /readyz was
// older than the drain time when it came about: then this machine was too slow to
// tell anything.
func (b *balancer) through(work func(api string) error) error {
	n, asked := b.pick()
	err := work("http://" + n.Addr + "/api/auth/")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy[n]--
	if err == nil || time.Since(asked) > drainTime {
		return nil
	}
	return fmt.Errorf("node %d, %v after it was ready: %w", n.number, time.Since(asked).Round(time.Millisecond), err)
}

// load sends checks, log-ins and log-outs through the balancer.
func (b *balancer) load(l *load, token string) {
	for _, c := range []*http.Client{newClient(), {Timeout: waitTime, Transport: &http.Transport{DisableKeepAlives: true}}} {
		l.repeat("a check", func() error {
			return b.through(func(api string) error {
				_, err := request(c, "GET", api+"sessions/", token, nil, http.StatusOK)
				return err
			})
		})
	}
	c := newClient()
	l.repeat("a write", func() error {
		return b.through(func(api string) error {
			token, err := login(c, api)
			if err != nil {
				return err
			}
			l.note(&l.issued, token)
			return nil
		})
	})
	l.repeat("an ending", func() error {
		var ended string
		err := b.through(func(api string) (err error) { ended, err = login(c, api); return err })
		if err != nil || ended == "" {
			return err
		}
		return b.through(func(api string) error {
			_, err := request(c, "POST", api+"logout/", ended, url.Values{}, http.StatusNoContent)
			if err == nil {
				l.note(&l.gone, ended)
			}
			return err
		})
	})
}
