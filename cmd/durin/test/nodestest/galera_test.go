package nodestest

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestGalera runs three nodes, each on a Galera node of its own, and kills one of
// those under load. The others go on; what was acknowledged holds everywhere.
func TestGalera(t *testing.T) {
	t.Parallel() // it waits for its database most of the time
	group := servers.OwnGalera(t, 3)
	c := newCluster(t, group[0].URL+"?wsrep_sync_wait=1")
	for _, o := range group {
		c.add(o.URL + "?wsrep_sync_wait=1")
	}
	live, toEnd := c.tokens(20), c.tokens(300)
	names := make([]string, 30)
	for i := range names {
		names[i] = c.user().Name
	}
	c.warm(append(live, toEnd[:20]...))
	var took spans
	for _, token := range toEnd[:20] {
		c.revoke(token, &took)
	}
	took.report(t, 20)
	lost := c.nodes[2]
	c.nodes = c.nodes[:2]
	l := &ledger{}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var refused atomic.Int64
	for _, n := range append(c.nodes, lost) {
		wg.Go(func() { n.checks(live, stop, &refused) })
	}
	wg.Go(func() { c.logouts(toEnd[20:], l, stop) })
	wg.Go(func() { c.logins(names, l, stop) })
	programtest.Eventually(t, "some writes", func() bool { return l.count() > 10 })
	group[2].Kill()
	programtest.Eventually(t, "its node is unavailable", func() bool { return lost.check(live[0]) == http.StatusServiceUnavailable })
	before := l.count()
	programtest.Eventually(t, "writes go on without it", func() bool { return l.count() > before+10 })
	group[2].Start()
	programtest.Eventually(t, "its node is back", func() bool { return lost.check(live[0]) == http.StatusOK && lost.part("outbox") == "ok" })
	close(stop)
	wg.Wait()
	t.Logf("%d tokens issued and %d ended, %d checks answered with 503", len(l.issued), len(l.ended), refused.Load())
	l.issued = append(l.issued, live...)
	for _, n := range append(c.nodes, lost) {
		l.holds(n)
	}
}
