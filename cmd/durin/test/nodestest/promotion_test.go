package nodestest

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestPromotion kills a PostgreSQL primary under load and promotes its standby:
// what was acknowledged holds, nobody is refused who is not to be, and the nodes
// find the other server by themselves.
func TestPromotion(t *testing.T) {
	primary := servers.OwnPostgreSQL(t)
	standby := primary.Standby()
	db := "postgres://postgres@" + primary.Addr + "," + standby.Addr + "/postgres?sslmode=disable&target_session_attrs=read-write&connect_timeout=2"
	c := newCluster(t, db)
	c.add(db)
	c.add(db)
	c.whole("notify")
	live, toEnd := c.tokens(20), c.tokens(400)
	names := make([]string, 40)
	for i := range names {
		names[i] = c.user().Name
	}
	c.warm(append(live, toEnd...))
	l := &ledger{}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var refused atomic.Int64
	for _, n := range c.nodes {
		wg.Go(func() { n.checks(live, stop, &refused) })
	}
	wg.Go(func() { c.logouts(toEnd, l, stop) })
	wg.Go(func() { c.logins(names, l, stop) })
	programtest.Eventually(t, "some writes", func() bool { return l.count() > 10 })
	primary.Kill()
	gone := time.Now()
	time.Sleep(200 * time.Millisecond) // a promotion takes its time; how much does not matter
	standby.Promote()
	for _, n := range c.nodes {
		programtest.Eventually(t, "the other server is found", func() bool {
			return n.check(live[0]) == http.StatusOK && n.part("outbox") == "ok" && n.part("notify") == "ok"
		})
	}
	t.Logf("service on the other server %v after the first was killed", time.Since(gone).Round(time.Millisecond))
	before := l.count()
	programtest.Eventually(t, "writes go on", func() bool { return l.count() > before+5 })
	close(stop)
	wg.Wait()
	t.Logf("%d tokens issued and %d ended around the promotion, %d checks answered with 503", len(l.issued), len(l.ended), refused.Load())
	l.issued = append(l.issued, live...)
	for _, n := range c.nodes {
		l.holds(n)
	}
	// What is ended on the new server is felt on both nodes as before.
	token := c.tokens(1)[0]
	c.warm([]string{token})
	c.revoke(token, &spans{})
}
