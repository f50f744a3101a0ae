package durin

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats is what a Guard has counted since New, and what it holds now: what
// metrics are made of. Counters only grow. It bears no token and no user.
type Stats struct {
	// Checks of tokens, by what came out.
	Checks struct {
		Accepted  uint64
		Malformed uint64 // cannot be a token: nothing was looked up
		Invalid   uint64 // not there, ended, or presented in another way than its client's
		Expired   uint64
		Inactive  uint64 // the user is
		Failed    uint64 // the store could not be asked, or the caller left
	}
	// Cache is the cache of sessions; all zero without one.
	Cache struct {
		Hits          uint64 // checks answered with a session in memory
		Refusals      uint64 // checks answered with a refusal in memory
		Misses        uint64 // checks that had to ask the store
		Loads         uint64 // questions to the store: fewer than misses where checks shared one
		Void          uint64 // loads that an ending or a change overtook
		Evictions     uint64 // sessions that gave way to others
		Invalidations uint64 // sessions dropped because they ended or changed
		Entries       int    // sessions held now
		Tombstones    int    // ended tokens remembered now
	}
	// Logins by password, by what came out.
	Logins struct {
		Accepted uint64
		Wrong    uint64 // name or password
		HeldBack uint64 // by the LoginLimiter, answered like wrong ones
		Refused  uint64 // by the client's rules or a hook, after good credentials
		Busy     uint64 // too many at once
		Failed   uint64 // the store could not be asked, or the caller left
	}
	Issued  uint64 // new tokens
	Reused  uint64 // tokens handed out again
	Renewed uint64 // expiries set anew by a renewal or a login
	Rotated uint64 // of them with a new token
	// Ended tokens, by cause; those of deleted clients are not counted.
	Ended struct {
		Replaced  uint64 // made room for a new one
		LoggedOut uint64 // by their owner, one or all
		Revoked   uint64 // by End and EndSome
		User      uint64 // their user was deleted
		Replayed  uint64 // a replaced token of theirs was presented too late
		Pruned    uint64 // expired long enough
	}
	Throttled uint64 // requests refused by a throttle
	// Rounds of work that is done at intervals.
	Flushes        struct{ Done, Failed uint64 } // of uses
	Prunes         struct{ Done, Failed uint64 }
	Unwritten      int    // uses of sessions, and expiries moved by them, that wait to be written
	Heard          uint64 // endings and changes heard of from the store and from other nodes, one's own included
	AnnounceErrors uint64 // of the Invalidator
	// OutboxDown says that the outbox cannot be read; Lag is Guard.Lag.
	OutboxDown bool
	Lag        time.Duration
	// Clients by name, as many as there are up to 100; what belongs to
	// others is together under "". Requests are added when uses are flushed.
	Clients map[string]ClientStats
}

// ClientStats are what went through a client.
type ClientStats struct {
	Requests  uint64 // let through by the check
	Throttled uint64 // refused by a throttle
	Logins    uint64 // by password
}

// Stats gathers the counters. It asks no store, and no check waits for it.
func (g *Guard) Stats() Stats {
	var s Stats
	t := g.tally
	quick := g.cacheStats(&s)
	s.Checks.Accepted = t.accepted.raise(quick + t.loaded.Load() - t.void.Load())
	s.Checks.Malformed, s.Checks.Invalid, s.Checks.Expired = t.malformed.Load(), t.invalid.Load(), t.expired.Load()
	s.Checks.Inactive, s.Checks.Failed = t.inactive.Load(), t.failed.Load()
	l := &t.logins
	s.Logins.Accepted, s.Logins.Wrong, s.Logins.HeldBack = l.accepted.Load(), l.wrong.Load(), l.heldBack.Load()
	s.Logins.Refused, s.Logins.Busy, s.Logins.Failed = l.refused.Load(), l.busy.Load(), l.failed.Load()
	s.Issued, s.Reused, s.Renewed = t.issued.Load(), t.reused.Load(), t.renewed.Load()
	s.Ended.Replaced, s.Ended.LoggedOut, s.Ended.Revoked = t.ended[replaced].Load(), t.ended[loggedOut].Load(), t.ended[revoked].Load()
	s.Ended.User, s.Ended.Pruned, s.Ended.Replayed = t.ended[withUser].Load(), t.ended[pruned].Load(), t.ended[replayed].Load()
	s.Rotated = t.rotated.Load()
	s.Throttled = t.throttled.Load()
	s.Flushes, s.Prunes = t.flushes.read(), t.prunes.read()
	s.Unwritten = g.uses.waiting()
	s.Heard, s.AnnounceErrors = t.heard.Load(), g.news.announceErrors.Load()
	s.OutboxDown, s.Lag = g.news.outboxDown.Load(), g.Lag()
	s.Clients = t.clients.read()
	return s
}

