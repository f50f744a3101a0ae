package cache

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A gate is a load that waits to be told what it finds.
type gate struct {
	begun chan struct{}
	found chan int
	loads atomic.Int32
}

func newGate() *gate { return &gate{begun: make(chan struct{}, 100), found: make(chan int)} }

func (g *gate) load(ctx context.Context, to *int) error {
	g.loads.Add(1)
	g.begun <- struct{}{}
	select {
	case *to = <-g.found:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type answer struct {
	value *int
	err   error
}

func (a answer) is(v int) bool { return a.err == nil && *a.value == v }

// ask calls Load in the background.
func ask(ctx context.Context, c *Cache[digest, int], k digest, load func(context.Context, *int) error) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		v, err := c.Load(ctx, k, load)
		done <- answer{v, err}
	}()
	return done
}

// inBubble runs a test in which goroutines stop where they must.
func inBubble(t *testing.T, f func(*testing.T, *Cache[digest, int], *clock)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cl := newClock()
		f(t, New[digest, int](cl.of(Options{Ended: errEnded})), cl)
	})
}

func TestCallersShareALoad(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
		g := newGate()
		var all []<-chan answer
		for range 50 {
			all = append(all, ask(t.Context(), c, key(1), g.load))
		}
		synctest.Wait()
		g.found <- 7
		for _, a := range all {
			if a := <-a; !a.is(7) {
				t.Fatalf("got %v", a)
			}
		}
		if n := g.loads.Load(); n != 1 {
			t.Errorf("%d loads for 50 callers, want 1", n)
		}
	})
}

func TestErrorsGoToAllWhoWait(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
		stop := make(chan struct{})
		load := func(context.Context, *int) error { <-stop; return errAway }
		a, b := ask(t.Context(), c, key(1), load), ask(t.Context(), c, key(1), load)
		synctest.Wait()
		close(stop)
		for _, a := range []answer{<-a, <-b} {
			if !errors.Is(a.err, errAway) {
				t.Errorf("got %v", a)
			}
		}
		expect(t, c, key(1), give(1), 1)
	})
}

func TestLoadsThatAreNotConcernedAreKept(t *testing.T) {
	for name, invalidate := range map[string]func(*Cache[digest, int]){
		"Drop":   func(c *Cache[digest, int]) { c.Drop(key(2)) },
		"End":    func(c *Cache[digest, int]) { c.End(key(2)) },
		"DropIf": func(c *Cache[digest, int]) { c.DropIf(func(v *int) bool { return *v == 2 }) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
				g := newGate()
				a := ask(t.Context(), c, key(1), g.load)
				synctest.Wait()
				invalidate(c)
				g.found <- 1
				if a := <-a; !a.is(1) || get(c, cl, key(1)) != 1 {
					t.Errorf("got %v, %d stored", a, get(c, cl, key(1)))
				}
			})
		})
	}
}

func TestDropIfAsksLoadsThatRun(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
		g := newGate()
		early := ask(t.Context(), c, key(1), g.load)
		synctest.Wait()
		c.DropIf(func(v *int) bool { return *v == 1 })
		late := ask(t.Context(), c, key(1), g.load)
		synctest.Wait()
		g.found <- 1 // read before the change
		synctest.Wait()
		if get(c, cl, key(1)) != 0 {
			t.Error("what was read before the change is stored")
		}
		g.found <- 3
		for _, a := range []answer{<-early, <-late} {
			if !a.is(3) {
				t.Errorf("got %v, want what was read after the change", a)
			}
		}
		if n := g.loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

func TestCallersAfterAnInvalidationLoadThemselves(t *testing.T) {
	for name, invalidate := range map[string]func(*Cache[digest, int]){
		"Drop":  func(c *Cache[digest, int]) { c.Drop(key(1)) },
		"Flush": func(c *Cache[digest, int]) { c.Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
				before, after := newGate(), newGate()
				early := ask(t.Context(), c, key(1), before.load)
				synctest.Wait()
				invalidate(c)
				late := ask(t.Context(), c, key(1), after.load)
				synctest.Wait()
				if after.loads.Load() != 1 {
					t.Fatal("the late caller joined a load that began before the change")
				}
				before.found <- 1
				synctest.Wait()
				if get(c, cl, key(1)) != 0 {
					t.Error("what was read before the change is stored")
				}
				after.found <- 2
				if a := <-late; !a.is(2) {
					t.Errorf("the late caller got %v", a)
				}
				if a := <-early; !a.is(2) {
					t.Errorf("the early caller got %v, read before the change", a)
				}
				if before.loads.Load()+after.loads.Load() != 2 {
					t.Error("the early caller did not join the load that began after the change")
				}
			})
		})
	}
}

func TestEndedDuringALoad(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
		g := newGate()
		a := ask(t.Context(), c, key(1), g.load)
		synctest.Wait()
		c.End(key(1))
		g.found <- 1
		if a := <-a; !errors.Is(a.err, errEnded) {
			t.Errorf("got %v, want the error for ended tokens", a)
		}
		if get(c, cl, key(1)) != 0 || g.loads.Load() != 1 {
			t.Error("the ended token came back")
		}
	})
}

