package durin_test

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// floor is what no check can do without: the digest of the token and a look into
// a map behind a lock.
type floor struct {
	mu sync.RWMutex
	m  map[[32]byte]*durin.Session
}

func (f *floor) look(token string) *durin.Session {
	d := sha256.Sum256([]byte(token))
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.m[d]
}

func parallel(b *testing.B, work func()) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			work()
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	g := durintest.New(b, func(o *durin.Options) { o.Now = nil })
	token := g.Token("ada", "web")
	s, err := g.Verify(b.Context(), token)
	if err != nil {
		b.Fatal(err)
	}
	text := token.Reveal()
	f := &floor{m: map[[32]byte]*durin.Session{s.Digest: s}}
	b.Run("floor", func(b *testing.B) { parallel(b, func() { _ = f.look(text) }) })
	b.Run("durin", func(b *testing.B) {
		ctx := b.Context()
		parallel(b, func() { _, _ = g.Verify(ctx, token) })
	})
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func BenchmarkChain(b *testing.B) {
	g := durintest.New(b, func(o *durin.Options) { o.Now = nil })
	bare := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	r := g.SignedIn(httptest.NewRequest("GET", "/", nil), "ada", "web")
	w := &discard{http.Header{}}
	run := func(h http.Handler) func(*testing.B) {
		return func(b *testing.B) { parallel(b, func() { h.ServeHTTP(w, r) }) }
	}
	b.Run("bare", run(bare))
	b.Run("require", run(g.Require(bare)))
	b.Run("require, allow", run(g.Require(g.AllowClients("web")(bare))))
}
