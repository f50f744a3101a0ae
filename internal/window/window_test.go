package window

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// take asks for one request under one limit.
func take[K comparable](l *Limiter[K], now time.Time, key K, rate Rate) (State, bool) {
	limits, states := [1]Limit[K]{{key, rate}}, [1]State{}
	ok := l.Take(now, limits[:], states[:])
	return states[0], ok
}

// An oracle does the same in the plainest way, for one key.
type oracle struct {
	seen   time.Time
	hits   []time.Time
	period time.Duration // of the latest request
}

func (o *oracle) take(now time.Time, rate Rate) (state State, pass bool) {
	if now.Before(o.seen) {
		now = o.seen
	}
	o.seen = now
	if n := len(o.hits); n > 0 && now.Sub(o.hits[n-1]) >= o.period {
		o.hits = nil
	}
	o.period = rate.Period
	var inside []time.Time
	for _, hit := range o.hits {
		if now.Sub(hit) < rate.Period {
			inside = append(inside, hit)
		}
	}
	o.hits = inside
	if len(o.hits) < rate.N {
		o.hits = append(o.hits, now)
		pass = true
	} else {
		state.Over = len(o.hits) > max(0, rate.N)
		state.Wait = rate.Period
		if rate.N > 0 {
			state.Wait = o.hits[len(o.hits)-rate.N].Add(rate.Period).Sub(now)
		}
	}
	state.Remaining = max(0, rate.N-len(o.hits))
	if len(o.hits) > 0 {
		state.Reset = o.hits[0].Add(rate.Period).Sub(now)
	}
	return state, pass
}

func TestSmallRatesAreExact(t *testing.T) {
	periods := []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l := New(start, Options[string]{})
		o := new(oracle)
		now, rate := start, Rate{1 + rng.IntN(20), periods[rng.IntN(4)]}
		for step := range 300 {
			switch rng.IntN(20) {
			case 0:
				rate.N = rng.IntN(30)
			case 1:
				rate.Period = periods[rng.IntN(4)]
			case 2: // exactly when the oldest leaves, or a nanosecond before
				if len(o.hits) > 0 {
					now = o.hits[0].Add(rate.Period - time.Duration(rng.IntN(2)))
				}
			case 3: // out of order, or the same instant again
				now = now.Add(-time.Duration(rng.Int64N(int64(rate.Period))))
			default:
				now = now.Add(time.Duration(rng.Int64N(int64(rate.Period) * 2 / int64(rate.N+1))))
			}
			want, wantPass := o.take(now, rate)
			got, pass := take(l, now, "ada", rate)
			if pass != wantPass || got != want {
				t.Fatalf("seed %d step %d, rate %v: %v %+v, want %v %+v", seed, step, rate, pass, got, wantPass, want)
			}
		}
	}
}

// TestLargeRatesErrOnTheSafeSide holds what the package promises above 1,024.
func TestLargeRatesErrOnTheSafeSide(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 2))
		rate := Rate{exact + 1 + rng.IntN(1500), time.Second}
		l := New(start, Options[string]{})
		var hits []time.Time
		now := start
		first, longer := 0, 0 // hits in the window, and in one that is 1 % longer
		for range 8 * rate.N {
			if rng.IntN(1000) == 0 {
				now = now.Add(time.Duration(rng.Int64N(int64(rate.Period))))
			}
			now = now.Add(time.Duration(rng.Int64N(int64(rate.Period) / int64(rate.N))))
			for ; first < len(hits) && now.Sub(hits[first]) >= rate.Period; first++ {
			}
			for ; longer < len(hits) && now.Sub(hits[longer]) >= rate.Period*101/100; longer++ {
			}
			state, pass := take(l, now, "ada", rate)
			switch {
			case pass && len(hits)-first >= rate.N:
				t.Fatalf("seed %d: more than %d in a window", seed, rate.N)
			case pass:
				hits = append(hits, now)
			case len(hits)-longer < rate.N:
				t.Fatalf("seed %d: refused with %d of %d in a window that is 1 %% longer", seed, len(hits)-longer, rate.N)
			case state.Over || state.Wait <= 0 || state.Wait > rate.Period:
				t.Fatalf("seed %d: %+v", seed, state)
			}
		}
	}
}

// TestWaitIsWhenOneMayPass asks a nanosecond before the end of the wait and at
// its end.
func TestWaitIsWhenOneMayPass(t *testing.T) {
	for _, n := range []int{1, 10, exact, 5000} {
		rng := rand.New(rand.NewPCG(uint64(n), 3))
		l := New(start, Options[string]{})
		now, rate := start, Rate{n, time.Minute}
		for refused := 0; refused < 20; {
			state, pass := take(l, now, "ada", rate)
			if pass {
				now = now.Add(time.Duration(rng.Int64N(int64(rate.Period) / int64(n+1))))
				continue
			}
			refused++
			if _, pass := take(l, now.Add(state.Wait-1), "ada", rate); pass {
				t.Fatalf("N = %d: passed before the wait was over", n)
			}
			now = now.Add(state.Wait)
			if _, pass := take(l, now, "ada", rate); !pass {
				t.Fatalf("N = %d: refused after the wait", n)
			}
		}
	}
}

