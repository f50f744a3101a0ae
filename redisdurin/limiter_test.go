package redisdurin_test

import (
	"io"
	"log/slog"
	"net"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/redisdurin"
	"github.com/durin-go/durin/throttle"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func newLimiter(t *testing.T, at string, o redisdurin.LimiterOptions) *redisdurin.Limiter {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second // a busy machine is no outage
	}
	l, err := redisdurin.NewLimiter(connect(t, at), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var ada = throttle.Key{Name: durin.DefaultThrottle, UserID: "ada", ClientID: 1}

func take(t *testing.T, l throttle.Limiter, limits ...throttle.Limit) (bool, []throttle.State) {
	t.Helper()
	states := make([]throttle.State, len(limits))
	ok, err := l.Take(t.Context(), time.Now(), limits, states)
	if err != nil {
		t.Fatal(err)
	}
	return ok, states
}

func TestExactlyNOverThreeNodes(t *testing.T) {
	at, prefix := address(t), unique(t)
	const n, nodes, callers, each = 500, 3, 10, 50
	limit := throttle.Limit{Key: ada, Rate: durin.Rate{N: n, Period: time.Hour}}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range nodes {
		l := newLimiter(t, at, redisdurin.LimiterOptions{Prefix: prefix})
		for range callers {
			wg.Go(func() {
				for range each {
					if ok, _ := take(t, l, limit); ok {
						passed.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	if passed.Load() != n {
		t.Errorf("%d of %d pass, want %d", passed.Load(), nodes*callers*each, n)
	}
}

// TestTheWindowRule compares instants that surely enclose those of the server:
// any request and the Nth after it are more than a period apart.
func TestTheWindowRule(t *testing.T) {
	l := newLimiter(t, address(t), redisdurin.LimiterOptions{Prefix: unique(t)})
	for _, rate := range []durin.Rate{{N: 5, Period: 200 * time.Millisecond}, {N: 1, Period: 50 * time.Millisecond}, {N: 1100, Period: 300 * time.Millisecond}} {
		limit := throttle.Limit{Key: throttle.Key{Name: rate.String(), UserID: "ada"}, Rate: rate}
		type span struct{ from, to time.Time }
		var mu sync.Mutex
		var passed []span
		var wg sync.WaitGroup
		for end := time.Now().Add(time.Second); len(passed) == 0; {
			for range 4 {
				wg.Go(func() {
					for time.Now().Before(end) {
						from := time.Now()
						if ok, _ := take(t, l, limit); ok {
							mu.Lock()
							passed = append(passed, span{from, time.Now()})
							mu.Unlock()
						}
					}
				})
			}
			wg.Wait()
		}
		slices.SortFunc(passed, func(a, b span) int { return a.to.Compare(b.to) })
		starts := slices.Clone(passed)
		slices.SortFunc(starts, func(a, b span) int { return a.from.Compare(b.from) })
		for i := range len(passed) - rate.N {
			if got := passed[i+rate.N].to.Sub(starts[i].from); got < rate.Period {
				t.Fatalf("%v: %d requests in %v", rate, rate.N+1, got)
			}
		}
	}
}

func TestStates(t *testing.T) {
	l := newLimiter(t, address(t), redisdurin.LimiterOptions{Prefix: unique(t)})
	rate := func(n int) throttle.Limit { return throttle.Limit{Key: ada, Rate: durin.Rate{N: n, Period: time.Hour}} }
	for i, c := range []struct {
		n         int
		ok        bool
		remaining int
		waits     bool
		over      bool
	}{
		{2, true, 1, false, false}, {2, true, 0, false, false}, {2, false, 0, true, false},
		{3, true, 0, false, false}, // a raised rate counts at once
		{1, false, 0, true, true},  // a lowered one too
		{0, false, 0, true, true},
		{2000, true, 1996, false, false}, {2000, true, 1995, false, false},
		{4, false, 0, true, true},
	} {
		ok, s := take(t, l, rate(c.n))
		if ok != c.ok || s[0].Remaining != c.remaining || (s[0].Wait > 0) != c.waits || s[0].Over != c.over || s[0].Reset <= 0 || s[0].Reset > time.Hour {
			t.Errorf("step %d: %v %+v, want %+v", i, ok, s[0], c)
		}
	}
	blocked := throttle.Limit{Key: throttle.Key{UserID: "bob"}, Rate: durin.Rate{N: 0, Period: time.Minute}}
	if ok, s := take(t, l, blocked); ok || s[0].Wait != time.Minute {
		t.Errorf("0/m: %v %+v", ok, s[0])
	}
}

func TestAllOrNothing(t *testing.T) {
	l := newLimiter(t, address(t), redisdurin.LimiterOptions{Prefix: unique(t)})
	burst := throttle.Limit{Key: throttle.Key{Name: "burst", UserID: "ada"}, Rate: durin.Rate{N: 10, Period: time.Hour}}
	sustained := throttle.Limit{Key: throttle.Key{Name: "sustained", UserID: "ada"}, Rate: durin.Rate{N: 3, Period: time.Hour}}
	for i := range 8 {
		if ok, _ := take(t, l, burst, sustained); ok != (i < 3) {
			t.Errorf("request %d: %v", i, ok)
		}
	}
	if _, s := take(t, l, burst); s[0].Remaining != 6 {
		t.Errorf("refused requests were counted: %d left", s[0].Remaining)
	}
}

func TestWhenRedisIsAway(t *testing.T) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	at := freeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	server := exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir())
	run(t, server)
	waitFor(t, "Redis to answer", func() bool { return answers(at) })
	limiters := map[redisdurin.Away]*redisdurin.Limiter{}
	for _, away := range []redisdurin.Away{redisdurin.AwayLocal, redisdurin.AwayClosed, redisdurin.AwayOpen} {
		limiters[away] = newLimiter(t, at, redisdurin.LimiterOptions{WhenAway: away, Prefix: string(away) + ":", Retry: 10 * time.Millisecond})
	}
	limit := throttle.Limit{Key: ada, Rate: durin.Rate{N: 1, Period: time.Hour}}
	for away, l := range limiters {
		if ok, _ := take(t, l, limit); !ok {
			t.Errorf("%s: refused while Redis is there", away)
		}
	}
	_ = server.Process.Kill()
	_ = server.Wait()
	states := make([]throttle.State, 1)
	for _, c := range []struct {
		away redisdurin.Away
		ok   []bool
		err  bool
	}{{redisdurin.AwayLocal, []bool{true, false}, false}, {redisdurin.AwayClosed, []bool{false, false}, true}, {redisdurin.AwayOpen, []bool{true, true}, false}} {
		for _, want := range c.ok {
			ok, err := limiters[c.away].Take(t.Context(), time.Now(), []throttle.Limit{limit}, states)
			if ok != want || (err != nil) != c.err || !limiters[c.away].Away() {
				t.Errorf("%s: %v %v, away %v", c.away, ok, err, limiters[c.away].Away())
			}
		}
	}
	run(t, exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir()))
	for away, l := range limiters {
		waitFor(t, string(away)+" to ask Redis again", func() bool {
			_, _ = l.Take(t.Context(), time.Now(), []throttle.Limit{limit}, states)
			return !l.Away()
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := redisdurin.NewLimiter(nil, redisdurin.LimiterOptions{WhenAway: "maybe"}); err == nil {
		t.Error("taken")
	}
}
