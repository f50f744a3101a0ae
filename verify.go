package durin

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/internal/cache"
)

// checked is a session in the cache with what changes while it is there. A check
// touches no more of it than what comes first.
type checked struct {
	// expires is the last good instant in Unix microseconds; a sliding
	// session moves it before the store knows.
	expires   atomic.Int64
	use       useCount
	transport transport
	// identity is what a request's context bears: kept here so that a hit
	// allocates nothing for it.
	identity identity
	session  Session
}

// transport is the way on which the tokens of a client are accepted.
type transport uint8

const (
	byHeader  transport = iota
	byCookie            // Client.Cookie
	adminOnly           // AdminClient: on the admin pages and nowhere else
)

func transportOf(c *Client) transport {
	switch {
	case c.Name == AdminClient:
		return adminOnly
	case c.Cookie:
		return byCookie
	}
	return byHeader
}

const neverExpires = math.MaxInt64

// noExpiry makes every check look at a replaced token more closely: its own
// session cannot say whether it is good.
const noExpiry = math.MinInt64

// hold makes c, which is zero, the session s.
func (c *checked) hold(g *Guard, s Session) {
	c.session, c.transport = s, transportOf(s.Client)
	c.identity = identity{guard: g, session: &c.session, checked: c}
	c.expires.Store(expiresMicro(s.ExpiresAt))
	c.use.slides = s.Client.Sliding > 0
	if s.ReplacedBy != nil {
		c.expires.Store(noExpiry)
		c.use.slides = false
	}
}

func expiresMicro(at time.Time) int64 {
	if at.IsZero() {
		return neverExpires
	}
	return at.UnixMicro()
}

// Verify checks a token: ErrInvalidToken, ErrExpired, ErrInactive, or
// ErrUnavailable when the store could not be asked. It notes the use. A hit in
// the cache costs no query, a miss one; nothing is written on the way. The
// Session is a copy of the caller's own, as it was at this instant.
func (g *Guard) Verify(ctx context.Context, token Secret) (*Session, error) {
	return g.verify(ctx, token, &Session{Client: new(Client)})
}

func (g *Guard) verify(ctx context.Context, token Secret, own *Session) (*Session, error) {
	c, err := g.check(ctx, string(token))
	if err != nil {
		return nil, err
	}
	if c.transport == adminOnly {
		return nil, g.tally.misplaced()
	}
	return c.session.copyTo(own), nil
}

// VerifyAdmin checks a token of AdminClient, and refuses every other. It is for
// the admin pages: who has such a token need not be an administrator any more.
func (g *Guard) VerifyAdmin(ctx context.Context, token Secret) (*Session, error) {
	c, err := g.check(ctx, string(token))
	if err != nil {
		return nil, err
	}
	if c.transport != adminOnly {
		return nil, g.tally.misplaced()
	}
	return c.session.clone(), nil
}

// check is Verify for the middleware.
func (g *Guard) check(ctx context.Context, token string) (*checked, error) {
	if !g.form.possible(token) {
		g.uses.activity.refused.Add(1)
		g.tally.malformed.Add(1)
		return nil, ErrInvalidToken
	}
	var text [maxTokenBytes]byte // on the stack: a conversion would allocate
	digest := Digest(sha256.Sum256(text[:copy(text[:], token)]))
	mono, wall := g.clock.Instant()
	c, hit := g.cached(digest, mono)
	if !hit {
		var err error
		if c, err = g.load(ctx, digest, token); err != nil {
			return nil, g.refused(ctx, digest, err)
		}
		g.tally.loaded.Add(1)
	}
	if wall > c.expires.Load() {
		var err error
		if c, err = g.recheck(ctx, digest, token, c, hit, wall); err != nil {
			g.tally.void.Add(1)
			return nil, g.refused(ctx, digest, err)
		}
	}
	g.uses.note(c, wall)
	return c, nil
}

// cached returns the session if the cache has it and may be trusted.
func (g *Guard) cached(d Digest, mono int64) (*checked, bool) {
	if g.cache == nil {
		return nil, false
	}
	return g.cache.Get(d, mono, g.news.trustedSince(mono))
}

// newCache makes the cache of sessions. Results of status 401 are cached for at most
// StaleBound.
func (g *Guard) newCache() *cache.Cache[Digest, checked] {
	return cache.New[Digest, checked](cache.Options{
		Entries:     g.opt.CacheEntries,
		TTL:         g.opt.CacheTTL,
		Negative:    func(err error) bool { return AsError(err).Status == http.StatusUnauthorized },
		NegativeTTL: min(g.opt.StaleBound, g.opt.CacheTTL),
		Ended:       ErrInvalidToken,
		Clock: func() (now, trustedSince int64) {
			now = g.clock.Mono()
			return now, g.news.trustedSince(now)
		},
	})
}

