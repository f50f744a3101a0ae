// Package window limits how often something happens: at most N times in any
// window of a period for one key, whatever the concurrency. What it refuses does
// not count.
//
// Up to N = 1,024 every accepted request is kept by its instant, and decisions
// and waits are exact. Above, requests of one 128th of the period are kept
// together and count as long as the last of them: never more than N pass in any
// window, and a request is refused at most 1 % of a period too long.
//
// The rate comes with each request, and a change of it acts at once on what is
// kept: a raised N lets more through immediately, a lowered one none until enough
// have left the window; a shorter period forgets at once what is older, a longer
// one counts what the shorter one had not forgotten: all, unless its window has
// been empty meanwhile.
//
// Instants may come out of order and a clock may be put back: no part of the
// limiter ever goes back behind the latest instant that it has seen, so too many
// never pass, and whoever waits does so until the clock is there again. Clocks
// with monotonic readings, like time.Now, never are put back.
//
// A key takes about 260 bytes, more when many requests of its are in the window:
// 8 to 16 for each up to N = 1,024, and about 3 KB above. Idle keys are forgotten
// a few at a time while others are asked for; there is no goroutine.
//
// How many keys there are is bounded: for each of their owners, and for all.
package window

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// A Rate allows N requests in any window of Period.
type Rate struct {
	N      int // zero or less: none
	Period time.Duration
}

// A Limit is a rate for a key. One Take must not have a key twice.
type Limit[K comparable] struct {
	Key  K
	Rate Rate
}

// A State is a window after a request.
type State struct {
	Remaining int           // requests that may pass now
	Wait      time.Duration // when refused by this window: until one may pass; its Period when N is 0
	Reset     time.Duration // until the oldest counted request leaves the window; zero if there is none
	Over      bool          // more are in the window than the rate, lowered meanwhile, allows
	// Full says that the bound of keys is reached, and the key is a new one:
	// refused, or beyond a Soft bound.
	Full bool
}

// Options are the bounds of a Limiter. The zero value is what is documented.
type Options[K comparable] struct {
	// Keys bounds all keys; it is kept to within a few percent. Zero:
	// DefaultKeys.
	Keys int
	// Soft has new keys taken beyond the bound too, and State.Full say so:
	// where Owners bound them, and nobody may be refused for others' keys.
	Soft bool
	// Exact is the highest N for which every request is kept by itself.
	// Zero: 1,024.
	Exact int
	// Owners are those who have to answer for a key: none of them has more
	// than its number of keys. Nil: a key has no owner.
	Owners func(seed maphash.Seed, key K) [3]Owner
}

// An Owner of a key.
type Owner struct {
	ID  uint64 // a hash of who it is
	Max int    // keys at a time; zero: it is no owner
}

// A Limiter keeps the windows of many keys. It is safe for concurrent use.
type Limiter[K comparable] struct {
	seed   maphash.Seed
	start  time.Time
	max    int // keys of a shard
	soft   bool
	exact  int
	owners func(seed maphash.Seed, key K) [3]Owner
	owned  [shards]owned // by the low bits of the owner's hash
	// nextSweep is from when on all keys may be looked at.
	nextSweep atomic.Int64
	shards    [shards]shard[K]
}

// shards is such that a word has a bit for each.
const shards = 64

// most is how many limits a Take has without needing memory of its own.
const most = 8

type shard[K comparable] struct {
	mu    sync.Mutex
	seen  int64 // the latest instant
	logs  table[K]
	all   []*log[K] // the same, for the sweep
	hand  int       // where the sweep goes on
	owed  int       // logs that it is to look at next
	takes uint32
	_     [64]byte // keeps the locks of two shards apart
}

// DefaultKeys bounds the keys of a Limiter that is told no bound.
const DefaultKeys = 1_000_000

// New returns a Limiter. At its bounds new keys are refused rather than that a
// window that runs is forgotten. start is any instant of the clock that Take's are
// of.
func New[K comparable](start time.Time, o Options[K]) *Limiter[K] {
	if o.Keys <= 0 {
		o.Keys = DefaultKeys
	}
	if o.Exact <= 0 {
		o.Exact = exact
	}
	l := &Limiter[K]{seed: maphash.MakeSeed(), start: start, max: max(1, o.Keys/shards), soft: o.Soft, exact: o.Exact, owners: o.Owners}
	l.nextSweep.Store(math.MinInt64)
	for i := range l.shards {
		l.shards[i].seen = math.MinInt64
	}
	return l
}

// Take asks for one request under every one of the limits: either all of them
// count it, or none does. It writes what became of limits[i] to states[i], which
// must be as long, and reports whether the request may pass. A key for which
// there is no room is refused with a Wait of a second at most, for nobody knows
// when there will be.
func (l *Limiter[K]) Take(now time.Time, limits []Limit[K], states []State) bool {
	return l.ask(now, limits, states, true)
}

// Hold asks for room for keys, as Take does, and counts no request: a key is kept
// for the Period of its rate after the latest Hold. It is for windows that are
// counted elsewhere.
func (l *Limiter[K]) Hold(now time.Time, limits []Limit[K], states []State) bool {
	return l.ask(now, limits, states, false)
}

// ask asks once more where an owner may have keys that nobody needs any more.
func (l *Limiter[K]) ask(now time.Time, limits []Limit[K], states []State, count bool) bool {
	pass, owing := l.take(now, limits, states, count)
	if owing && l.sweepAll(l.instant(now)) {
		pass, _ = l.take(now, limits, states, count)
	}
	return pass
}

