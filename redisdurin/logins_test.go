package redisdurin_test

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/loginlimit"
	"github.com/durin-go/durin/redisdurin"
	"github.com/durin-go/durin/throttle"
)

func newLogins(t *testing.T, at string, o redisdurin.LoginLimiterOptions) *redisdurin.LoginLimiter {
	t.Helper()
	if o.Prefix == "" {
		o.Prefix = unique(t)
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second // a busy machine is no outage
	}
	o.Logger = quiet
	return redisdurin.NewLoginLimiter(connect(t, at), o)
}

var began = time.Now()

// from makes an attempt from the n-th address; zero: from one that is not known.
func from(n int, name string) durin.LoginAttempt {
	a := durin.LoginAttempt{At: began, Name: name}
	if n > 0 {
		a.Address = netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
	}
	return a
}

var wrong, right, aborted error = durin.ErrBadCredentials, nil, durin.ErrUnavailable

// attempt reports whether an attempt was admitted, and ends it with err.
func attempt(t *testing.T, l durin.LoginLimiter, a durin.LoginAttempt, err error) bool {
	t.Helper()
	ok, fault := l.Admit(t.Context(), a)
	if fault != nil {
		t.Fatal(fault)
	}
	if ok {
		l.Done(t.Context(), a, err)
	}
	return ok
}

// Guesses side by side on three nodes get no further than one after the other.
func TestGuessesOnThreeNodes(t *testing.T) {
	at, prefix := address(t), unique(t)
	var nodes []*redisdurin.LoginLimiter
	for range 3 {
		nodes = append(nodes, newLogins(t, at, redisdurin.LoginLimiterOptions{Prefix: prefix}))
	}
	for name, c := range map[string]struct {
		attempt func(i int) durin.LoginAttempt
		want    int64
	}{
		"one account, one address":    {func(int) durin.LoginAttempt { return from(1, "ada") }, 10},
		"one account, 1000 addresses": {func(i int) durin.LoginAttempt { return from(1000+i, "grace") }, 20},
		"one account, no address":     {func(int) durin.LoginAttempt { return from(0, "barbara") }, 10},
		"300 accounts, one address":   {func(i int) durin.LoginAttempt { return from(2, "user"+strconv.Itoa(i)) }, 100},
	} {
		var passed atomic.Int64
		var all sync.WaitGroup
		for worker := range 12 {
			all.Go(func() {
				for i := range 25 {
					if attempt(t, nodes[worker%3], c.attempt(25*worker+i), wrong) {
						passed.Add(1)
					}
				}
			})
		}
		all.Wait()
		if passed.Load() != c.want {
			t.Errorf("%s: %d of 300 pass, want %d", name, passed.Load(), c.want)
		}
	}
}

// Whatever attempts come, Redis decides as the counts in memory do.
func TestLoginsLikeInMemory(t *testing.T) {
	at := address(t)
	for seed := range uint64(8) {
		numbers := loginlimit.Numbers{Pair: 2, Account: 4, Address: 6 - 4*int(seed%2), Lock: time.Hour, Window: 2 * time.Hour}
		shared := newLogins(t, at, redisdurin.LoginLimiterOptions{Numbers: numbers, Prefix: unique(t)})
		local := loginlimit.New(numbers)
		r := rand.New(rand.NewPCG(seed, 7))
		var log []string
		for range 200 {
			a := from(r.IntN(4), "user"+strconv.Itoa(r.IntN(4)))
			a.Known = r.IntN(5) == 0
			if seed%2 == 1 { // of several networks of a /48, and a /48 beside it
				a.Address = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 5: byte(r.IntN(2)), 6: byte(r.IntN(2)), 7: byte(r.IntN(3)), 15: byte(r.IntN(9))})
			}
			outcome := []error{wrong, wrong, right, aborted}[r.IntN(4)]
			got, want := attempt(t, shared, a, outcome), attempt(t, local, a, outcome)
			log = append(log, a.Name+" "+a.Address.String()+" "+strconv.FormatBool(a.Known)+" "+strconv.FormatBool(want))
			if got != want {
				t.Fatalf("seed %d: Redis says %v; so far:\n%s", seed, got, strings.Join(log, "\n"))
			}
		}
		held, err := shared.Held(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		plain := func(all []loginlimit.Held) (lines []string) {
			for _, h := range all {
				lines = append(lines, h.Account+" "+h.Network.String()+" "+strconv.FormatBool(h.Known)+" "+strconv.Itoa(h.Locks))
			}
			slices.Sort(lines)
			return lines
		}
		here, _ := local.Held(t.Context(), time.Now())
		if got, want := plain(held), plain(here); !slices.Equal(got, want) {
			t.Errorf("seed %d: held %q, want %q", seed, got, want)
		}
	}
}

