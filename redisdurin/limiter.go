package redisdurin

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/durin-go/durin/internal/networks"
	"github.com/durin-go/durin/throttle"
)

// Away says what a Limiter does while Redis cannot be asked.
type Away string

const (
	// AwayLocal lets each node limit by itself, exactly: with n nodes at most
	// n times the rate. It begins with empty windows.
	AwayLocal Away = "local"
	// AwayClosed refuses: requests under a throttle are answered with 503.
	AwayClosed Away = "closed"
	// AwayOpen lets all requests through.
	AwayOpen Away = "open"
)

// LimiterOptions configure a Limiter. The zero value is what most programs want.
type LimiterOptions struct {
	// Prefix begins every key. Empty: "durin:". Give each application on one
	// Redis its own: sqlstore.Store.Installation makes a name for it.
	Prefix string
	// WhenAway: empty is AwayLocal.
	WhenAway Away
	// Timeout bounds a question to Redis. Zero: 250 milliseconds.
	Timeout time.Duration
	// Retry is how long Redis is left alone after it did not answer. Zero: a
	// second.
	Retry time.Duration
	// Logger hears when Redis goes away and comes back. Nil: slog.Default.
	Logger *slog.Logger
}

//go:embed limiter.lua
var limiterScript string

// A Limiter is a throttle.Limiter whose windows are kept in Redis: exact over all
// nodes, by the server's clock, in one script call of one slot. A window of N
// requests takes about 30 bytes for each up to N = 1,024; above, at most 130 runs
// of requests, which may refuse for 1 % of the period longer than they must. It is two
// keys, which Redis forgets a period after the latest request.
//
// Each node bounds the windows that it asks for: those of anonymous callers, of
// one network, and of a user with a client, by the numbers of throttle.New.
type Limiter struct {
	client rueidis.Client
	script *rueidis.Lua
	o      LimiterOptions
	local  throttle.Limiter
	book   *throttle.Book
	outage *outage
}

// exact is the highest N whose requests are kept one by one.
const (
	exact = 1024
	parts = 128 // of a period, above
)

// NewLimiter returns a Limiter on client, which stays the caller's.
func NewLimiter(client rueidis.Client, o LimiterOptions) (*Limiter, error) {
	if o.Prefix == "" {
		o.Prefix = "durin:"
	}
	switch o.WhenAway {
	case "":
		o.WhenAway = AwayLocal
	case AwayLocal, AwayClosed, AwayOpen:
	default:
		return nil, fmt.Errorf("redisdurin: WhenAway is %q: want local, closed or open", string(o.WhenAway))
	}
	away := newOutage(o.Timeout, o.Retry, o.Logger, "throttles", string(o.WhenAway), probeBy(client, o.Prefix))
	return &Limiter{client: client, script: rueidis.NewLuaScript(limiterScript), o: o, local: throttle.New(), book: throttle.NewBook(), outage: away}, nil
}

// Away reports whether Redis did not answer lately.
func (l *Limiter) Away() bool { return l.outage.away.Load() }

// Take implements throttle.Limiter. The instant is the Redis server's, not now,
// which serves only while Redis is away.
func (l *Limiter) Take(ctx context.Context, now time.Time, limits []throttle.Limit, states []throttle.State) (bool, error) {
	if len(limits) == 0 {
		return true, nil
	}
	if !l.book.Hold(now, limits, states) {
		return false, nil
	}
	var answer []int64
	away, err := l.outage.ask(ctx, func(ctx context.Context) (err error) {
		answer, err = l.script.Exec(ctx, l.client, l.keys(limits), arguments(limits)).AsIntSlice()
		if err == nil && len(answer) != 1+4*len(limits) {
			err = fmt.Errorf("redisdurin: the script answered %d numbers", len(answer))
		}
		return err
	})
	if away {
		return l.alone(ctx, now, limits, states, err)
	}
	if err != nil {
		return false, err
	}
	for i, limit := range limits {
		numbers := answer[1+4*i:]
		s := &states[i]
		s.Rate, s.Remaining, s.Over = limit.Rate, int(numbers[0]), numbers[3] == 1
		s.Wait, s.Reset = time.Duration(numbers[1])*time.Microsecond, time.Duration(numbers[2])*time.Microsecond
	}
	return answer[0] == 1, nil
}

// alone answers without Redis.
func (l *Limiter) alone(ctx context.Context, now time.Time, limits []throttle.Limit, states []throttle.State, cause error) (bool, error) {
	switch l.o.WhenAway {
	case AwayClosed:
		return false, cause
	case AwayOpen:
		for i, limit := range limits {
			states[i].Rate, states[i].Remaining = limit.Rate, limit.Rate.N
		}
		return true, nil
	}
	return l.local.Take(ctx, now, limits, states)
}

// keys are two for each limit. The part in braces is the same for all of them, so
// that they are in one slot of a cluster: limits of one request are of one user and
// client, or of the networks around one address.
func (l *Limiter) keys(limits []throttle.Limit) []string {
	first := limits[0].Key
	slot := "{" + strings.NewReplacer("{", "(", "}", ")").Replace(first.UserID) + "|" + strconv.FormatInt(first.ClientID, 10) + "}"
	if first.Anonymous() {
		slot = "{" + networks.Within(first.Network.Addr(), 32, networks.Site).String() + "}"
	}
	keys := make([]string, 0, 2*len(limits))
	for _, limit := range limits {
		k := limit.Key
		of := strconv.Quote(k.UserID) + ":" + strconv.FormatInt(k.ClientID, 10)
		if k.Anonymous() {
			of = k.Network.String()
		}
		key := l.o.Prefix + slot + of + ":" + strconv.Quote(k.Name) + ":" + strconv.FormatInt(int64(k.Period), 10)
		keys = append(keys, key, key+":sum")
	}
	return keys
}

func arguments(limits []throttle.Limit) []string {
	args := make([]string, 0, 3*len(limits))
	for _, limit := range limits {
		width := int64(0)
		if limit.Rate.N > exact {
			width = limit.Rate.Period.Microseconds() / parts
		}
		args = append(args, strconv.Itoa(limit.Rate.N), strconv.FormatInt(limit.Rate.Period.Microseconds(), 10), strconv.FormatInt(width, 10))
	}
	return args
}
