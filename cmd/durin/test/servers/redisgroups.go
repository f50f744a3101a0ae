package servers

import (
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Tell has redis-cli say something to a server, and returns the answer.
func Tell(t testing.TB, addr string, words ...string) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	out, err := exec.CommandContext(t.Context(), Program(t, "redis-cli", "redis-tools"), append([]string{"-h", host, "-p", port}, words...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v\n%s", words, err, out)
	}
	return string(out)
}

// until waits for an answer that has the text in it.
func until(t testing.TB, text, addr string, words ...string) {
	t.Helper()
	for end := time.Now().Add(startTime); !strings.Contains(Tell(t, addr, words...), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("redis-cli %v: still no %q", words, text)
		}
	}
}

// OwnRedisCluster runs a Redis Cluster of three masters.
func OwnRedisCluster(t testing.TB) []*Own {
	t.Helper()
	masters, addrs := make([]*Own, 3), make([]string, 3)
	for i := range masters {
		masters[i] = OwnRedis(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(Port(t)))
		addrs[i] = masters[i].Addr
	}
	out := Tell(t, addrs[0], append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")...)
	if !strings.Contains(out, "All 16384 slots covered") {
		t.Fatal(out)
	}
	for _, addr := range addrs {
		until(t, "cluster_state:ok", addr, "cluster", "info")
	}
	return masters
}

// OwnRedisWatched runs a Redis, a replica of it, and a Sentinel that knows the
// two by the name m and replaces a master that is gone for a second.
func OwnRedisWatched(t testing.TB) (master, replica, sentinel *Own) {
	t.Helper()
	master = OwnRedis(t)
	host, port, _ := net.SplitHostPort(master.Addr)
	replica = OwnRedis(t, "--replicaof", host+" "+port)
	until(t, "master_link_status:up", replica.Addr, "info", "replication")
	sentinel = OwnSentinel(t)
	for _, words := range []string{"monitor m " + host + " " + port + " 1", "set m down-after-milliseconds 1000", "set m failover-timeout 3000"} {
		Tell(t, sentinel.Addr, append([]string{"sentinel"}, strings.Fields(words)...)...)
	}
	until(t, "slave", sentinel.Addr, "sentinel", "replicas", "m")
	return master, replica, sentinel
}