// sweepEvery is how often all keys are looked at for the sake of one owner at most,
// and sweepShare which part of the time that takes at most.
const (
	sweepEvery = time.Second
	sweepShare = 100
)

// sweepAll forgets all keys whose windows are empty, unless that was done lately.
func (l *Limiter[K]) sweepAll(t int64) bool {
	next := l.nextSweep.Load()
	if t < next || !l.nextSweep.CompareAndSwap(next, t+int64(sweepEvery)) {
		return false
	}
	began := time.Now()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		s.owed = max(s.owed, len(s.all))
		l.sweep(s, max(t, s.seen))
		s.mu.Unlock()
	}
	l.nextSweep.Store(t + max(int64(sweepEvery), sweepShare*int64(time.Since(began))))
	return true
}

func (l *Limiter[K]) take(now time.Time, limits []Limit[K], states []State, count bool) (pass, owing bool) {
	var summed [most]uint64
	var found [most]*log[K]
	hashes, logs := summed[:0], found[:0]
	var held uint64 // a bit for each shard: locked in order, once
	for i := range limits {
		h := maphash.Comparable(l.seed, limits[i].Key)
		hashes = append(hashes, h)
		held |= 1 << (h % shards)
	}
	t := l.lock(held, l.instant(now))
	pass = true
	var mine [most]bool
	owned := mine[:0]
	for i := range limits {
		s := &l.shards[hashes[i]%shards]
		g := s.logs.find(hashes[i], &limits[i].Key)
		logs = append(logs, g)
		full := g == nil && !l.room(s, logs[:i], hashes)
		owned = append(owned, g == nil && (!full || l.soft) && l.own(limits[i].Key))
		switch {
		case g == nil && !owned[i]:
			states[i] = State{Wait: min(limits[i].Rate.Period, time.Second), Full: true}
			pass, owing = false, owing || !full || l.soft
		case count:
			pass = g.ask(t, limits[i].Rate, &states[i]) && pass
			states[i].Full = full
		default:
			states[i] = State{Full: full}
		}
	}
	for i, g := range logs {
		switch {
		case !pass && owned[i]:
			l.disown(limits[i].Key)
		case pass && g == nil:
			g = &log[K]{key: limits[i].Key, hash: hashes[i], period: int64(limits[i].Rate.Period), last: t}
			l.shards[hashes[i]%shards].open(g)
			fallthrough
		case pass:
			l.note(g, t, limits[i].Rate, &states[i], count)
		}
	}
	l.unlock(held)
	return pass, owing
}

// note counts the request in g, or keeps g for what is counted elsewhere.
func (l *Limiter[K]) note(g *log[K], t int64, rate Rate, state *State, count bool) {
	if !count {
		g.last, g.period = t, max(g.period, int64(rate.Period))
		return
	}
	g.add(t, rate.N > l.exact)
	state.Remaining--
	state.Reset = g.reset(t)
}

// room reports whether s may open one more log, beside those that the request
// needs already.
func (l *Limiter[K]) room(s *shard[K], logs []*log[K], hashes []uint64) bool {
	need := 1
	for i, g := range logs {
		if g == nil && &l.shards[hashes[i]%shards] == s {
			need++
		}
	}
	return len(s.all)+need <= l.max
}

// Len is the number of keys that are kept, idle ones that were not swept yet
// included.
func (l *Limiter[K]) Len() (n int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.all)
		s.mu.Unlock()
	}
	return n
}

// instant gives nanoseconds since start, such that the difference of any two
// does not overflow.
func (l *Limiter[K]) instant(now time.Time) int64 {
	return min(max(int64(now.Sub(l.start)), math.MinInt64/2+1), math.MaxInt64/2)
}

// lock locks the shards and returns the latest instant that t and they know.
func (l *Limiter[K]) lock(held uint64, t int64) int64 {
	for m := held; m != 0; m &= m - 1 {
		s := &l.shards[bits.TrailingZeros64(m)]
		s.mu.Lock()
		t = max(t, s.seen)
	}
	for m := held; m != 0; m &= m - 1 {
		s := &l.shards[bits.TrailingZeros64(m)]
		s.seen = t
		s.takes++
		if s.takes%4 == 0 {
			s.owed++
		}
		if len(s.all) >= l.max {
			s.owed = 16
		}
		l.sweep(s, t)
	}
	return t
}

func (l *Limiter[K]) unlock(held uint64) {
	for m := held; m != 0; m &= m - 1 {
		l.shards[bits.TrailingZeros64(m)].mu.Unlock()
	}
}

// open takes in the log of a new key. For each, the next request looks at some
// others: now is not the time, the present request holds logs.
func (s *shard[K]) open(g *log[K]) {
	s.logs.put(g)
	s.all = append(s.all, g)
	s.owed += 4
}

// sweep looks at as many logs as are owed and forgets those whose windows are
// empty.
func (l *Limiter[K]) sweep(s *shard[K], now int64) {
	for ; s.owed > 0; s.owed-- {
		if s.hand >= len(s.all) {
			s.hand = 0
		}
		if len(s.all) == 0 {
			continue
		}
		g := s.all[s.hand]
		if !g.idle(now) {
			s.hand++
			continue
		}
		s.logs.remove(g)
		l.disown(g.key)
		last := len(s.all) - 1
		s.all[s.hand], s.all[last] = s.all[last], nil
		s.all = s.all[:last]
	}
}
