package nodestest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// A setup is a way for three nodes to share.
type setup struct {
	name string
	db   func(testing.TB) servers.Database
	// args are those of every node; the channel is at an address that a
	// relay may take the place of.
	args    func(t *testing.T, db, channel string) []string
	channel func(t *testing.T, db string) string // its address; nil: there is none
	part    string                               // of /readyz
}

func setups() []setup {
	none := func(*testing.T, string, string) []string { return []string{"--notify", "off"} }
	return []setup{
		{name: "PostgreSQL and Redis", db: servers.PostgreSQL, part: "redis",
			args:    func(_ *testing.T, _, channel string) []string { return []string{"--redis", "redis://" + channel} },
			channel: func(t *testing.T, _ string) string { return servers.Redis(t) }},
		{name: "PostgreSQL with NOTIFY", db: servers.PostgreSQL, part: "notify",
			args:    func(t *testing.T, db, channel string) []string { return []string{"--notify", through(t, db, channel)} },
			channel: hostOf},
		{name: "PostgreSQL by polling", db: servers.PostgreSQL, args: none},
		{name: "SQLite", db: servers.SQLite, args: none},
	}
}

func (s setup) start(t *testing.T) *cluster {
	db := s.db(t).URL
	c := newCluster(t, db)
	for range 3 {
		channel := ""
		if s.channel != nil {
			channel = s.channel(t, db)
		}
		c.add(db, s.args(t, db, channel)...)
	}
	if s.part != "" {
		for _, n := range c.nodes {
			programtest.Eventually(t, s.part+" is in use", func() bool { return n.part(s.part) == "ok" })
		}
	}
	return c
}

// TestRevocationReachesEveryNode ends tokens that every node has in memory, each
// on a random node. DURIN_TEST_REVOCATIONS is how many: 1000 for the figures.
func TestRevocationReachesEveryNode(t *testing.T) {
	const workers = 2
	count := many(t, "DURIN_TEST_REVOCATIONS", 100)
	for _, s := range setups() {
		t.Run(s.name, func(t *testing.T) {
			c := s.start(t)
			tokens := c.tokens(count)
			c.warm(tokens)
			var took spans
			var wg sync.WaitGroup
			for worker := range workers {
				wg.Go(func() {
					for i := worker; i < len(tokens); i += workers {
						c.revoke(tokens[i], &took)
					}
				})
			}
			wg.Wait()
			took.report(t, count)
		})
	}
}

// spans gathers how long refusals took.
type spans struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *spans) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
}

// newsAim is how soon 99 of 100 endings should be felt on the other nodes where
// something carries the news.
const newsAim = 50 * time.Millisecond

func (s *spans) report(t *testing.T, count int) {
	t.Helper()
	slices.Sort(s.all)
	if n := len(s.all); n > 0 {
		p99 := s.all[(n*99-1)/100]
		t.Logf("%d revocations; until the other nodes refuse: median %v, p99 %v (%.2f of %v), maximum %v", count,
			s.all[n/2].Round(100*time.Microsecond), p99.Round(100*time.Microsecond), float64(p99)/float64(newsAim), newsAim, s.all[n-1].Round(100*time.Microsecond))
	}
}

// revoke ends a token on a random node, and asks the others until they refuse
// it. What is held against the bound are requests that were sent after it: how
// fast this machine is does not matter.
func (c *cluster) revoke(token string, took *spans) {
	at := rand.IntN(len(c.nodes))
	if status := c.nodes[at].logout(token); status != http.StatusNoContent {
		c.t.Errorf("log out: %d", status)
		return
	}
	acknowledged := time.Now()
	if status := c.nodes[at].check(token); status != http.StatusUnauthorized {
		c.t.Errorf("the node that acknowledged answers %d", status)
	}
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		if i != at {
			wg.Go(func() {
				if n.untilRefused(token, acknowledged) {
					took.add(time.Since(acknowledged))
				}
			})
		}
	}
	wg.Wait()
}

// untilRefused asks until the answer is 401, and reports whether all was as
// promised.
func (n *node) untilRefused(token string, acknowledged time.Time) bool {
	for {
		sent := time.Since(acknowledged)
		switch status := n.check(token); {
		case status == http.StatusUnauthorized:
			return true
		case status != http.StatusOK:
			n.c.t.Errorf("an ended token: %d\n%s", status, n.Log())
			return false
		case sent > staleBound:
			n.c.t.Errorf("a request that was sent %v after the acknowledgement is let through", sent)
			return false
		}
		time.Sleep(500 * time.Microsecond)
	}
}
