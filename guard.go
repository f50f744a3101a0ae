package durin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/internal/cache"
	"github.com/durin-go/durin/internal/clock"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/throttle"
)

// A Guard issues, checks, renews and ends tokens. It is safe for concurrent use.
// Make one with New and Close it at the end.
type Guard struct {
	opt     Options
	store   Store
	form    tokenForm
	limiter throttle.Limiter
	log     *slog.Logger

	keys            atomic.Pointer[keyring.Ring]  // nil: none
	cache           *cache.Cache[Digest, checked] // nil: off
	clients         clients
	uses            *uses
	expiredReported onceSet
	anonymous       identity
	origins         *http.CrossOriginProtection
	servers         resourceServers
	legacy          legacyTokens
	unclear         sync.Once // logs a caller with two addresses
	untrusted       sync.Once // logs a proxy that is not trusted
	fullWarned      seldom    // logs too many windows
	busyWarned      seldom    // logs a full queue of logins
	failures        quota     // of failures that are logged
	setupWarned     seldom    // logs a proxy that is set up wrongly
	tally           *tally

	clock *clock.Clock
	hold  clock.Hold // of the worker that prunes
	news  *news

	stop    context.CancelFunc
	workers sync.WaitGroup
	closed  sync.Once
}

// New returns a Guard that works by o, or an error that names the option that is
// wrong. It asks the Store once; ctx bounds that only.
func New(ctx context.Context, o Options) (*Guard, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	form, err := newTokenForm(o.TokenLength, o.TokenPrefix)
	if err != nil {
		return nil, err
	}
	g := &Guard{opt: o, store: o.Store, form: form, limiter: o.Limiter, log: o.Logger, tally: &tally{}, clock: clock.New(o.Now)}
	g.anonymous.guard = g
	g.uses = newUses(o.Store, g.now, g.cacheDrop, &g.tally.clients)
	g.news = newNews(&g.opt, g.clock, g.apply, g.forgetAll)
	if g.origins, err = o.origins(); err != nil {
		return nil, err
	}
	g.keys.Store(o.Keyring)
	if o.CacheTTL > 0 {
		g.cache = g.newCache()
	}
	if err := g.connect(ctx); err != nil {
		return nil, err
	}
	g.start()
	return g, nil
}

// connect asks the store once, and finds where its outbox stands.
func (g *Guard) connect(ctx context.Context) error {
	if err := g.store.Ping(ctx); err != nil {
		return fmt.Errorf("durin: the store does not answer: %w", err)
	}
	if legacy, ok := g.store.(legacyStore); ok {
		g.legacy.store = legacy
		if err := g.lookLegacy(ctx); err != nil {
			return fmt.Errorf("durin: the store's imported tokens: %w", err)
		}
	}
	if err := g.news.start(ctx); err != nil {
		return fmt.Errorf("durin: the store's outbox: %w", err)
	}
	return nil
}

// start sets the workers going.
func (g *Guard) start() {
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	if g.news.reader != nil {
		g.workers.Go(func() { g.news.follow(ctx, g.opt.PollEvery) })
	}
	if g.news.invalidator != nil {
		g.workers.Go(func() { g.news.listen(ctx) })
	}
	g.workers.Go(func() { g.every(ctx, g.opt.FlushEvery, "write the last uses", &g.tally.flushes, g.uses.flush) })
	g.workers.Go(func() { g.every(ctx, usageEvery, "write the usage", &g.tally.usages, g.uses.flushCounts) })
	if g.legacy.store != nil {
		g.workers.Go(func() { g.every(ctx, legacyEvery, "look for imported tokens", &g.tally.legacies, g.lookLegacy) })
	}
	g.workers.Go(func() { g.every(ctx, pruneEvery, "prune expired tokens", &g.tally.prunes, g.prune) })
	g.workers.Go(func() {
		g.every(ctx, pruneEvery, "forget replaced tokens", &g.tally.forgets, func(ctx context.Context) error {
			return unavailable(g.store.ForgetReplaced(ctx, g.now()))
		})
	})
}

const (
	usageEvery = time.Minute
	pruneEvery = time.Minute
	pruneBatch = 1000
	// newsKept is how long the store is told to keep endings, whatever
	// PruneAfter is: clocks of nodes that are wrong by less do no harm.
	newsKept = time.Hour
	// workTimeout bounds one round of a worker.
	workTimeout = 30 * time.Second
)

// every does work at intervals until ctx ends. What fails is logged when it
// begins to fail, and tried again.
func (g *Guard) every(ctx context.Context, interval time.Duration, what string, count *workCount, work func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		round, cancel := context.WithTimeout(ctx, workTimeout)
		err := work(round)
		cancel()
		if ctx.Err() != nil {
			return
		}
		count.note(err)
		if err != nil && !failing {
			g.log.Error("durin: could not "+what+"; it is tried again", "error", err)
		}
		failing = err != nil
	}
}

// prune deletes what has been expired for long enough, in small batches, and what
// nodes no longer have to hear of.
func (g *Guard) prune(ctx context.Context) error {
	if g.clock.System() {
		jumped, prune := g.hold.Observe(time.Now(), time.Since(g.clock.Begun()), g.opt.PruneAfter)
		if jumped {
			g.log.Warn("durin: the system's clock was set: nothing is pruned until it has run steadily for a while", "for", max(g.opt.PruneAfter, clock.HoldAtLeast).String())
		}
		if !prune {
			return nil
		}
	}
	for n := pruneBatch; n == pruneBatch && g.opt.PruneAfter > 0; {
		var err error
		n, err = g.store.Prune(ctx, g.now().Add(-g.opt.PruneAfter), pruneBatch)
		g.tally.ended[pruned].Add(uint64(max(0, n)))
		if err != nil {
			return unavailable(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(50 * time.Millisecond): // let others write
		}
	}
	_, err := g.store.Prune(ctx, g.now().Add(-newsKept), 0)
	return unavailable(err)
}

// Close stops the workers and writes what was gathered; ctx bounds the writing.
// The Guard may not be used afterwards. The Store stays open.
func (g *Guard) Close(ctx context.Context) error {
	var err error
	g.closed.Do(func() {
		g.stop()
		g.workers.Wait()
		err = errors.Join(g.uses.flush(ctx), g.uses.flushCounts(ctx))
	})
	return err
}

// SetKeyring puts another keyring, not nil, in the place of Options.Keyring:
// after a rotation of the keys, or when they are back.
func (g *Guard) SetKeyring(r *keyring.Ring) {
	if r != nil {
		g.keys.Store(r)
	}
}

// Now is the Guard's clock.
func (g *Guard) Now() time.Time { return g.now() }

func (g *Guard) now() time.Time { return g.clock.Now() }

// Lag is for how long this node has not heard of endings on others: about
// Options.PollEvery while all is well, and always zero where the Store is no
// Outbox. Beyond Options.StaleBound cached sessions are read anew.
func (g *Guard) Lag() time.Duration { return g.news.lag() }
