package durin

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/internal/clock"
	"github.com/durin-go/durin/internal/outbox"
	"github.com/durin-go/durin/nodes"
)

// news is how a Guard learns what other nodes have ended or changed, and how it
// tells them. The outbox of a shared Store is what is relied on; an Invalidator
// only makes the news faster. What arrives goes to apply and forgetAll.
type news struct {
	reader      *outbox.Reader    // nil: no other process shares the Store
	invalidator nodes.Invalidator // nil: none
	clock       *clock.Clock
	staleBound  time.Duration
	log         *slog.Logger
	apply       func([]nodes.Ending)
	forgetAll   func()

	// confirmed is the instant up to which this node knows of all endings on
	// others, in nanoseconds on the clock.
	confirmed      atomic.Int64
	outboxDown     atomic.Bool
	announceDown   atomic.Bool
	announceErrors atomic.Uint64
	wake           chan struct{} // asks for a poll before its time
}

func newNews(o *Options, c *clock.Clock, apply func([]nodes.Ending), forgetAll func()) *news {
	n := &news{invalidator: o.Invalidator, clock: c, staleBound: o.StaleBound, log: o.Logger, apply: apply, forgetAll: forgetAll, wake: make(chan struct{}, 1)}
	if box, shared := o.Store.(nodes.Outbox); shared {
		n.reader = outbox.New(box)
	} else {
		n.confirmed.Store(math.MaxInt64)
	}
	return n
}

// start finds where the outbox stands.
func (n *news) start(ctx context.Context) error {
	if n.reader == nil {
		return nil
	}
	return n.reader.Start(ctx, n.clock.Begun())
}

// follow polls the outbox until ctx ends. Each success moves confirmed.
func (n *news) follow(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.wake:
		}
		n.poll(ctx)
	}
}

func (n *news) poll(ctx context.Context) {
	began := n.clock.Now()
	if n.outboxDown.Load() {
		n.resume(ctx, began)
		return
	}
	fresh, err := n.reader.Poll(ctx, began)
	n.apply(fresh)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		if n.outboxDown.CompareAndSwap(false, true) {
			n.log.Error("durin: the outbox cannot be read: cached sessions are trusted for a short time only", "bound", n.staleBound, "error", err)
		}
		return
	}
	at := n.clock.At(began)
	if at-n.confirmed.Load() > int64(outbox.Kept/2) {
		n.forgetAll()
	}
	n.confirmed.Store(at)
}

// resume begins anew after an outage and forgets what was cached before: after a
// failover the new primary may lack the last rows and reuse their numbers.
func (n *news) resume(ctx context.Context, now time.Time) {
	if err := n.reader.Start(ctx, now); err != nil {
		return
	}
	n.forgetAll()
	n.confirmed.Store(n.clock.At(now))
	n.outboxDown.Store(false)
	n.log.Info("durin: the outbox is read again")
}

// lag is for how long this node has not heard of endings on others.
func (n *news) lag() time.Duration {
	return max(0, time.Duration(n.clock.Mono()-n.confirmed.Load()))
}

// trustedSince is the instant before which a session must not have been cached to
// be trusted at mono: the earliest one, as long as the news arrives.
func (n *news) trustedSince(mono int64) int64 {
	if bound := int64(n.staleBound); mono-n.confirmed.Load() > bound {
		return mono - bound
	}
	return math.MinInt64
}

// announceTimeout bounds how long an answer waits for an announcement; the outbox
// carries the news anyway.
const announceTimeout = time.Second

// announce tells other nodes at once, where there is an Invalidator.
func (n *news) announce(ctx context.Context, endings []nodes.Ending) {
	if n.invalidator == nil || len(endings) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTimeout)
	defer cancel()
	err := n.invalidator.Announce(ctx, endings)
	if err != nil {
		n.announceErrors.Add(1)
	}
	switch {
	case err != nil && n.announceDown.CompareAndSwap(false, true):
		n.log.Warn("durin: the invalidator failed: other nodes learn of endings by polling", "error", err)
	case err == nil && n.announceDown.CompareAndSwap(true, false):
		n.log.Info("durin: the invalidator announces again")
	}
}

// listen applies what other nodes announce, until ctx ends. It is logged when that
// begins to fail, and when it works again.
func (n *news) listen(ctx context.Context) {
	var failing atomic.Bool
	apply := func(endings []nodes.Ending) {
		if failing.CompareAndSwap(true, false) {
			n.log.Info("durin: the invalidator listens again")
		}
		n.receive(endings)
	}
	for ctx.Err() == nil {
		err := n.invalidator.Listen(ctx, apply)
		if ctx.Err() != nil {
			return
		}
		if failing.CompareAndSwap(false, true) {
			n.log.Warn("durin: the invalidator stopped listening; it is started again until it does", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// receive takes what an Invalidator delivers. Nil means that something may have been
// missed: the outbox has it; without an outbox nothing that is cached is certain.
func (n *news) receive(endings []nodes.Ending) {
	switch {
	case endings != nil:
		n.apply(endings)
	case n.reader == nil:
		n.forgetAll()
	default:
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

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