func TestRateChanges(t *testing.T) {
	minute := func(n int) Rate { return Rate{n, time.Minute} }
	cases := []struct {
		name      string
		hits      int // accepted under before, a second apart
		before    Rate
		after     Rate
		pass      bool
		over      bool
		remaining int
		wait      time.Duration // from a second after the last hit
	}{
		{"raised", 5, minute(5), minute(7), true, false, 1, 0},
		{"lowered", 5, minute(5), minute(3), false, true, 0, 57 * time.Second},
		{"lowered to what is there", 3, minute(5), minute(3), false, false, 0, 57 * time.Second},
		{"blocked", 5, minute(5), minute(0), false, true, 0, time.Minute},
		{"a longer period", 5, minute(5), Rate{5, time.Hour}, false, false, 0, time.Hour - 5*time.Second},
		{"a shorter period", 5, minute(5), Rate{5, 3 * time.Second}, true, false, 2, 0},
		{"up into the compact form", 5, minute(5), minute(5000), true, false, 4994, 0},
		{"down from the compact form", 2000, Rate{2000, 24 * time.Hour}, Rate{5, 24 * time.Hour}, false, true, 0, 23*time.Hour + 59*time.Minute + 55*time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := New(start, Options[string]{})
			now := start
			for range c.hits {
				if _, pass := take(l, now, "ada", c.before); !pass {
					t.Fatal("refused too early")
				}
				now = now.Add(time.Second)
			}
			s, pass := take(l, now, "ada", c.after)
			late := s.Wait - c.wait
			if pass != c.pass || s.Over != c.over || s.Remaining != c.remaining || late < 0 || late > c.after.Period/100 {
				t.Errorf("pass %v, %+v", pass, s)
			}
			if c.before.N <= exact && late != 0 {
				t.Errorf("Wait = %v, want %v exactly", s.Wait, c.wait)
			}
		})
	}
}

func TestBlockedWithoutAHit(t *testing.T) {
	l := New(start, Options[string]{})
	s, pass := take(l, start, "ada", Rate{0, time.Minute})
	if pass || s != (State{Wait: time.Minute}) || l.Len() != 0 {
		t.Errorf("pass %v, %+v, %d keys", pass, s, l.Len())
	}
}

func TestAClockThatIsPutBack(t *testing.T) {
	l := New(start, Options[string]{})
	rate := Rate{2, time.Minute}
	later := start.Add(time.Hour)
	take(l, later, "ada", rate)
	take(l, later, "ada", rate)
	if _, pass := take(l, start, "ada", rate); pass {
		t.Error("a third request passes because the clock was put back")
	}
	if s, pass := take(l, later.Add(time.Minute), "ada", rate); !pass {
		t.Errorf("refused when the clock is there again: %+v", s)
	}
	// Instants that no clock has do no harm either.
	l = New(start, Options[string]{})
	for _, now := range []time.Time{{}, start, time.Unix(1<<55, 0), {}} {
		take(l, now, "ada", rate)
	}
}

func TestManyAtOnce(t *testing.T) {
	for _, n := range []int{500, 2000} {
		l := New(start, Options[string]{})
		var passed atomic.Int64
		var all sync.WaitGroup
		for g := range 40 {
			all.Go(func() {
				for i := range 5000 {
					now := start.Add(time.Duration(g*7919+i) * time.Microsecond)
					if _, pass := take(l, now, "ada", Rate{n, time.Hour}); pass {
						passed.Add(1)
					}
				}
			})
		}
		all.Wait()
		if got := passed.Load(); got != int64(n) {
			t.Errorf("%d of 200,000 passed, want %d", got, n)
		}
	}
}

