package nodestest

import (
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestRedisCluster shares throttles and news through a cluster of three masters.
func TestRedisCluster(t *testing.T) {
	const n = 100
	db := servers.PostgreSQL(t).URL
	var addrs []string
	for _, o := range servers.OwnRedisCluster(t) {
		addrs = append(addrs, o.Addr)
	}
	c := newCluster(t, db)
	for range 3 {
		c.add(db, "--redis", "redis://"+addrs[0]+patient+"&addr="+addrs[1]+"&addr="+addrs[2], "--throttle", "100/h")
	}
	c.whole("redis")
	tokens := c.tokens(6) // their windows are on several of the masters
	for _, token := range tokens {
		if passed := c.crowd(token, 4, 10, nil); passed != n {
			t.Errorf("%d pass, want %d", passed, n)
		}
	}
	var took spans
	c.warm(tokens)
	for _, token := range tokens {
		c.revoke(token, &took)
	}
	took.report(t, len(tokens))
}

// TestRedisFailover kills the master that a Sentinel watches: nodes go on with
// the replica that takes over.
func TestRedisFailover(t *testing.T) {
	t.Parallel()
	const n = 50
	db := servers.PostgreSQL(t).URL
	master, _, sentinel := servers.OwnRedisWatched(t)
	c := newCluster(t, db)
	for range 3 {
		c.add(db, "--redis", "redis://"+sentinel.Addr+"?master_set=m", "--throttle", "50/h")
	}
	c.whole("redis")
	token := c.tokens(1)[0]
	stop, passed := make(chan struct{}), make(chan int)
	go func() { passed <- c.crowd(token, 2, 1<<30, stop) }()
	time.Sleep(500 * time.Millisecond) // some load before; how much does not matter
	master.Kill()
	for _, node := range c.nodes {
		programtest.Eventually(t, "the outage is noticed", func() bool { return node.part("redis") == "warning" })
	}
	c.whole("redis")
	close(stop)
	got := <-passed
	if most := n + len(c.nodes)*n + n; got < n || got > most {
		t.Errorf("%d pass, want %d to %d", got, n, most)
	}
	if again := c.crowd(c.tokens(1)[0], 4, 10, nil); again != n {
		t.Errorf("%d pass on the new master, want %d", again, n)
	}
}
