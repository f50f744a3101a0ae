package cache

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"
)

type digest [32]byte

// key makes the n-th digest; like real ones its bytes look random.
func key(n int) digest {
	var k digest
	x := uint64(n)*0x9e3779b97f4a7c15 + 1
	for i := 0; i < 32; i += 8 {
		x ^= x >> 29
		x *= 0xbf58476d1ce4e5b9
		x ^= x >> 32
		binary.LittleEndian.PutUint64(k[i:], x)
	}
	return k
}

// clock is a clock that tests set.
type clock struct{ now, trusted atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.now.Store(int64(time.Hour))
	c.trusted.Store(math.MinInt64)
	return c
}

func (c *clock) read() (int64, int64) { return c.now.Load(), c.trusted.Load() }
func (c *clock) add(d time.Duration)  { c.now.Add(int64(d)) }
func (c *clock) distrust()            { c.trusted.Store(c.now.Load()) }
func (c *clock) of(o Options) Options { o.Clock = c.read; return o }

var (
	errAbsent = errors.New("no such row")
	errEnded  = errors.New("ended")
	errAway   = errors.New("store is away")
)

// give is a load that finds v.
func give(v int) func(context.Context, *int) error {
	return func(_ context.Context, to *int) error { *to = v; return nil }
}

func fail(err error) func(context.Context, *int) error {
	return func(context.Context, *int) error { return err }
}

func unwanted(t *testing.T) func(context.Context, *int) error {
	return func(context.Context, *int) error {
		t.Helper()
		t.Error("loaded, though the answer was in memory")
		return errAway
	}
}

func expect(t *testing.T, c *Cache[digest, int], k digest, load func(context.Context, *int) error, want int) {
	t.Helper()
	v, err := c.Load(t.Context(), k, load)
	if err != nil || *v != want {
		t.Fatalf("Load = %v, %v; want %d", v, err, want)
	}
}

func expectError(t *testing.T, c *Cache[digest, int], k digest, load func(context.Context, *int) error, want error) {
	t.Helper()
	if v, err := c.Load(t.Context(), k, load); !errors.Is(err, want) || v != nil {
		t.Fatalf("Load = %v, %v; want error %v", v, err, want)
	}
}

func get(c *Cache[digest, int], cl *clock, k digest) int {
	now, trusted := cl.read()
	v, ok := c.Get(k, now, trusted)
	if !ok {
		return 0
	}
	return *v
}

func TestValuesLiveForTTL(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{TTL: time.Minute}))
	k := key(1)
	if get(c, cl, k) != 0 {
		t.Fatal("an empty cache answers")
	}
	expect(t, c, k, give(7), 7)
	expect(t, c, k, unwanted(t), 7)
	cl.add(time.Minute - 1)
	if get(c, cl, k) != 7 {
		t.Error("forgotten before its time")
	}
	cl.add(1)
	if get(c, cl, k) != 0 {
		t.Error("still good at the end of its time")
	}
	expect(t, c, k, give(8), 8)
	if got := get(c, cl, k); got != 8 {
		t.Errorf("after a new load Get = %d, want 8", got)
	}
	if s := c.Stats(); s.Loads != 2 || s.Misses != 2 || s.Hits != 3 || s.Entries != 1 || c.Len() != 1 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestUntrustedLoadsAreRepeated(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{}))
	k := key(1)
	expect(t, c, k, give(1), 1)
	cl.add(time.Second)
	cl.distrust()
	if get(c, cl, k) != 0 {
		t.Error("a value from before trustedSince is given out")
	}
	expect(t, c, k, give(2), 2)
	expect(t, c, k, unwanted(t), 2)
}

func TestDropReadsAfresh(t *testing.T) {
	cl := newClock()
	drops := map[string]func(*Cache[digest, int]){
		"Drop":   func(c *Cache[digest, int]) { c.Drop(key(1)) },
		"DropIf": func(c *Cache[digest, int]) { c.DropIf(func(v *int) bool { return *v == 1 }) },
	}
	for name, drop := range drops {
		c := New[digest, int](cl.of(Options{}))
		expect(t, c, key(1), give(1), 1)
		expect(t, c, key(2), give(2), 2)
		drop(c)
		if get(c, cl, key(1)) != 0 {
			t.Errorf("%s: the old value is given out", name)
		}
		if get(c, cl, key(2)) != 2 {
			t.Errorf("%s: another value is gone, too", name)
		}
		expect(t, c, key(1), give(3), 3)
	}
}