func TestAllLimitsOrNone(t *testing.T) {
	l := New(start, Options[string]{})
	narrow, wide := Rate{300, time.Hour}, Rate{100_000, time.Hour}
	var passed atomic.Int64
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			limits := []Limit[string]{{"narrow", narrow}, {"wide", wide}, {"wide too", wide}}
			if g%2 == 0 { // in another order
				limits[0], limits[2] = limits[2], limits[0]
			}
			states := make([]State, 3)
			for range 500 {
				if l.Take(start, limits, states) {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != int64(narrow.N) {
		t.Errorf("%d passed, want %d", passed.Load(), narrow.N)
	}
	for _, key := range []string{"wide", "wide too"} {
		if s, _ := take(l, start, key, wide); s.Remaining != wide.N-narrow.N-1 {
			t.Errorf("%s: %d remain, want %d: refused requests were counted", key, s.Remaining, wide.N-narrow.N-1)
		}
	}
}

func TestStatesOfSeveralLimits(t *testing.T) {
	l := New(start, Options[string]{})
	limits := []Limit[string]{{"a", Rate{1, time.Minute}}, {"b", Rate{5, time.Hour}}}
	states := make([]State, 2)
	l.Take(start, limits, states)
	if want := []State{{Reset: time.Minute}, {Remaining: 4, Reset: time.Hour}}; states[0] != want[0] || states[1] != want[1] {
		t.Errorf("passed with %+v", states)
	}
	l.Take(start.Add(time.Second), limits, states)
	if want := []State{{Wait: 59 * time.Second, Reset: 59 * time.Second}, {Remaining: 4, Reset: time.Hour - time.Second}}; states[0] != want[0] || states[1] != want[1] {
		t.Errorf("refused with %+v", states)
	}
}

// TestSeveralLimitsAgainstOracles asks for any of 200 keys together, some of
// them new, some idle for long.
func TestSeveralLimitsAgainstOracles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	l := New(start, Options[int]{})
	oracles := make([]oracle, 200)
	now := start
	for step := range 20_000 {
		now = now.Add(time.Duration(rng.Int64N(int64(time.Second))))
		if rng.IntN(500) == 0 {
			now = now.Add(time.Hour)
		}
		var limits []Limit[int]
		wantPass := true
		for _, key := range rng.Perm(len(oracles))[:1+rng.IntN(4)] {
			rate := Rate{1 + key%5, time.Minute * time.Duration(1+key%3)}
			limits = append(limits, Limit[int]{key, rate})
			trial := oracles[key]
			_, pass := trial.take(now, rate)
			wantPass = wantPass && pass
		}
		states := make([]State, len(limits))
		if pass := l.Take(now, limits, states); pass != wantPass {
			t.Fatalf("step %d: pass %v, want %v", step, pass, wantPass)
		}
		for i := range limits {
			if !wantPass {
				continue
			}
			if want, _ := oracles[limits[i].Key].take(now, limits[i].Rate); states[i] != want {
				t.Fatalf("step %d: %+v, want %+v", step, states[i], want)
			}
		}
	}
}

func TestMoreLimitsThanUsual(t *testing.T) {
	l := New(start, Options[int]{})
	limits, states := make([]Limit[int], 100), make([]State, 100)
	for i := range limits {
		limits[i] = Limit[int]{i, Rate{2, time.Minute}}
	}
	for i := range 3 {
		if pass := l.Take(start, limits, states); pass != (i < 2) {
			t.Errorf("request %d: pass %v", i, pass)
		}
	}
}

func TestFullOfWindowsThatRun(t *testing.T) {
	l := New(start, Options[int]{Keys: 2 * shards})
	rate := Rate{2, time.Minute}
	kept := make(map[int]bool)
	for key := range 10_000 {
		s, pass := take(l, start, key, rate)
		kept[key] = pass
		if !pass && (s.Wait != time.Second || s.Over) {
			t.Fatalf("no room: %+v", s)
		}
	}
	if n := l.Len(); n != 2*shards {
		t.Errorf("%d keys, want %d", n, 2*shards)
	}
	for key := range 10_000 {
		if _, pass := take(l, start, key, rate); pass != kept[key] {
			t.Fatalf("key %d: pass %v; a window that runs was forgotten", key, pass)
		}
	}
	passed := 0
	for key := range 1000 {
		if _, pass := take(l, start.Add(time.Minute), 10_000+key, rate); pass {
			passed++
		}
	}
	if passed < 3*shards/2 {
		t.Errorf("only %d new keys found room after all windows were empty", passed)
	}
}

func TestIdleKeysAreForgotten(t *testing.T) {
	l := New(start, Options[int]{})
	for key := range 20_000 {
		take(l, start, key, Rate{10, time.Minute})
	}
	for i := range 60_000 {
		take(l, start.Add(time.Minute), 100_000+i%100, Rate{1000, time.Minute})
	}
	if n := l.Len(); n > 10_000 {
		t.Errorf("%d keys are kept for 100 that are not idle", n)
	}
}

func TestTakeAllocatesNothing(t *testing.T) {
	type key struct {
		scope, user string
		client      int64
		period      time.Duration
	}
	l := New(start, Options[key]{})
	for _, n := range []int{5, 1000, 5000} {
		now := start
		k := key{"scope", fmt.Sprint("user", n), 1, time.Minute}
		for range 3 * n {
			now = now.Add(time.Minute / time.Duration(2*n))
			take(l, now, k, Rate{n, time.Minute})
		}
		allocs := testing.AllocsPerRun(1000, func() {
			now = now.Add(time.Millisecond)
			limits, states := [2]Limit[key]{{k, Rate{n, time.Minute}}, {key{user: "all"}, Rate{4, time.Minute}}}, [2]State{}
			l.Take(now, limits[:], states[:])
			l.Take(now, limits[:1], states[:1])
		})
		if allocs != 0 {
			t.Errorf("N = %d: %v allocations", n, allocs)
		}
	}
}
