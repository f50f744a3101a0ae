package attempts

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd comes from one address, each with an account of their own. Those who
// are let in stand in order in got.
type crowd struct {
	l   *Limiter
	mu  sync.Mutex
	got []int
	out []int // refused
}

func member(i int) Attempt { return Attempt{Account: strconv.Itoa(i), Address: addr(1)} }

func (c *crowd) come(ctx context.Context, i int) {
	go func() {
		ok, err := c.l.Wait(ctx, start, member(i))
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case ok:
			c.got = append(c.got, i)
		case err == nil:
			c.out = append(c.out, i)
		}
	}()
	synctest.Wait()
}

func TestACrowdIsLetInInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{l: New(Numbers{})}
		const all = 600
		for i := range all {
			c.come(t.Context(), i)
		}
		if len(c.got) != 100 {
			t.Fatalf("%d run side by side, want as many as failures lock", len(c.got))
		}
		for i := range all {
			c.l.Done(start, member(i), Right)
			synctest.Wait()
			if want := min(all, 101+i); len(c.got) != want {
				t.Fatalf("after %d ends %d were let in, want %d", i+1, len(c.got), want)
			}
		}
		for i, who := range c.got {
			if i != who {
				t.Fatalf("number %d was let in as number %d", who, i)
			}
		}
		if c.l.waiting != 0 || len(c.out) != 0 {
			t.Errorf("%d still wait, %d were refused", c.l.waiting, len(c.out))
		}
	})
}

func TestACrowdOfGuessersIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{l: New(Numbers{})}
		for i := range 300 {
			c.come(t.Context(), i)
		}
		for i := range 100 {
			c.l.Done(start, member(i), Wrong)
		}
		synctest.Wait()
		if len(c.got) != 100 || len(c.out) != 200 || c.l.waiting != 0 {
			t.Errorf("%d were let in, %d refused, %d wait", len(c.got), len(c.out), c.l.waiting)
		}
	})
}

func TestWhoLeavesTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{l: New(Numbers{Address: 1})}
		c.come(t.Context(), 0)
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := c.l.Wait(ctx, start, member(1))
			left <- err
		}()
		synctest.Wait()
		c.come(t.Context(), 2)
		gone := errors.New("the caller hung up")
		cancel(gone)
		if err := <-left; !errors.Is(err, gone) {
			t.Errorf("got %v, want the cause", err)
		}
		c.l.Done(start, member(0), Aborted)
		synctest.Wait()
		if len(c.got) != 2 || c.got[1] != 2 || c.l.waiting != 0 {
			t.Errorf("let in %v, %d wait", c.got, c.l.waiting)
		}
	})
}

func TestWhoWaitsForTwoIsLetInAfterBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Numbers{Account: 1, Address: 1})
		account, address := Attempt{Account: "ada", Address: addr(2)}, Attempt{Account: "grace", Address: addr(1)}
		if !l.Admit(start, account) || !l.Admit(start, address) {
			t.Fatal("refused")
		}
		let := make(chan bool, 1)
		go func() {
			ok, _ := l.Wait(t.Context(), start, Attempt{Account: "ada", Address: addr(1)})
			let <- ok
		}()
		synctest.Wait()
		l.Done(start, account, Right)
		synctest.Wait()
		if len(let) != 0 {
			t.Fatal("let in while another from the address runs")
		}
		l.Done(start, address, Right)
		if !<-let {
			t.Error("refused")
		}
	})
}

func TestTooManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &crowd{l: New(Numbers{Address: 1})}
		for i := range 1 + maxWaiting {
			c.come(ctx, i)
		}
		if _, err := c.l.Wait(t.Context(), start, member(-1)); !errors.Is(err, ErrFull) {
			t.Errorf("got %v, want ErrFull", err)
		}
		cancel()
		synctest.Wait()
		if c.l.waiting != 0 {
			t.Errorf("%d wait after all have left", c.l.waiting)
		}
	})
}

// TestNobodyWaitsForEver lets attempts of few accounts and addresses come, leave
// and end in any order: no more run at a time than failures lock, and everybody
// is answered.
func TestNobodyWaitsForEver(t *testing.T) {
	n := Numbers{Pair: 2, Account: 3, Address: 4, Lock: time.Nanosecond, MaxLock: time.Nanosecond}
	l := New(n)
	var running [4]atomic.Int64
	var all sync.WaitGroup
	for g := range 40 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			for range 300 {
				from := r.IntN(4)
				a := Attempt{Account: strconv.Itoa(r.IntN(4)), Address: addr(from)}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(3000))*time.Microsecond)
				if r.IntN(4) > 0 {
					ctx = t.Context()
				}
				if ok, _ := l.Wait(ctx, time.Now(), a); ok {
					if now := running[from].Add(1); now > int64(n.Address) {
						t.Errorf("%d from one address at a time", now)
					}
					time.Sleep(time.Duration(r.IntN(50)) * time.Microsecond)
					running[from].Add(-1)
					l.Done(time.Now(), a, Outcome(r.IntN(3)))
				}
				cancel()
			}
		})
	}
	all.Wait()
	if l.waiting != 0 {
		t.Errorf("%d wait though nobody is there", l.waiting)
	}
}

// BenchmarkCrowd is the end of one attempt, and the next one's beginning, while
// so many others from the same address wait.
func BenchmarkCrowd(b *testing.B) {
	for _, waiting := range []int{1, 30, 900} {
		b.Run(strconv.Itoa(waiting), func(b *testing.B) {
			l := New(Numbers{})
			ended := make(chan int, 100)
			ctx, cancel := context.WithCancel(context.Background())
			var all sync.WaitGroup
			for i := range 100 + waiting {
				all.Go(func() {
					for {
						if ok, err := l.Wait(ctx, start, member(i)); !ok || err != nil {
							return
						}
						ended <- i
					}
				})
			}
			for b.Loop() {
				l.Done(start, member(<-ended), Right)
			}
			cancel()
			for range 100 { // whoever was let in meanwhile
				select {
				case <-ended:
				default:
				}
			}
			all.Wait()
		})
	}
}
