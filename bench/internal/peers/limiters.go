package peers

import (
	"context"
	"sync"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/throttle"
	"github.com/sethvargo/go-limiter/memorystore"
	"github.com/throttled/throttled/v2"
	throttledstore "github.com/throttled/throttled/v2/store/memstore"
	"github.com/ulule/limiter/v3"
	ululestore "github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"
)

// A Limiter tells whether one more request of key may pass.
type Limiter func(key string) bool

// A LimiterMaker makes a limiter that lets n pass in each period, by key, with
// room for keys of them.
type LimiterMaker struct {
	Name string
	Make func(n int, period time.Duration, keys int) (Limiter, error)
}

// Limiters are all that are compared, ours first.
func Limiters() []LimiterMaker {
	return []LimiterMaker{
		{"durin", func(n int, period time.Duration, _ int) (Limiter, error) {
			l := throttle.New()
			return func(key string) bool {
				limits := [1]throttle.Limit{{Key: throttle.Key{Name: durin.DefaultThrottle, UserID: key}, Rate: durin.Rate{N: n, Period: period}}}
				var states [1]throttle.State
				ok, err := l.Take(context.Background(), time.Now(), limits[:], states[:])
				return ok && err == nil
			}, nil
		}},
		{"x/time/rate, one for each key", func(n int, period time.Duration, _ int) (Limiter, error) {
			var all sync.Map
			return func(key string) bool {
				l, ok := all.Load(key)
				if !ok {
					l, _ = all.LoadOrStore(key, rate.NewLimiter(rate.Limit(float64(n)/period.Seconds()), n))
				}
				return l.(*rate.Limiter).Allow()
			}, nil
		}},
		{"ulule/limiter v3", func(n int, period time.Duration, _ int) (Limiter, error) {
			l := limiter.New(ululestore.NewStore(), limiter.Rate{Period: period, Limit: int64(n)})
			return func(key string) bool {
				c, err := l.Get(context.Background(), key)
				return err == nil && !c.Reached
			}, nil
		}},
		{"sethvargo/go-limiter", func(n int, period time.Duration, _ int) (Limiter, error) {
			s, err := memorystore.New(&memorystore.Config{Tokens: uint64(n), Interval: period})
			return func(key string) bool {
				_, _, _, ok, err := s.Take(context.Background(), key)
				return ok && err == nil
			}, err
		}},
		{"throttled v2 (GCRA)", func(n int, period time.Duration, keys int) (Limiter, error) {
			s, err := throttledstore.NewCtx(keys)
			if err != nil {
				return nil, err
			}
			l, err := throttled.NewGCRARateLimiterCtx(s, throttled.RateQuota{MaxRate: throttled.PerDuration(n, period), MaxBurst: n - 1})
			return func(key string) bool {
				limited, _, err := l.RateLimitCtx(context.Background(), key, 1)
				return !limited && err == nil
			}, err
		}},
	}
}

// MostInWindow asks a limiter of n in period as greedily as it can, and returns
// the most requests that passed in any window of the period: after pauses of
// different lengths, and late in a window that one request has opened.
func MostInWindow(m LimiterMaker, n int, period time.Duration) (int, error) {
	l, err := m.Make(n, period, 16)
	if err != nil {
		return 0, err
	}
	var early, late []time.Time
	for _, pause := range []float64{0, 0.4, 0.8, 0.95} {
		time.Sleep(time.Duration(pause * float64(period)))
		early = greedy(l, "early", early, period*5/4, period/500)
	}
	for range 3 {
		time.Sleep(2 * period)
		late = greedy(l, "late", late, 0, period*17/20)
		late = greedy(l, "late", late, period/2, period/500)
	}
	return max(mostInside(early, period), mostInside(late, period)), nil
}

// greedy asks for as long as it is told, at least once, with a pause after each
// question, and adds the instants at which what passed was asked for.
func greedy(l Limiter, key string, passed []time.Time, long, pause time.Duration) []time.Time {
	for end := time.Now().Add(long); ; {
		if before := time.Now(); l(key) {
			passed = append(passed, before)
		}
		time.Sleep(pause)
		if !time.Now().Before(end) {
			return passed
		}
	}
}

// mostInside counts within a little less than a period, which is certainly inside:
// the instants are those before the questions.
func mostInside(passed []time.Time, period time.Duration) int {
	most := 0
	for i, first := range passed {
		inside := 0
		for _, at := range passed[i:] {
			if at.Sub(first) < period-period/20 {
				inside++
			}
		}
		most = max(most, inside)
	}
	return most
}