func TestLocksEndAndGrow(t *testing.T) {
	l := newLogins(t, address(t), redisdurin.LoginLimiterOptions{Numbers: loginlimit.Numbers{Pair: 2, Lock: 20 * time.Millisecond, MaxLock: 80 * time.Millisecond, Window: time.Minute}})
	a := from(1, "ada")
	type span struct{ asked, admitted time.Time }
	var guesses []span
	for len(guesses) < 6 {
		asked := time.Now()
		ok, err := l.Admit(t.Context(), a)
		admitted := time.Now()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			l.Done(t.Context(), a, wrong)
			guesses = append(guesses, span{asked, admitted})
		}
	}
	// The second guess locks for 20 ms, the third for 40, the others for 80. The
	// server counts whole milliseconds.
	for i, least := range []time.Duration{20, 40, 80, 80} {
		if got := guesses[i+2].admitted.Sub(guesses[i+1].asked); got < (least-1)*time.Millisecond {
			t.Errorf("guess %d came %v after the one before, want %d ms", i+3, got, least)
		}
	}
}

func TestACrowdThatKnowsThePassword(t *testing.T) {
	at, prefix := address(t), unique(t)
	nodes := []*redisdurin.LoginLimiter{newLogins(t, at, redisdurin.LoginLimiterOptions{Prefix: prefix}), newLogins(t, at, redisdurin.LoginLimiterOptions{Prefix: prefix})}
	var all sync.WaitGroup
	var in, running, most atomic.Int64
	for i := range 60 {
		all.Go(func() {
			ok, err := nodes[i%2].Admit(t.Context(), from(1, "ada"))
			if err != nil || !ok {
				t.Errorf("%v %v", ok, err)
				return
			}
			n := running.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(5 * time.Millisecond)
			running.Add(-1)
			nodes[i%2].Done(t.Context(), from(1, "ada"), right)
			in.Add(1)
		})
	}
	all.Wait()
	if in.Load() != 60 || most.Load() > 10 {
		t.Errorf("%d of 60 got in, %d at once", in.Load(), most.Load())
	}
}

// A caller who leaves while the password is looked at has made his guess.
func TestWhoLeavesIsCounted(t *testing.T) {
	l := newLogins(t, address(t), redisdurin.LoginLimiterOptions{})
	for range 10 {
		ctx, leave := context.WithCancel(t.Context())
		if ok, err := l.Admit(ctx, from(1, "ada")); !ok || err != nil {
			t.Fatal(ok, err)
		}
		leave()
		l.Done(ctx, from(1, "ada"), wrong)
	}
	if attempt(t, l, from(1, "ada"), right) {
		t.Error("ten guesses of one who left do not lock")
	}
}

