package main

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/bench/internal/target"
)

// floorMap is what no check of a token can do without: its digest, and a look
// into a map that others may be writing to.
type floorMap struct {
	mu sync.RWMutex
	m  map[durin.Digest]*durin.Session
}

func (f *floorMap) look(token string) *durin.Session {
	d := durin.Digest(sha256.Sum256([]byte(token)))
	f.mu.RLock()
	s := f.m[d]
	f.mu.RUnlock()
	return s
}

func (f *floorMap) lookAlone(token string) *durin.Session { return f.m[sha256.Sum256([]byte(token))] }

// f2 compares a cached check with the digest and a map.
func (s *suite) f2() error {
	path, err := s.database(s.size)
	if err != nil {
		return err
	}
	g, err := target.NewGuard(s.ctx, path, nil)
	if err != nil {
		return err
	}
	defer g.Close()
	tokens := some(s.size, s.inUse)
	f := &floorMap{m: map[durin.Digest]*durin.Session{}}
	for _, t := range tokens {
		session, err := g.Verify(s.ctx, t)
		if err != nil {
			return err
		}
		f.m[t.Digest()] = session
	}
	pick := func(i uint64) durin.Secret { return tokens[measure.Scatter(i, s.inUse)] }
	one := tokens[0]
	for _, goroutines := range []int{2, 1} {
		all, err := measure.Interleave(s.rounds,
			measure.Each("digest and map with a lock", goroutines, s.long, func(i uint64) { _ = f.look(pick(i).Reveal()) }),
			measure.Each("check", goroutines, s.long, func(i uint64) { _, _ = g.Verify(s.ctx, pick(i)) }),
			measure.Each("digest and map with a lock, one token", goroutines, s.long, func(uint64) { _ = f.look(one.Reveal()) }),
			measure.Each("check, one token", goroutines, s.long, func(uint64) { _, _ = g.Verify(s.ctx, one) }),
			measure.Each("digest and map without a lock", goroutines, s.long, func(i uint64) { _ = f.lookAlone(pick(i).Reveal()) }),
		)
		if err != nil {
			return err
		}
		by := map[int]string{1: "1 goroutine", 2: "2 goroutines"}[goroutines]
		s.ratio("F2", "cached check / (SHA-256 + locked map), "+by, all[1], all[0], "ns", 1.3, false)
		s.ratio("F2", "the same, one token over and over, "+by, all[3], all[2], "ns", 0, false)
		s.ratio("F2", "cached check / (SHA-256 + map without a lock), "+by, all[1], all[4], "ns", 0, false)
	}
	s.allocations(g.Guard, one)
	return nil
}

// allocations counts those of the check and of the chain.
func (s *suite) allocations(g *durin.Guard, token durin.Secret) {
	ctx := context.Background()
	check := testing.AllocsPerRun(1000, func() { _, _ = g.Verify(ctx, token) })
	s.value("F2", "allocations of a cached check", measure.Series{check}, "", 1)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Token "+token.Reveal())
	w := httptest.NewRecorder()
	chain := g.Require(g.AllowClients("web")(g.DenyClients("cli")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))))
	n := testing.AllocsPerRun(1000, func() { chain.ServeHTTP(w, r) })
	s.value("F2", "allocations of a chain of three middlewares", measure.Series{n}, "", 3)
}
