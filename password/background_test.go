package password

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/durin-go/durin"
)

func TestBackgroundHashesAreTheSame(t *testing.T) {
	small := Params{Memory: 64, Time: 1, Threads: 4}
	there, err := New(Options{Params: small, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	behind, err := New(Options{Params: small, Workers: 2, Background: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]*Hasher{{there, behind}, {behind, there}} {
		hash, err := pair[0].Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		for pw, want := range map[durin.Secret]bool{"correct horse": true, "correct hors": false} {
			if r, err := pair[1].Verify(t.Context(), pw, hash); err != nil || r.OK != want {
				t.Errorf("%v %v, want %v", r, err, want)
			}
		}
	}
	if n := behind.ownNeed(); n.cores != 1 {
		t.Errorf("a hash in the background takes %d cores", n.cores)
	}
}

func TestAPanicInTheBackgroundIsTheCallers(t *testing.T) {
	h, err := New(Options{Background: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("it is lost")
		}
	}()
	h.compute(func() { panic("fault") })
}

// Hashes that follow one another do so in the same memory; when none is left to
// do, it is let go.
func TestMemoryServesTheNextHash(t *testing.T) {
	h, err := New(Options{Params: Params{Memory: 4096, Time: 1}, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	hold := h.Acquire(0) // as if another went on all the time
	hash := func() {
		if _, err := h.Hash(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	hash()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		hash()
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
		t.Errorf("ten hashes of 4 MiB took %d bytes anew", took)
	}
	if n := len(h.pool.spare); n != 1 {
		t.Errorf("%d spares, want 1", n)
	}
	hold()
	if len(h.pool.spare) != 0 {
		t.Error("memory is kept when there is nothing to do")
	}
	release := h.Acquire(0)
	defer release()
	if r, err := h.Verify(t.Context(), "x", "$argon2id$v=19$m=8192,t=1,p=1$"+strings.Repeat("c2FsdHNhbHRzYWx0c2FsdA", 1)+"$"+strings.Repeat("A", 43)); err != nil || r.OK {
		t.Fatal(r, err)
	}
	if len(h.pool.spare) != 0 {
		t.Error("the memory of a hash larger than usual is kept")
	}
}

func TestSparesAreBounded(t *testing.T) {
	h, err := New(Options{Params: Params{Memory: 64, Time: 1}, Workers: 3, Background: true})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := h.Hash(context.Background(), "x"); err != nil {
				t.Error(err)
			}
			h.pool.mu.Lock()
			if n := len(h.pool.spare); n > 3 {
				t.Errorf("%d spares", n)
			}
			h.pool.mu.Unlock()
		})
	}
	wg.Wait()
	if len(h.pool.spare) != 0 {
		t.Error("spares are left")
	}
}
