package nodestest

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// patient gives Redis more time than the default: a busy machine is no outage.
const patient = "?timeout=20s"

// crowd asks for a throttled page from every node, callers at a time on each,
// until stop is closed or everybody has asked times times. It returns how many
// requests passed.
func (c *cluster) crowd(token string, callers, times int, stop <-chan struct{}) int {
	var passed atomic.Int64
	var wg sync.WaitGroup
	for _, n := range c.nodes {
		for range callers {
			wg.Go(func() {
				for range times {
					select {
					case <-stop:
						return
					default:
					}
					switch status, body := n.Ask("GET", "/api/auth/throttled", token, nil); status {
					case http.StatusOK:
						passed.Add(1)
					case http.StatusTooManyRequests:
					default:
						c.t.Errorf("a throttled page: %d %s", status, body)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	return int(passed.Load())
}

func TestOneLimitForAllNodes(t *testing.T) {
	const n, callers, each = 500, 40, 10
	db, redis := servers.PostgreSQL(t).URL, servers.OwnRedis(t)
	c := newCluster(t, db)
	for range 3 {
		c.add(db, "--redis", "redis://"+redis.Addr+patient, "--throttle", fmt.Sprintf("%d/h", n))
	}
	tokens := c.tokens(2)
	if passed := c.crowd(tokens[0], callers, each, nil); passed != n {
		t.Errorf("%d requests pass of %d an hour", passed, n)
	}
	// Another pair has windows of its own.
	if passed := c.crowd(tokens[1], 1, 1, nil); passed != 3 {
		t.Errorf("another user: %d of 3 pass", passed)
	}
}

// TestRedisComesAndGoes kills Redis under load and brings it back empty. By the
// default, local, a window then lets through at most once what Redis counted
// before, what each node counts by itself, and what Redis counts afterwards; and
// nothing is answered with an error.
func TestRedisComesAndGoes(t *testing.T) {
	const n, callers = 50, 4
	db, redis := servers.PostgreSQL(t).URL, servers.OwnRedis(t)
	c := newCluster(t, db)
	for range 3 {
		c.add(db, "--redis", "redis://"+redis.Addr, "--throttle", fmt.Sprintf("%d/h", n))
	}
	whole := func(state string) {
		for _, node := range c.nodes {
			programtest.Eventually(t, "Redis is "+state, func() bool { return node.part("redis") == state })
		}
	}
	whole("ok")
	token := c.tokens(1)[0]
	stop := make(chan struct{})
	passed := make(chan int)
	go func() { passed <- c.crowd(token, callers, 1<<30, stop) }()
	time.Sleep(500 * time.Millisecond) // some load before; how much does not matter
	redis.Kill()
	whole("warning")
	redis.Start()
	whole("ok")
	close(stop)
	got := <-passed
	if most := n + len(c.nodes)*n + n; got > most {
		t.Errorf("%d pass, at most %d may", got, most)
	}
	if got < n {
		t.Errorf("%d pass, at least %d must", got, n)
	}
	t.Logf("%d of %d an hour passed while Redis went and came back", got, n)
	// A revocation while Redis is away is heard of by polling.
	redis.Kill()
	token = c.tokens(1)[0]
	c.warm([]string{token})
	c.revoke(token, &spans{})
	redis.Start()
	whole("ok")
}

// TestNodesStartWithoutRedis: it may come later.
func TestNodesStartWithoutRedis(t *testing.T) {
	db, redis := servers.PostgreSQL(t).URL, servers.OwnRedis(t)
	redis.Kill()
	c := newCluster(t, db)
	for _, away := range []string{"local", "closed", "open"} {
		c.add(db, "--redis", "redis://"+redis.Addr+patient, "--throttle", "2/h", "--redis-away", away)
	}
	token := c.tokens(1)[0]
	ask := func(node int, want ...int) {
		t.Helper()
		for i, status := range want {
			if got, body := c.nodes[node].Ask("GET", "/api/auth/throttled", token, nil); got != status {
				t.Errorf("node %d, request %d: %d, want %d: %s", node, i, got, status, body)
			}
		}
	}
	ask(0, 200, 200, 429)
	ask(1, 503, 503)
	ask(2, 200, 200, 200)
	redis.Start()
	for _, n := range c.nodes {
		programtest.Eventually(t, "Redis is in use", func() bool { return n.part("redis") == "ok" })
	}
	ask(0, 200)
	ask(1, 200)
	ask(2, 429)
}
