package nodestest

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

// TestChannelFaults breaks what carries the news to one of three nodes: once the
// channel alone, once the database as well. What has ended is never let through
// beyond the bound, what is live is never refused with 401, and service returns
// by itself.
func TestChannelFaults(t *testing.T) {
	for _, s := range setups() {
		if s.name == "SQLite" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, s.db(t).URL)
			db := c.at
			far := newRelay(t, hostOf(t, db)) // the third node's way to the database
			var channel *relay
			for i := range 3 {
				at, channelAt := db, ""
				if s.channel != nil {
					channelAt = s.channel(t, db)
				}
				if i == 2 {
					at = through(t, db, far.addr)
					if s.channel != nil {
						channel = newRelay(t, channelAt)
						channelAt = channel.addr
					}
				}
				c.add(at, s.args(t, db, channelAt)...)
			}
			c.whole(s.part)
			defer func() {
				t.Logf("the last request that was let through was sent %v after the acknowledgement; the bound is %v", c.latest(), staleBound)
			}()
			for _, f := range []fault{refused, held, dropped, halfClosed, slow} {
				if channel != nil {
					c.breakAndHeal(s.part, f, false, channel)
					c.breakAndHeal(s.part, f, true, channel, far)
				} else {
					c.breakAndHeal(s.part, f, true, far)
				}
			}
		})
	}
}

// whole waits until all is in use again.
func (c *cluster) whole(part string) {
	c.t.Helper()
	for _, n := range c.nodes {
		programtest.Eventually(c.t, "the outbox is heard of", func() bool { return n.part("outbox") == "ok" })
		if part != "" {
			programtest.Eventually(c.t, part+" is in use", func() bool { return n.part(part) == "ok" })
		}
	}
}

// breakAndHeal brings a fault between the last node and the rest, and ends
// tokens on another meanwhile. The faults reach the database as well if deaf.
func (c *cluster) breakAndHeal(part string, f fault, deaf bool, relays ...*relay) {
	t := c.t
	t.Helper()
	const ended = 5
	tokens := c.tokens(ended + 1)
	live := tokens[ended]
	c.warm(tokens)
	for _, r := range relays {
		r.bring(f)
	}
	near, far := c.nodes[0], c.nodes[len(c.nodes)-1]
	var wg sync.WaitGroup
	for _, token := range tokens[:ended] {
		if status := near.logout(token); status != http.StatusNoContent {
			t.Errorf("%v: log out: %d", f, status)
		}
		acknowledged := time.Now()
		wg.Go(func() { far.holdsBound(f, token, acknowledged) })
	}
	// A live token meanwhile: 503 at worst, and that only without the database.
	unavailable := 0
	for begun := time.Now(); time.Since(begun) < 2*staleBound; time.Sleep(20 * time.Millisecond) {
		switch status := far.check(live); {
		case status == http.StatusServiceUnavailable && deaf:
			unavailable++
		case status != http.StatusOK:
			t.Errorf("%v, database too: %v: a live token: %d", f, deaf, status)
		}
	}
	if deaf && f != slow && unavailable == 0 {
		t.Errorf("%v: the fault is not felt", f)
	}
	wg.Wait()
	for _, r := range relays {
		r.bring(none)
	}
	programtest.Eventually(t, "service after "+f.String(), func() bool {
		status := far.check(live)
		if status == http.StatusUnauthorized {
			t.Fatalf("%v: a live token is refused", f)
		}
		return status == http.StatusOK
	})
	for _, token := range tokens[:ended] {
		if status := far.check(token); status == http.StatusOK {
			t.Errorf("%v: a token that ended meanwhile is let through", f)
		}
	}
	c.whole(part)
}

// latest is when, after the acknowledgement, the last request was sent that was
// let through all the same.
func (c *cluster) latest() time.Duration {
	c.late.mu.Lock()
	defer c.late.mu.Unlock()
	if len(c.late.all) == 0 {
		return 0
	}
	return slices.Max(c.late.all).Round(time.Millisecond)
}

// holdsBound asks for twice the bound.
func (n *node) holdsBound(f fault, token string, acknowledged time.Time) {
	for {
		sent := time.Since(acknowledged)
		if sent > 2*staleBound {
			return
		}
		if n.check(token) == http.StatusOK {
			n.c.late.add(sent)
			if sent > staleBound {
				n.c.t.Errorf("%v: a request that was sent %v after the acknowledgement is let through", f, sent)
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}
