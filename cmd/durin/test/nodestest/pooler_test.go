package nodestest

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestThroughAPooler runs nodes behind PgBouncer in transaction mode: by polling,
// and with NOTIFY past it.
func TestThroughAPooler(t *testing.T) {
	direct := servers.PostgreSQL(t).URL
	pooled := servers.OwnPooler(t, direct).URL
	c := newCluster(t, pooled)
	c.add(pooled)
	c.add(pooled)
	if part := c.nodes[0].part("notify"); part != "" {
		t.Errorf("NOTIFY through the pooler is %s", part)
	}
	c.add(pooled, "--notify", direct)
	programtest.Eventually(t, "NOTIFY past the pooler", func() bool { return c.nodes[2].part("notify") == "ok" })
	tokens := c.tokens(40)
	c.warm(tokens)
	var took spans
	var wg sync.WaitGroup
	for worker := range 4 { // more transactions at a time than the pooler has connections
		wg.Go(func() {
			for i := worker; i < len(tokens); i += 4 {
				c.revoke(tokens[i], &took)
			}
		})
	}
	names := []string{c.user().Name, c.user().Name, c.user().Name}
	for i, name := range names {
		wg.Go(func() {
			for range 5 {
				if _, status := c.nodes[i].login(name); status != http.StatusOK {
					t.Errorf("log in: %d", status)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Wait()
	took.report(t, len(tokens))
	for _, n := range c.nodes {
		if log := n.Log(); strings.Contains(log, `"level":"ERROR"`) {
			t.Errorf("in the log:\n%s", log)
		}
	}
}