// cacheStats fills in the cache's part, and returns how many checks it answered
// without a lock: the most of the accepted ones.
func (g *Guard) cacheStats(s *Stats) (quick uint64) {
	if g.cache == nil {
		return 0
	}
	c := g.cache.Stats()
	s.Cache.Hits, s.Cache.Refusals, s.Cache.Misses, s.Cache.Loads = c.Hits, c.NegativeHits, c.Misses, c.Loads
	s.Cache.Void, s.Cache.Evictions, s.Cache.Invalidations = c.Stale, c.Evictions, c.Invalidations
	s.Cache.Entries, s.Cache.Tombstones = c.Entries, c.Tombstones
	return c.Quick
}

// cause says why tokens ended.
type cause int

const (
	replaced cause = iota
	loggedOut
	revoked
	withUser
	pruned
	replayed
	causes
)

// tally is what is counted for Stats, off the path of a cached check: that path
// is counted by the cache alone.
type tally struct {
	loaded atomic.Uint64 // checks that got a session from the store
	void   atomic.Uint64 // sessions, cached or loaded, that a check then refused

	accepted                                      highest
	malformed, invalid, expired, inactive, failed atomic.Uint64

	logins                  struct{ accepted, wrong, heldBack, refused, busy, failed atomic.Uint64 }
	issued, reused, renewed atomic.Uint64
	rotated                 atomic.Uint64
	ended                   [causes]atomic.Uint64
	throttled               atomic.Uint64
	flushes, usages, prunes workCount
	legacies, forgets       workCount
	heard                   atomic.Uint64
	clients                 clientTally
}

// refused counts a check that ended with err.
func (t *tally) refused(err error) {
	switch {
	case errors.Is(err, ErrInvalidToken):
		t.invalid.Add(1)
	case errors.Is(err, ErrExpired):
		t.expired.Add(1)
	case errors.Is(err, ErrInactive):
		t.inactive.Add(1)
	default:
		t.failed.Add(1)
	}
}

// misplaced counts a good token that was presented in another way than its
// client's, and is the answer to it.
func (t *tally) misplaced() error {
	t.void.Add(1)
	t.invalid.Add(1)
	return ErrInvalidToken
}

// throttle counts a request that a throttle refused; s may be nil.
func (t *tally) throttle(s *Session) {
	t.throttled.Add(1)
	if s != nil {
		t.clients.add(s.Client.Name, ClientStats{Throttled: 1})
	}
}

// login counts a login that ended with err.
func (t *tally) login(client string, admitted bool, err error) {
	l := &t.logins
	switch {
	case err == nil:
		l.accepted.Add(1)
		t.clients.add(client, ClientStats{Logins: 1})
	case errors.Is(err, ErrBusy):
		l.busy.Add(1)
	case !admitted:
		l.heldBack.Add(1)
	case errors.Is(err, ErrBadCredentials):
		l.wrong.Add(1)
	case AsError(err).Status < 500:
		l.refused.Add(1)
	default:
		l.failed.Add(1)
	}
}

// highest is a number that never falls: what is made of several counters, read
// one after the other, may.
type highest struct{ n atomic.Uint64 }

func (h *highest) raise(to uint64) uint64 {
	for {
		old := h.n.Load()
		if to <= old || to-old > 1<<63 { // below zero, read in an unlucky order
			return old
		}
		if h.n.CompareAndSwap(old, to) {
			return to
		}
	}
}

type workCount struct{ done, failed atomic.Uint64 }

func (w *workCount) note(err error) {
	if err != nil {
		w.failed.Add(1)
	} else {
		w.done.Add(1)
	}
}

func (w *workCount) read() struct{ Done, Failed uint64 } {
	return struct{ Done, Failed uint64 }{w.done.Load(), w.failed.Load()}
}

// clientTally counts by the names of clients, a bounded number of them.
type clientTally struct {
	mu  sync.Mutex
	all map[string]ClientStats
}

const maxTallied = 100

func (c *clientTally) add(name string, n ClientStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, known := c.all[name]
	if !known && len(c.all) >= maxTallied {
		name = ""
		sum = c.all[name]
	}
	if c.all == nil {
		c.all = map[string]ClientStats{}
	}
	c.all[name] = ClientStats{sum.Requests + n.Requests, sum.Throttled + n.Throttled, sum.Logins + n.Logins}
}

func (c *clientTally) read() map[string]ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.all)
}
