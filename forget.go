package durin

import (
	"context"
	"sync"

	"github.com/durin-go/durin/nodes"
)

// ended makes this node refuse the tokens from now on, and tells the others. The
// store has committed it.
func (g *Guard) ended(ctx context.Context, why cause, digests []Digest, known ending) {
	if len(digests) == 0 {
		return
	}
	g.tally.ended[why].Add(uint64(len(digests)))
	g.cacheEnd(digests)
	g.announce(ctx, digests, true)
	if g.opt.Hooks.Revoked != nil {
		for _, d := range digests {
			e := known.of(d)
			e.At = g.now()
			fire(ctx, g.opt.Hooks.Revoked, e)
		}
	}
}

// changed makes this node read the sessions anew, and tells the others.
func (g *Guard) changed(ctx context.Context, digests []Digest) {
	g.cacheDrop(digests)
	g.announce(ctx, digests, false)
}

// cacheEnd refuses the tokens for good, whatever a lagging replica says.
func (g *Guard) cacheEnd(digests []Digest) {
	if g.cache != nil && len(digests) > 0 {
		g.cache.End(digests...)
	}
}

// cacheDrop has the sessions read anew.
func (g *Guard) cacheDrop(digests []Digest) {
	if g.cache != nil && len(digests) > 0 {
		g.cache.Drop(digests...)
	}
}

// clientChanged makes this node read all sessions of the client anew.
func (g *Guard) clientChanged(ctx context.Context, c *Client, deleted bool) {
	g.forgetClient(c.ID, deleted)
	g.news.announce(ctx, []nodes.Ending{{At: g.now(), ClientID: c.ID, Gone: deleted}})
	if deleted {
		fire(ctx, g.opt.Hooks.Revoked, Event{At: g.now(), Client: c.Name, Session: &Session{Client: c}})
	}
}

func (g *Guard) forgetClient(id int64, deleted bool) {
	g.clients.forget(id, deleted)
	if g.cache != nil {
		g.cache.DropIf(func(c *checked) bool { return c.session.Client.ID == id })
	}
}

// apply does here what other nodes, or other processes on the same store, ended or
// changed.
func (g *Guard) apply(endings []nodes.Ending) {
	g.tally.heard.Add(uint64(len(endings)))
	for _, e := range endings {
		switch {
		case e.Digest != Digest{} && e.Gone:
			g.cacheEnd([]Digest{e.Digest})
		case e.Digest != Digest{}:
			g.cacheDrop([]Digest{e.Digest})
		case e.ClientID != 0:
			g.forgetClient(e.ClientID, e.Gone)
		default:
			g.forgetAll()
		}
	}
}

func (g *Guard) forgetAll() {
	g.clients.clear()
	if g.cache != nil {
		g.cache.Flush()
	}
}

func (g *Guard) announce(ctx context.Context, digests []Digest, gone bool) {
	endings := make([]nodes.Ending, len(digests))
	for i, d := range digests {
		endings[i] = nodes.Ending{At: g.now(), Digest: d, Gone: gone}
	}
	g.news.announce(ctx, endings)
}

// clients keeps one copy of each Client for all cached sessions of it.
type clients struct {
	mu  sync.RWMutex
	all map[int64]*Client
	// gone are the deleted ones: a lagging replica may still know them. An
	// ID is never used again.
	gone map[int64]struct{}
}

// intern returns the shared copy of c, or nil if c was deleted.
func (cs *clients) intern(c *Client) *Client {
	cs.mu.RLock()
	shared := cs.all[c.ID]
	_, gone := cs.gone[c.ID]
	cs.mu.RUnlock()
	if gone {
		return nil
	}
	if shared != nil && *shared == *c {
		return shared
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.all == nil {
		cs.all = map[int64]*Client{}
	}
	cs.all[c.ID] = c
	return c
}

func (cs *clients) forget(id int64, deleted bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.all, id)
	if !deleted {
		return
	}
	if cs.gone == nil {
		cs.gone = map[int64]struct{}{}
	}
	cs.gone[id] = struct{}{}
}

func (cs *clients) clear() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	clear(cs.all)
	clear(cs.gone) // another database may stand in the old one's place
}

// onceSet remembers which digests have been seen, up to a bound.
type onceSet struct {
	mu   sync.Mutex
	seen map[Digest]struct{}
}

const maxOnce = 1 << 14

// first reports whether d is new. When the set is full it starts anew.
func (o *onceSet) first(d Digest) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.seen[d]; ok {
		return false
	}
	if o.seen == nil || len(o.seen) >= maxOnce {
		o.seen = map[Digest]struct{}{}
	}
	o.seen[d] = struct{}{}
	return true
}
