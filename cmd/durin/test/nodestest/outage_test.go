package nodestest

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// A ledger keeps what nodes have acknowledged.
type ledger struct {
	mu            sync.Mutex
	issued, ended []string
}

func (l *ledger) note(list *[]string, token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, token)
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.issued) + len(l.ended)
}

// holds asks a node about everything.
func (l *ledger) holds(n *node) {
	n.c.t.Helper()
	for _, token := range l.issued {
		if status := n.check(token); status != http.StatusOK {
			n.c.t.Errorf("an acknowledged token is lost: %d", status)
		}
	}
	for _, token := range l.ended {
		if status := n.check(token); status != http.StatusUnauthorized {
			n.c.t.Errorf("an acknowledged revocation is undone: %d", status)
		}
	}
}

// TestDatabaseStopsAndStarts takes the database away under load.
func TestDatabaseStopsAndStarts(t *testing.T) {
	for name, own := range map[string]func(testing.TB) *servers.Own{"PostgreSQL": servers.OwnPostgreSQL, "MariaDB": servers.OwnMySQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := own(t)
			c := newCluster(t, db.URL)
			for range 2 {
				c.add(db.URL)
			}
			c.outage(db, db.Stop)
			c.outage(db, db.Kill)
		})
	}
}

// outage ends the database's server, and starts it again after the bound.
func (c *cluster) outage(db *servers.Own, end func()) {
	c.t.Helper()
	live, toEnd := c.tokens(20), c.tokens(200)
	names := make([]string, 40)
	for i := range names {
		names[i] = c.user().Name
	}
	c.warm(live)
	l := &ledger{}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var refused atomic.Int64
	for _, n := range c.nodes {
		wg.Go(func() { n.checks(live, stop, &refused) })
	}
	wg.Go(func() { c.logouts(toEnd, l, stop) })
	wg.Go(func() { c.logins(names, l, stop) })
	time.Sleep(300 * time.Millisecond) // some load before; how much does not matter
	end()
	gone := time.Now()
	for sent := time.Duration(0); sent < 2*staleBound; sent = time.Since(gone) {
		for _, n := range c.nodes {
			sent := time.Since(gone)
			if status := n.check(live[0]); sent > staleBound && status != http.StatusServiceUnavailable {
				c.t.Errorf("%v without a database: %d", sent, status)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	db.Start()
	for _, n := range c.nodes {
		programtest.Eventually(c.t, "service returns", func() bool { return n.check(live[0]) == http.StatusOK && n.part("database") == "ok" })
	}
	before := l.count()
	programtest.Eventually(c.t, "writes go on", func() bool { return l.count() > before+5 })
	close(stop)
	wg.Wait()
	if refused.Load() == 0 {
		c.t.Error("the outage is not felt")
	}
	c.t.Logf("%d tokens issued and %d ended around the outage, %d checks answered with 503", len(l.issued), len(l.ended), refused.Load())
	l.issued = append(l.issued, live...)
	for _, n := range c.nodes {
		l.holds(n)
	}
}

// checks asks about live tokens: 200 and 503 are the only answers.
func (n *node) checks(live []string, stop <-chan struct{}, refused *atomic.Int64) {
	for !closed(stop) {
		switch status := n.check(live[rand.IntN(len(live))]); status {
		case http.StatusOK:
		case http.StatusServiceUnavailable:
			refused.Add(1)
		default:
			n.c.t.Errorf("a live token: %d", status)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// logouts ends tokens one after the other. Of those that were answered with 503
// nobody knows: they are not asked about again.
func (c *cluster) logouts(tokens []string, l *ledger, stop <-chan struct{}) {
	for i := 0; i < len(tokens) && !closed(stop); i++ {
		switch status := c.nodes[i%len(c.nodes)].logout(tokens[i]); status {
		case http.StatusNoContent:
			l.note(&l.ended, tokens[i])
		case http.StatusServiceUnavailable:
			time.Sleep(50 * time.Millisecond)
		default:
			c.t.Errorf("log out: %d", status)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *cluster) logins(names []string, l *ledger, stop <-chan struct{}) {
	for i := 0; i < len(names) && !closed(stop); i++ {
		switch token, status := c.nodes[i%len(c.nodes)].login(names[i]); status {
		case http.StatusOK:
			l.note(&l.issued, token)
		case http.StatusServiceUnavailable:
			time.Sleep(200 * time.Millisecond)
		default:
			c.t.Errorf("log in: %d", status)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func closed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}
