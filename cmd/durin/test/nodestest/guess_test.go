package nodestest

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// guess logs in through a proxy that tells of an address, and reports whether it
// was let in.
func (n *node) guess(user, password, address, token string) bool {
	a, err := n.Try("POST", programtest.LoginPath, token, programtest.Credentials(user, password, "web"), "X-Forwarded-For", address)
	if err != nil {
		n.c.t.Error(err)
		return false
	}
	if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusBadRequest {
		n.c.t.Errorf("a login: %d", a.StatusCode)
	}
	return a.StatusCode == http.StatusOK
}

// guesses tries n wrong passwords on each node, side by side.
func (c *cluster) guesses(n int, user, address string) {
	var all sync.WaitGroup
	for _, node := range c.nodes {
		for range n {
			all.Go(func() {
				if node.guess(user, "wrong", address, "") {
					c.t.Error("a wrong password lets in")
				}
			})
		}
	}
	all.Wait()
}

// Guesses count over all nodes that share a Redis, in a cluster of Redis too.
func TestGuessesCountOnAllNodes(t *testing.T) {
	for name, redis := range map[string]func() string{
		"one server": func() string { return "redis://" + servers.OwnRedis(t).Addr + patient },
		"cluster": func() string {
			var addrs []string
			for _, o := range servers.OwnRedisCluster(t) {
				addrs = append(addrs, o.Addr)
			}
			return "redis://" + addrs[0] + patient + "&addr=" + addrs[1] + "&addr=" + addrs[2]
		},
	} {
		t.Run(name, func(t *testing.T) {
			db, at := servers.PostgreSQL(t).URL, redis()
			c := newCluster(t, db)
			for range 3 {
				c.add(db, "--redis", at, "--login-limit", "on", "--trusted-proxies", "127.0.0.1")
			}
			c.whole("redis")
			user := c.user().Name
			c.guesses(3, user, "192.0.2.1")
			if !c.nodes[0].guess(user, pass, "192.0.2.1", "") {
				t.Error("nine failures lock")
			}
			device, _ := c.nodes[1].login(user)

			c.guesses(4, user, "192.0.2.1")
			for i, n := range c.nodes {
				if n.guess(user, pass, "192.0.2.1", "") {
					t.Errorf("node %d lets in after 12 failures from the address", i)
				}
			}
			if !c.nodes[2].guess(user, pass, "192.0.2.2", "") {
				t.Error("one address locks the account for another")
			}
			c.guesses(4, user, "192.0.2.3")
			for i, n := range c.nodes {
				if n.guess(user, pass, "192.0.2.2", "") {
					t.Errorf("node %d lets in although the account is locked", i)
				}
				if !n.guess(user, pass, "192.0.2.9", device) {
					t.Errorf("node %d keeps a known device out", i)
				}
				body := n.Run("", "limits", "--json", "--key-file", filepath.Join(c.dir, "durin.key"), "--url", n.URL(""))
				if !strings.Contains(body, `"limits":"shared"`) || !strings.Contains(body, `"account":"`+user+`"`) || !strings.Contains(body, "192.0.2.1/32") {
					t.Errorf("node %d: %s", i, body)
				}
			}
		})
	}
}
