package nodestest

import (
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/servers"
)

// tell has redis-cli ask a server.
func tell(t *testing.T, addr string, words ...string) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	out, err := exec.CommandContext(t.Context(), servers.Program(t, "redis-cli", "redis-tools"), append([]string{"-h", host, "-p", port}, words...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v\n%s", words, err, out)
	}
	return string(out)
}

// TestRedisCluster shares throttles and news through a cluster of three masters.
func TestRedisCluster(t *testing.T) {
	const n = 100
	db := servers.PostgreSQL(t).URL
	var addrs []string
	for range 3 {
		addrs = append(addrs, servers.OwnRedis(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(servers.Port(t))).Addr)
	}
	out := tell(t, addrs[0], append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")...)
	if !strings.Contains(out, "All 16384 slots covered") {
		t.Fatal(out)
	}
	for _, addr := range addrs {
		eventually(t, "the cluster is whole", func() bool { return strings.Contains(tell(t, addr, "cluster", "info"), "cluster_state:ok") })
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
	const n = 50
	db := servers.PostgreSQL(t).URL
	master := servers.OwnRedis(t)
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := servers.OwnRedis(t, "--replicaof", host+" "+port)
	eventually(t, "the replica follows", func() bool {
		return strings.Contains(tell(t, replica.Addr, "info", "replication"), "master_link_status:up")
	})
	sentinel := servers.OwnSentinel(t)
	for _, words := range []string{"monitor m " + host + " " + port + " 1", "set m down-after-milliseconds 1000", "set m failover-timeout 3000"} {
		tell(t, sentinel.Addr, append([]string{"sentinel"}, strings.Fields(words)...)...)
	}
	eventually(t, "the Sentinel knows the replica", func() bool { return strings.Contains(tell(t, sentinel.Addr, "sentinel", "replicas", "m"), "slave") })
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
		eventually(t, "the outage is noticed", func() bool { return node.part("redis") == "warning" })
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