func TestFlushForgetsAll(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{}))
	for i := range 1000 {
		expect(t, c, key(i), give(i+1), i+1)
	}
	c.End(key(5))
	c.opts.Ended = errEnded
	c.Flush()
	for i := range 1000 {
		if get(c, cl, key(i)) != 0 {
			t.Fatalf("key %d survived", i)
		}
	}
	expectError(t, c, key(5), give(6), errEnded)
	if s := c.Stats(); s.Entries != 0 || s.Invalidations != 1000 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestEndedStaysEnded(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{TTL: time.Minute, Ended: errEnded}))
	k := key(1)
	expect(t, c, k, give(1), 1)
	c.End(k)
	if get(c, cl, k) != 0 {
		t.Error("an ended token passes")
	}
	for range 60 {
		expectError(t, c, k, unwanted(t), errEnded)
		cl.add(time.Second - time.Millisecond)
		c.End(key(2)) // others are ended all the time
	}
	for range 130 {
		cl.add(time.Second)
		c.End(key(2))
	}
	expect(t, c, k, give(1), 1)
	if s := c.Stats(); s.Tombstones != 1 && s.Tombstones != 2 {
		t.Errorf("%d tombstones for the one key that was ended of late", s.Tombstones)
	}
}

func TestNoRoomForTombstonesMeansNoStoring(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{Entries: 64, TTL: time.Minute, Tombstones: 3, Ended: errEnded}))
	c.End(key(1), key(2), key(3), key(4))
	expectError(t, c, key(3), unwanted(t), errEnded)
	expect(t, c, key(4), give(4), 4) // a lagging replica
	if get(c, cl, key(4)) != 0 {
		t.Error("an ended token is kept")
	}
	cl.add(time.Minute)
	expect(t, c, key(5), give(5), 5)
	if get(c, cl, key(5)) != 5 {
		t.Error("nothing is kept though all endings are old")
	}
}

func TestErrors(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{
		NegativeTTL: time.Second,
		Negative:    func(err error) bool { return errors.Is(err, errAbsent) },
	}))
	k := key(1)
	expectError(t, c, k, fail(errAway), errAway)
	expectError(t, c, k, fail(errAbsent), errAbsent)
	expectError(t, c, k, unwanted(t), errAbsent)
	c.Drop(k)
	expectError(t, c, k, fail(errAbsent), errAbsent)
	c.DropIf(func(*int) bool { return false })
	expectError(t, c, k, fail(errAbsent), errAbsent)
	cl.add(time.Second)
	expect(t, c, k, give(1), 1)
	cl.add(time.Hour)
	expectError(t, c, k, fail(errAbsent), errAbsent)
	if s := c.Stats(); s.Negatives != 1 || s.Entries != 0 {
		t.Errorf("a value and an error for the same key: %+v", s)
	}
}

func TestUnknownKeysDisplaceNoValue(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{
		Entries: 1000, NegativeEntries: 500,
		Negative: func(error) bool { return true },
	}))
	for i := range 500 {
		expect(t, c, key(i), give(i+1), i+1)
	}
	for i := range 20_000 {
		expectError(t, c, key(1000+i), fail(errAbsent), errAbsent)
	}
	for i := range 500 {
		if get(c, cl, key(i)) != i+1 {
			t.Fatalf("value %d was displaced", i)
		}
	}
	if s := c.Stats(); s.Negatives > 500 || s.Evictions != 0 {
		t.Errorf("Stats = %+v, want at most 500 errors and no eviction", s)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	for _, bound := range []int{1, 10, 200, 2000} {
		cl := newClock()
		c := New[digest, int](cl.of(Options{Entries: bound}))
		for i := range 10 * bound {
			expect(t, c, key(i), give(i+1), i+1)
			if n := c.live(); n > bound {
				t.Fatalf("%d values, the bound is %d", n, bound)
			}
		}
		if n := c.Len(); n < bound*8/10 {
			t.Errorf("only %d values with a bound of %d", n, bound)
		}
	}
}

// live counts without locks: the test is alone.
func (c *Cache[K, V]) live() (n int) {
	for i := range c.shards {
		n += c.shards[i].live.n
	}
	return n
}

func TestWhatIsUsedStays(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{Entries: 4000}))
	const used = 1000
	for i := range used {
		expect(t, c, key(i), give(i+1), i+1)
	}
	lost := 0
	for i := range 15_000 {
		expect(t, c, key(used+i), give(1), 1)
		if get(c, cl, key(i%used)) == 0 {
			lost++
			expect(t, c, key(i%used), give(1), 1)
		}
	}
	if lost > 150 {
		t.Errorf("%d of 15,000 uses of busy keys missed because of keys that are used once", lost)
	}
}

func TestExpiredValuesAreSwept(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{Entries: 100_000, TTL: time.Minute}))
	for i := range 20_000 {
		expect(t, c, key(i), give(1), 1)
		cl.add(30 * time.Millisecond) // 2,000 loads a life time
	}
	if n := c.Len(); n > 7000 {
		t.Errorf("%d values are held for 2,000 that are young enough", n)
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{}))
	expect(t, c, key(1), give(1), 1)
	if n := testing.AllocsPerRun(100, func() { get(c, cl, key(1)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
