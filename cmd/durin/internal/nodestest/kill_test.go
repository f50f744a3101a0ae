package nodestest

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/servers"
)

// TestNodesAreKilled ends a node in the middle of its writes, again and again:
// every acknowledged token works and every acknowledged revocation holds, on the
// node that is left and on the one that comes back. DURIN_TEST_KILLS is how
// often: 100 for the long form.
func TestNodesAreKilled(t *testing.T) {
	rounds := many(t, "DURIN_TEST_KILLS", 20)
	for name, open := range map[string]func(testing.TB) servers.Database{"SQLite": servers.SQLite, "PostgreSQL": servers.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			db := open(t).URL
			c := newCluster(t, db)
			stays, dies := c.add(db), c.add(db)
			acknowledged := 0
			for range rounds {
				l := &ledger{}
				c.killWhileWriting(dies, l)
				dies.start()
				l.holds(stays)
				l.holds(dies)
				acknowledged += len(l.issued) + len(l.ended)
				if t.Failed() {
					return
				}
			}
			if acknowledged == 0 {
				t.Error("nothing was acknowledged")
			}
			t.Logf("%d acknowledged writes hold after %d kills", acknowledged, rounds)
		})
	}
}

// killWhileWriting kills the node after some acknowledgements, while more
// requests are under way.
func (c *cluster) killWhileWriting(n *node, l *ledger) {
	c.t.Helper()
	tokens := c.tokens(30)
	for _, token := range tokens {
		n.check(token)
	}
	var wg sync.WaitGroup
	wrote := make(chan struct{}, 2*len(tokens))
	for part := range 3 {
		wg.Go(func() {
			for i := part; i < len(tokens); i += 3 {
				status := n.logout(tokens[i])
				if status == 0 {
					return
				}
				if status != http.StatusNoContent {
					c.t.Errorf("log out: %d", status)
				}
				l.note(&l.ended, tokens[i])
				wrote <- struct{}{}
			}
		})
	}
	names := []string{c.user().Name, c.user().Name, c.user().Name}
	wg.Go(func() {
		for _, name := range names {
			token, status := n.login(name)
			if status == 0 {
				return
			}
			if status != http.StatusOK {
				c.t.Errorf("log in: %d", status)
			}
			l.note(&l.issued, token)
			wrote <- struct{}{}
		}
	})
	for range 1 + rand.IntN(len(tokens)/2) {
		<-wrote
	}
	time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
	n.kill()
	wg.Wait()
}