func TestAnAttemptOfANodeThatDied(t *testing.T) {
	l := newLogins(t, address(t), redisdurin.LoginLimiterOptions{Numbers: loginlimit.Numbers{Pair: 1}})
	l.SetLease(300 * time.Millisecond)
	if ok, err := l.Admit(t.Context(), from(1, "ada")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	// It waits for the first until that is given up.
	if !attempt(t, l, from(1, "ada"), right) {
		t.Error("refused though nobody failed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	l.SetLease(time.Hour)
	if ok, err := l.Admit(t.Context(), from(1, "ada")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := l.Admit(ctx, from(1, "ada")); ok || err == nil {
		t.Errorf("a second one beside the only one allowed: %v %v", ok, err)
	}
}

// What is in Redis goes by itself, lies in one slot, and tells no name before it
// is locked.
func TestWhatRedisKeepsOfLogins(t *testing.T) {
	at, prefix := address(t), unique(t)
	l := newLogins(t, at, redisdurin.LoginLimiterOptions{Prefix: prefix})
	for range 9 {
		attempt(t, l, from(1, "hunter2"), wrong)
	}
	for i := range 20 {
		attempt(t, l, from(i, "ada"), wrong)
	}
	client := connect(t, at)
	keys, err := client.Do(t.Context(), client.B().Keys().Pattern(prefix+"*").Build()).AsStrSlice()
	if err != nil || len(keys) < 10 {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	for _, key := range keys {
		if !strings.Contains(key, "{logins}") {
			t.Errorf("%s is in a slot of its own", key)
		}
		left, err := client.Do(t.Context(), client.B().Pttl().Key(key).Build()).AsInt64()
		if err != nil || left <= 0 || left > (31*time.Minute).Milliseconds() {
			t.Errorf("%s lives for %d ms: %v", key, left, err)
		}
		if strings.HasSuffix(key, "held") {
			continue
		}
		text, err := client.Do(t.Context(), client.B().Get().Key(key).Build()).ToString()
		if err != nil || strings.Contains(text+key, "hunter2") {
			t.Errorf("%s: %s %v", key, text, err)
		}
	}
	held, err := l.Held(t.Context(), time.Now())
	if err != nil || len(held) != 1 || held[0].Account != "ada" || held[0].Network.IsValid() || time.Until(held[0].Until) > time.Minute {
		t.Errorf("held %+v %v", held, err)
	}
}

func TestLoginsWhenRedisIsAway(t *testing.T) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	at := freeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	server := exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir())
	run(t, server)
	waitFor(t, "Redis to answer", func() bool { return answers(at) })
	l := newLogins(t, at, redisdurin.LoginLimiterOptions{Numbers: loginlimit.Numbers{Pair: 2}, Retry: 10 * time.Millisecond})
	guesses := func() (let int) { // of three
		for range 3 {
			if attempt(t, l, from(1, "ada"), wrong) {
				let++
			}
		}
		return let
	}
	if guesses() != 2 {
		t.Fatal("not two guesses with Redis")
	}
	if ok, err := l.Admit(t.Context(), from(1, "grace")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	_ = server.Process.Kill()
	_ = server.Wait()
	l.Done(t.Context(), from(1, "grace"), wrong) // counts here
	if !attempt(t, l, from(1, "grace"), wrong) || attempt(t, l, from(1, "grace"), right) {
		t.Error("the failure whose beginning Redis saw does not count here")
	}
	if guesses() != 2 || !l.Away() {
		t.Error("not two guesses without Redis")
	}
	if held, err := l.Held(t.Context(), time.Now()); err != nil || len(held) != 2 {
		t.Errorf("held here: %+v %v", held, err)
	}
	if ok, err := l.Admit(t.Context(), from(9, "barbara")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	run(t, exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir()))
	waitFor(t, "Redis to be asked again", func() bool {
		attempt(t, l, from(2, "nobody"), aborted)
		return !l.Away()
	})
	l.Done(t.Context(), from(9, "barbara"), wrong) // where it began
	if guesses() != 2 {
		t.Error("not two guesses with Redis again")
	}
}

// TestLift: what one node lifts is lifted on all.
func TestLift(t *testing.T) {
	at, prefix := address(t), unique(t)
	numbers := loginlimit.Numbers{Pair: 2, Account: 4, Address: 60, Lock: time.Hour, Window: 2 * time.Hour}
	one := newLogins(t, at, redisdurin.LoginLimiterOptions{Numbers: numbers, Prefix: prefix})
	other := newLogins(t, at, redisdurin.LoginLimiterOptions{Numbers: numbers, Prefix: prefix})
	for range 2 {
		for _, a := range []durin.LoginAttempt{from(1, "ada"), from(2, "ada"), from(3, "bob")} {
			attempt(t, one, a, wrong)
		}
	}
	if n, err := other.Lift(t.Context(), "ada"); n != 3 || err != nil {
		t.Errorf("%d locks were lifted, %v", n, err)
	}
	held, err := one.Held(t.Context(), time.Now())
	if err != nil || len(held) != 1 || held[0].Account != "bob" {
		t.Errorf("%+v, %v", held, err)
	}
	if !attempt(t, one, from(1, "ada"), right) || attempt(t, one, from(3, "bob"), right) {
		t.Error("ada is held back, or bob is not")
	}
}

// TestAwayIsToldByItself: when Redis is back nobody has to come for it to be noticed.
func TestAwayIsToldByItself(t *testing.T) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	at := freeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	serve := func() *exec.Cmd {
		cmd := exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir())
		run(t, cmd)
		waitFor(t, "Redis to answer", func() bool { return answers(at) })
		return cmd
	}
	server := serve()
	logins := newLogins(t, at, redisdurin.LoginLimiterOptions{Retry: 10 * time.Millisecond, Timeout: 100 * time.Millisecond})
	limiter := newLimiter(t, at, redisdurin.LimiterOptions{Retry: 10 * time.Millisecond, Timeout: 100 * time.Millisecond})
	_ = server.Process.Kill()
	_ = server.Wait()
	attempt(t, logins, from(1, "ada"), wrong)
	_, _ = take(t, limiter, throttle.Limit{Key: ada, Rate: durin.Rate{N: 1, Period: time.Minute}})
	if !logins.Away() || !limiter.Away() {
		t.Fatal("nobody has noticed that Redis is away")
	}
	serve()
	waitFor(t, "both to notice by themselves", func() bool { return !logins.Away() && !limiter.Away() })
}