// load reads the session from the store, once for all who ask at the time.
func (g *Guard) load(ctx context.Context, d Digest, token string) (*checked, error) {
	if g.cache == nil {
		c := new(checked)
		return c, g.read(ctx, d, token, c)
	}
	return g.cache.Load(ctx, d, func(ctx context.Context, c *checked) error { return g.read(ctx, d, token, c) })
}

// recheck looks more closely at a session that seems to have run out.
func (g *Guard) recheck(ctx context.Context, d Digest, token string, c *checked, hit bool, wall int64) (*checked, error) {
	if c.session.ReplacedBy == nil {
		var err error
		if c, err = g.reload(ctx, d, token, hit); err != nil {
			return nil, err
		}
	}
	if c.session.ReplacedBy == nil {
		return c, nil
	}
	return c, g.checkReplaced(ctx, c, wall)
}

// reload gives a session that has run out one chance: another node may have
// moved its expiry, or a use that is not written yet.
func (g *Guard) reload(ctx context.Context, d Digest, token string, hit bool) (*checked, error) {
	if hit {
		g.cache.Drop(d)
		c, err := g.load(ctx, d, token)
		if err != nil {
			return nil, err
		}
		if c.session.ReplacedBy != nil || g.now().UnixMicro() <= c.expires.Load() {
			return c, nil
		}
	}
	return nil, ErrExpired
}

// read asks the store for the session, or tells what stands against it.
func (g *Guard) read(ctx context.Context, d Digest, token string, c *checked) error {
	s, err := g.store.Lookup(ctx, d)
	if err != nil && token != "" && g.legacy.left.Load() && errors.Is(err, ErrNotFound) {
		s, err = g.adopt(ctx, d, token)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrInvalidToken
	case err != nil:
		return unavailable(err)
	}
	if s.ReplacedBy == nil && s.Expired(g.now()) && !g.uses.extend(&s) {
		return expired(&s)
	}
	if s.Inactive {
		return ErrInactive
	}
	if g.opt.UserActive != nil && g.opt.Users == nil {
		active, err := g.opt.UserActive(ctx, s.UserID)
		if err != nil {
			return unavailable(err)
		}
		if !active {
			return ErrInactive
		}
	}
	if s.Client = g.clients.intern(s.Client); s.Client == nil {
		return ErrInvalidToken
	}
	c.hold(g, s)
	return nil
}

// refused passes err on, and calls the hook of an expired token.
func (g *Guard) refused(ctx context.Context, d Digest, err error) error {
	g.uses.activity.note(err)
	g.tally.refused(err)
	if g.opt.Hooks.Expired != nil && errors.Is(err, ErrExpired) && g.expiredReported.first(d) {
		e := Event{At: g.now()}
		var full *failure
		if errors.As(err, &full) && full.session != nil {
			e.about(full.session)
		}
		fire(ctx, g.opt.Hooks.Expired, e)
	}
	return err
}

// checkReplaced checks the session of c, whose token a renewal has replaced, by
// its present token. c's own session may be older than that.
func (g *Guard) checkReplaced(ctx context.Context, c *checked, wall int64) error {
	if wall > expiresMicro(c.session.ExpiresAt) {
		return g.replay(ctx, &c.session)
	}
	for at := c; at.session.ReplacedBy != nil; {
		d := *at.session.ReplacedBy
		next, err := g.load(ctx, d, "")
		if err != nil {
			return err
		}
		if next.session.ReplacedBy == nil && wall > next.expires.Load() {
			if next, err = g.reload(ctx, d, "", g.cache != nil); err != nil {
				return err
			}
		}
		at = next
	}
	return nil
}

// replay ends the session of a replaced token that is presented after its grace,
// and reports it, once. s may have been read a while ago.
func (g *Guard) replay(ctx context.Context, s *Session) error {
	digests, err := g.store.End(ctx, Selection{Digest: s.Digest}, g.now())
	if err != nil {
		return unavailable(err)
	}
	g.cacheEnd([]Digest{s.Digest})
	if len(digests) == 0 {
		return ErrInvalidToken
	}
	g.ended(ctx, replayed, digests, ending{other: *s})
	g.log.WarnContext(ctx, "durin: a token that a renewal had replaced was presented after its grace: its session has been ended",
		"session", s.ID, "user", s.UserID, "client", s.Client.Name, "address", OriginFrom(ctx).Address, "agent", OriginFrom(ctx).Agent)
	g.notifyEnded(ctx, "token.replay", Selection{ID: s.ID}, s, len(digests))
	e := Event{At: g.now()}
	e.about(s)
	fire(ctx, g.opt.Hooks.Replayed, e)
	return ErrInvalidToken
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
