//go:build !race

package durin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/durin-go/durin/durintest"
)

// Allocations are counted without the race detector, which adds some.

func TestAllocCheck(t *testing.T) {
	g := durintest.New(t)
	token := g.Token("ada", "web")
	verify(t, g, token, nil)
	if n := testing.AllocsPerRun(1000, func() { _, _ = g.Verify(t.Context(), token) }); n > 0 {
		t.Errorf("a cached check: %v allocations, want none", n)
	}
}

func TestAllocChain(t *testing.T) {
	g := durintest.New(t)
	r := g.SignedIn(httptest.NewRequest("GET", "/", nil), "ada", "web")
	h := g.Require(g.AllowClients("web")(g.DenyClients("cli")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatal(w.Code)
	}
	if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n > 3 {
		t.Errorf("the chain of three: %v allocations, want at most 3", n)
	}
}
