// Package peers puts other libraries' caches and limiters behind one form, to
// compare them with our own.
package peers

import (
	"context"
	"encoding/binary"
	"math"
	"sync"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/durin-go/durin/internal/cache"
	"github.com/elastic/go-freelru"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/maypok86/otter/v2"
)

// A Digest is a key, as long as the SHA-256 of a token.
type Digest [32]byte

// A Record is a value, about as large as a session.
type Record [256]byte

// A Cache keeps records.
type Cache interface {
	Put(k Digest, r *Record)
	Get(k *Digest) (*Record, bool)
}

// A CacheMaker makes an empty cache that has room for n records.
type CacheMaker struct {
	Name string
	Make func(n int) Cache
}

// Caches are all that are compared, ours first.
func Caches() []CacheMaker {
	return []CacheMaker{
		{"durin internal/cache", func(n int) Cache {
			return ours{cache.New[Digest, Record](cache.Options{Entries: n + n/4 + 64, Clock: func() (int64, int64) { return 0, math.MinInt64 }})}
		}},
		{"map behind sync.RWMutex", func(int) Cache { return &lockedMap{m: map[Digest]*Record{}} }},
		{"sync.Map", func(int) Cache { return &syncMap{} }},
		{"otter v2", func(n int) Cache {
			return otterCache{otter.Must(&otter.Options[Digest, *Record]{MaximumSize: n})}
		}},
		{"golang-lru v2", func(n int) Cache {
			c, err := lru.New[Digest, *Record](n)
			if err != nil {
				panic(err)
			}
			return lruCache{c}
		}},
		{"go-freelru, sharded", func(n int) Cache {
			c, err := freelru.NewSharded[Digest, *Record](uint32(n+n/4+64), func(k Digest) uint32 { return binary.LittleEndian.Uint32(k[:]) })
			if err != nil {
				panic(err)
			}
			return freeCache{c}
		}},
		{"ristretto v2", func(n int) Cache {
			c, err := ristretto.NewCache(&ristretto.Config[[]byte, *Record]{NumCounters: int64(10 * n), MaxCost: int64(n), BufferItems: 64, IgnoreInternalCost: true})
			if err != nil {
				panic(err)
			}
			return ristrettoCache{c}
		}},
	}
}

type ours struct{ *cache.Cache[Digest, Record] }

func (c ours) Put(k Digest, r *Record) {
	_, _ = c.Load(context.Background(), k, func(_ context.Context, to *Record) error { *to = *r; return nil })
}
func (c ours) Get(k *Digest) (*Record, bool) { return c.Cache.Get(*k, 1, math.MinInt64) }

type lockedMap struct {
	mu sync.RWMutex
	m  map[Digest]*Record
}

func (c *lockedMap) Put(k Digest, r *Record) { c.mu.Lock(); c.m[k] = r; c.mu.Unlock() }
func (c *lockedMap) Get(k *Digest) (*Record, bool) {
	c.mu.RLock()
	r, ok := c.m[*k]
	c.mu.RUnlock()
	return r, ok
}

type syncMap struct{ sync.Map }

func (c *syncMap) Put(k Digest, r *Record) { c.Store(k, r) }
func (c *syncMap) Get(k *Digest) (*Record, bool) {
	v, ok := c.Load(*k)
	if !ok {
		return nil, false
	}
	return v.(*Record), true
}

type otterCache struct{ *otter.Cache[Digest, *Record] }

func (c otterCache) Put(k Digest, r *Record)       { c.Set(k, r) }
func (c otterCache) Get(k *Digest) (*Record, bool) { return c.GetIfPresent(*k) }

type lruCache struct{ *lru.Cache[Digest, *Record] }

func (c lruCache) Put(k Digest, r *Record)       { c.Add(k, r) }
func (c lruCache) Get(k *Digest) (*Record, bool) { return c.Cache.Get(*k) }

type freeCache struct {
	*freelru.ShardedLRU[Digest, *Record]
}

func (c freeCache) Put(k Digest, r *Record)       { c.Add(k, r) }
func (c freeCache) Get(k *Digest) (*Record, bool) { return c.ShardedLRU.Get(*k) }

type ristrettoCache struct {
	*ristretto.Cache[[]byte, *Record]
}

func (c ristrettoCache) Put(k Digest, r *Record)       { c.Set(k[:], r, 1) }
func (c ristrettoCache) Get(k *Digest) (*Record, bool) { return c.Cache.Get(k[:]) }
