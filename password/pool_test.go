package password

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
)

// now is the part of the stats that comes and goes.
func now(p *pool) Stats {
	s := p.stats()
	return Stats{Running: s.Running, Waiting: s.Waiting, Memory: s.Memory}
}

func TestPoolBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(3, 100, 2)
		ctx := t.Context()
		take := func(n need) {
			t.Helper()
			if err := p.acquire(ctx, n); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(want Stats) {
			t.Helper()
			synctest.Wait()
			if got := now(p); got != want {
				t.Fatalf("stats %+v, want %+v", got, want)
			}
		}
		take(need{1, 60})
		expect(Stats{Running: 1, Memory: 60})

		order := make(chan int, 2)
		for i, n := range []need{{1, 50}, {1, 1}} { // the second would fit, and waits behind the first
			go func() {
				if err := p.acquire(ctx, n); err != nil {
					t.Error(err)
				}
				order <- i
			}()
			expect(Stats{Running: 1, Waiting: i + 1, Memory: 60})
		}
		if err := p.acquire(ctx, need{1, 1}); !errors.Is(err, durin.ErrBusy) {
			t.Fatalf("with a full queue: %v", err)
		}
		p.release(need{1, 60})
		if first := <-order + <-order; first != 1 {
			t.Fatal("not both came in")
		}
		expect(Stats{Running: 2, Memory: 51})
		if s := p.stats(); s.Workers != 3 || s.Queue != 2 || s.MemoryLimit != 100 || s.Admitted != 3 || s.Refused != 1 {
			t.Fatalf("stats %+v", s)
		}
		take(need{1, 49})
		expect(Stats{Running: 3, Memory: 100})
		p.release(need{1, 49})
		p.release(need{1, 50})
		p.release(need{1, 1})
		take(need{3, 0})
		expect(Stats{Running: 1})
	})
}

func TestPoolWithoutQueue(t *testing.T) {
	p := newPool(1, 1, 0)
	if err := p.acquire(t.Context(), need{1, 1}); err != nil {
		t.Fatal(err)
	}
	if err := p.acquire(t.Context(), need{1, 1}); !errors.Is(err, durin.ErrBusy) {
		t.Fatalf("while the only worker works: %v", err)
	}
}

func TestPoolHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, 10, 10)
		if err := p.acquire(t.Context(), need{1, 5}); err != nil {
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.acquire(ended, need{1, 1}); !errors.Is(err, context.Canceled) {
			t.Fatalf("with an ended context: %v", err)
		}
		// The head of the queue gives up: who waited behind it comes in.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- p.acquire(ctx, need{2, 1}) }()
		synctest.Wait()
		go func() { second <- p.acquire(t.Context(), need{1, 1}) }()
		synctest.Wait()
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the first: %v", err)
		}
		if err := <-second; err != nil {
			t.Fatalf("the second: %v", err)
		}
		if got, want := now(p), (Stats{Running: 2, Memory: 6}); got != want {
			t.Fatalf("stats %+v, want %+v", got, want)
		}
	})
}

// Whatever comes, goes and gives up at the same time, no bound is passed and
// nothing is lost.
func TestPoolUnderContention(t *testing.T) {
	const cores, memory = 3, 100
	p := newPool(cores, memory, 20)
	var usedCores, usedMemory, done atomic.Int64
	var group sync.WaitGroup
	for i := range 32 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		group.Go(func() {
			for range 300 {
				n := need{1 + random.IntN(cores), int64(random.IntN(memory + 1))}
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(3) == 0 {
					go cancel()
				}
				err := p.acquire(ctx, n)
				cancel()
				if err != nil {
					if !errors.Is(err, durin.ErrBusy) && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					continue
				}
				if usedCores.Add(int64(n.cores)) > cores || usedMemory.Add(n.memory) > memory {
					t.Error("a bound was passed")
				}
				done.Add(1)
				usedCores.Add(-int64(n.cores))
				usedMemory.Add(-n.memory)
				p.release(n)
			}
		})
	}
	group.Wait()
	if got := now(p); got != (Stats{}) || p.used != (need{}) {
		t.Errorf("left over: %+v, %+v", got, p.used)
	}
	if done.Load() == 0 {
		t.Error("nobody came in")
	}
}