func TestUntrustedFlightsAreNotJoined(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
		old, fresh := newGate(), newGate()
		early := ask(t.Context(), c, key(1), old.load)
		synctest.Wait()
		cl.add(time.Second)
		cl.distrust()
		late := ask(t.Context(), c, key(1), fresh.load)
		synctest.Wait()
		fresh.found <- 2
		if a := <-late; !a.is(2) {
			t.Errorf("the late caller got %v", a)
		}
		c.Drop(key(1))
		old.found <- 1 // read before Drop
		synctest.Wait()
		if get(c, cl, key(1)) != 0 {
			t.Error("a load that lost its place is stored")
		}
		old.found <- 3
		if a := <-early; !a.is(3) {
			t.Errorf("the early caller got %v, want what was read after Drop", a)
		}
	})
}

func TestWhoLeavesStopsNobodyElse(t *testing.T) {
	for who := range 3 {
		inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
			g := newGate()
			ctx, cancel := context.WithCancelCause(t.Context())
			var all []<-chan answer
			for i := range 3 { // the first of them loads
				mine := t.Context()
				if i == who {
					mine = ctx
				}
				all = append(all, ask(mine, c, key(1), g.load))
				synctest.Wait()
			}
			cancel(errAway)
			if a := <-all[who]; !errors.Is(a.err, errAway) {
				t.Errorf("who left got %v, want the cause", a)
			}
			g.found <- 1
			for i, a := range all {
				if i == who {
					continue
				}
				if a := <-a; !a.is(1) {
					t.Errorf("who stayed got %v", a)
				}
			}
			if want := map[bool]int32{true: 2, false: 1}[who == 0]; g.loads.Load() != want {
				t.Errorf("%d loads when caller %d left, want %d", g.loads.Load(), who, want)
			}
		})
	}
}

func TestWhoStaysIsAnsweredHoweverManyLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
		loading := make(chan context.CancelFunc)
		load := func(stop context.CancelFunc) func(context.Context, *int) error {
			return func(ctx context.Context, to *int) error {
				loading <- stop
				if stop != nil {
					<-ctx.Done()
					return ctx.Err()
				}
				*to = 1
				return nil
			}
		}
		for range 10 * maxLoads {
			ctx, cancel := context.WithCancel(t.Context())
			ask(ctx, c, key(1), load(cancel))
		}
		synctest.Wait()
		stays := ask(t.Context(), c, key(1), load(nil))
		synctest.Wait()
		for stop := range loading {
			if stop == nil {
				break // the turn of the one who stays
			}
			stop()
		}
		if a := <-stays; !a.is(1) {
			t.Errorf("who stayed got %v", a)
		}
	})
}

func TestALoadEndsWithItsCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, c *Cache[digest, int], cl *clock) {
		g := newGate()
		ctx, cancel := context.WithCancel(t.Context())
		a := ask(ctx, c, key(1), g.load)
		synctest.Wait()
		cancel()
		if a := <-a; !errors.Is(a.err, context.Canceled) {
			t.Errorf("got %v, want the context's error", a)
		}
		expect(t, c, key(1), give(2), 2)
	})
}

func TestLoadsThatDoNotReturn(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{}))
	_, err := c.Load(t.Context(), key(1), func(context.Context, *int) error { panic("a fault in the driver") })
	if err == nil || !strings.Contains(err.Error(), "a fault in the driver") {
		t.Errorf("a panic gave %v", err)
	}
	begun, end := make(chan struct{}), make(chan struct{})
	go func() {
		_, _ = c.Load(t.Context(), key(1), func(context.Context, *int) error { close(begun); <-end; runtime.Goexit(); return nil })
	}()
	<-begun
	waits := ask(t.Context(), c, key(1), give(5))
	for c.Stats().Misses < 3 {
		runtime.Gosched()
	}
	close(end)
	if a := <-waits; a.err == nil {
		t.Error("a goroutine that ended gave no error to who waited for it")
	}
	expect(t, c, key(1), give(1), 1)
}

func TestEndlessInvalidation(t *testing.T) {
	cl := newClock()
	c := New[digest, int](cl.of(Options{}))
	loads := 0
	expectError(t, c, key(1), func(context.Context, *int) error {
		loads++
		c.Drop(key(1))
		return nil
	}, ErrUnsettled)
	if loads != maxLoads || c.Len() != 0 {
		t.Errorf("%d loads, %d values stored", loads, c.Len())
	}
}

func TestLoadsSeeTheCallersValues(t *testing.T) {
	type name struct{}
	cl := newClock()
	c := New[digest, int](cl.of(Options{}))
	ctx := context.WithValue(t.Context(), name{}, 5)
	v, err := c.Load(ctx, key(1), func(ctx context.Context, to *int) error {
		*to = ctx.Value(name{}).(int)
		return nil
	})
	if err != nil || *v != 5 {
		t.Errorf("got %v, %v", v, err)
	}
}
