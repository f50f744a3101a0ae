// Package cache keeps what token checks look up, in the memory of one process,
// and never answers with what was invalidated before it was asked.
//
// Use Get first, and Load when it finds nothing. Whoever changes a row in the
// store calls, after the commit and before the change is acknowledged, End for
// tokens that are gone for good, Drop for rows that are to be read afresh,
// DropIf for a whole class of them, or Flush. Once one of these has returned,
// no Get and no Load that begins afterwards yields what was read before:
//
//   - a load that began before the invalidation is not stored after it, and
//     those who wait for it load again;
//   - a load that begins later never joins one that began before;
//   - what was ended stays ended for the life time of an entry at least, even
//     when a lagging replica still has the row.
//
// Values are shared by all who get them: they must not be changed. Keys are
// digests, but are not trusted to be evenly spread: strangers choose some.
// A Cache has no goroutine and no clock of its own; instants are nanoseconds of
// any clock that does not run backwards.
package cache

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Cache. Clock is required.
type Options struct {
	// Entries bounds the values that are kept. Zero: 100,000. A little before
	// the bound the first of them give way, the ones not used lately first.
	Entries int
	// TTL is how long a value is good, counted from the beginning of its
	// load. Zero: a minute.
	TTL time.Duration

	// Negative reports whether an error of a load may be remembered for
	// NegativeTTL. Nil: none is.
	Negative func(error) bool
	// NegativeEntries bounds the errors that are remembered. They never
	// displace values. Zero: 4,096.
	NegativeEntries int
	// NegativeTTL is how long an error is remembered. Zero: a second.
	NegativeTTL time.Duration

	// Ended is what Load answers for a key that was ended. Required if End is
	// used.
	Ended error
	// Tombstones bounds the ended keys that are remembered, about 80 bytes
	// each. Beyond the bound no load is stored until those that found no room
	// are as old as TTL: slower, but then a replica's lag alone is how long an
	// ended token may pass. Zero: 1,000,000.
	Tombstones int

	// Clock gives the present instant, and the one before which loads are not
	// trusted any more: it moves on while news of other nodes is missing.
	// Without such news math.MinInt64 trusts all.
	Clock func() (now, trustedSince int64)

	// breakLoads stores loads that began before an invalidation: the tests
	// prove with it that they would notice.
	breakLoads bool
}

// A Cache holds values of type V by the digest of a token. It is safe for
// concurrent use.
type Cache[K ~[32]byte, V any] struct {
	opts        Options
	ttl         int64
	negativeTTL int64
	tombstones  int // a shard's
	seed        [2]uint64
	shift       uint
	shards      []shard[K, V]
}

// A shard is a part of the cache with a lock of its own. What readers load
// stands apart from what they count, so that cores do not wait for each other.
type shard[K ~[32]byte, V any] struct {
	live table[K, V] // read without mu
	_    [64]byte
	hits atomic.Uint64
	_    [56]byte

	mu      sync.Mutex
	absent  table[K, error]
	flights map[K]*flight[V]
	ended   tombstones[K]
	counts  Stats
}

// Stats counts what happened since New.
type Stats struct {
	Hits          uint64 // answered from memory
	Quick         uint64 // of them by Get
	Misses        uint64 // calls of Load that were not
	NegativeHits  uint64 // answered with a remembered error or a tombstone
	Loads         uint64 // loads begun: fewer than misses where calls joined
	Stale         uint64 // loads whose result an invalidation made void
	Evictions     uint64 // values that gave way to others
	Invalidations uint64 // values dropped by End, Drop, DropIf and Flush

	Entries    int // values held now
	Negatives  int // errors remembered now
	Tombstones int // ended keys remembered now
}

// maxShards is how many parts a large cache has.
const maxShards = 64

// New returns an empty Cache. Memory grows with what is kept.
func New[K ~[32]byte, V any](opts Options) *Cache[K, V] {
	defaultTo(&opts.Entries, 100_000)
	defaultTo(&opts.TTL, time.Minute)
	defaultTo(&opts.NegativeEntries, 4096)
	defaultTo(&opts.NegativeTTL, time.Second)
	defaultTo(&opts.Tombstones, 1_000_000)
	n := maxShards
	for n > 1 && opts.Entries/n < 64 {
		n /= 2
	}
	c := &Cache[K, V]{
		opts:        opts,
		ttl:         int64(opts.TTL),
		negativeTTL: int64(opts.NegativeTTL),
		tombstones:  max(1, opts.Tombstones/n),
		seed:        [2]uint64{rand.Uint64(), rand.Uint64()},
		shift:       uint(64 - bits.TrailingZeros(uint(n))),
		shards:      make([]shard[K, V], n),
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.live.init(max(1, opts.Entries/n), c.hash)
		s.absent.init(max(1, opts.NegativeEntries/n), c.hash)
		s.flights = make(map[K]*flight[V])
	}
	return c
}

func defaultTo[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Get returns the value of key if one is held that is younger than TTL at now
// and whose load began at trustedSince or later. It takes no lock and allocates
// nothing.
func (c *Cache[K, V]) Get(key K, now, trustedSince int64) (*V, bool) {
	h := c.hash(&key)
	s := &c.shards[h>>c.shift]
	e := s.live.find(h, &key)
	if e == nil || older(now-e.loadedAt, c.ttl) || e.loadedAt < trustedSince {
		return nil, false
	}
	e.use()
	s.hits.Add(1)
	return &e.value, true
}

// older reports an age of a time to live or more. What was loaded in the future,
// by a clock that was put back since, is as good as old.
func older(age, ttl int64) bool { return uint64(age) >= uint64(ttl) }

// Len is the number of values held, expired ones included.
func (c *Cache[K, V]) Len() int { return c.Stats().Entries }

// Stats gathers the counters of all parts, one after the other.
func (c *Cache[K, V]) Stats() Stats {
	var sum Stats
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		sum.Hits += s.counts.Hits
		sum.Misses += s.counts.Misses
		sum.NegativeHits += s.counts.NegativeHits
		sum.Loads += s.counts.Loads
		sum.Stale += s.counts.Stale
		sum.Evictions += s.counts.Evictions
		sum.Invalidations += s.counts.Invalidations
		sum.Entries += s.live.n
		sum.Negatives += s.absent.n
		sum.Tombstones += s.ended.len()
		s.mu.Unlock()
		sum.Quick += s.hits.Load()
	}
	sum.Hits += sum.Quick
	return sum
}

// hash spreads keys by a secret of this cache: nobody can aim at one place.
func (c *Cache[K, V]) hash(key *K) uint64 {
	hi, lo := bits.Mul64(
		binary.LittleEndian.Uint64((*key)[:8])^c.seed[0],
		binary.LittleEndian.Uint64((*key)[8:16])^c.seed[1])
	return hi ^ lo
}

func (c *Cache[K, V]) shard(key *K) (*shard[K, V], uint64) {
	h := c.hash(key)
	return &c.shards[h>>c.shift], h
}
