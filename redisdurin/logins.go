package redisdurin

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/attempts"
	"github.com/durin-go/durin/internal/networks"
	"github.com/durin-go/durin/loginlimit"
)

// LoginLimiterOptions configure a LoginLimiter. The zero value is what most
// programs want.
type LoginLimiterOptions struct {
	// Numbers are the limits; the same on all nodes.
	Numbers loginlimit.Numbers
	// Prefix begins every key. Empty: "durin:". Give each application on one
	// Redis its own: sqlstore.Store.Installation makes a name for it.
	Prefix string
	// Timeout bounds a question to Redis. Zero: 250 milliseconds.
	Timeout time.Duration
	// Retry is how long Redis is left alone after it did not answer. Zero: a
	// second.
	Retry time.Duration
	// Logger hears when Redis goes away and comes back. Nil: slog.Default.
	Logger *slog.Logger
}

//go:embed logins.lua
var loginsScript string

// A LoginLimiter is a durin.LoginLimiter whose counts are kept in Redis: guesses
// on all nodes count together, by the server's clock, in one script call for the
// question and one for the outcome, all in one slot. While Redis is away each node
// counts by itself, beginning with none: n nodes let through n times as much.
//
// Redis keeps what is said of an account or address for a Window after its last
// failure or lock, about 30 bytes for each failure. Names and addresses are in it
// as hashes, and in clear from when they are locked.
type LoginLimiter struct {
	client  rueidis.Client
	script  *rueidis.Lua
	numbers loginlimit.Numbers
	prefix  string
	outage  *outage
	local   *loginlimit.Limiter
	lease   time.Duration
	waiting atomic.Int64

	mu sync.Mutex
	// alone are the attempts that were admitted without Redis, and run.
	alone map[durin.LoginAttempt]int
}

const (
	// attemptLease is after how long an attempt of a node that died does not
	// count any more. Servers answer sooner.
	attemptLease = 2 * time.Minute
	// Attempts that wait for others ask again after such a time, which grows.
	leastPause = 10 * time.Millisecond
	mostPause  = 500 * time.Millisecond
	// pauseEach is how much of a pause there is at least for each who waits: a
	// crowd asks Redis 500 times a second, however large it is.
	pauseEach  = 2 * time.Millisecond
	maxWaiting = 1024
	// maxHeld bounds the locks that are listed.
	maxHeld = 1000
)

// NewLoginLimiter returns a LoginLimiter on client, which stays the caller's.
func NewLoginLimiter(client rueidis.Client, o LoginLimiterOptions) *LoginLimiter {
	if o.Prefix == "" {
		o.Prefix = "durin:"
	}
	return &LoginLimiter{
		client: client, script: rueidis.NewLuaScript(loginsScript), numbers: o.Numbers.OrDefaults(), prefix: o.Prefix + "{logins}",
		outage: newOutage(o.Timeout, o.Retry, o.Logger, "login limits", "each node by itself", probeBy(client, o.Prefix)),
		local:  loginlimit.New(o.Numbers), lease: attemptLease, alone: map[durin.LoginAttempt]int{},
	}
}

// Away reports whether Redis did not answer lately.
func (l *LoginLimiter) Away() bool { return l.outage.away.Load() }

// Admit implements durin.LoginLimiter. The instant is the Redis server's, not
// the attempt's, which serves only while Redis is away.
func (l *LoginLimiter) Admit(ctx context.Context, a durin.LoginAttempt) (bool, error) {
	if l.waiting.Add(1) > maxWaiting {
		l.waiting.Add(-1)
		return false, durin.ErrBusy
	}
	defer l.waiting.Add(-1)
	for pause := leastPause; ; pause = min(pause*3/2, mostPause) {
		var verdict int64
		away, err := l.outage.ask(ctx, func(ctx context.Context) (err error) {
			verdict, err = l.run(ctx, "ask", a)
			return err
		})
		switch {
		case away:
			return l.admitAlone(ctx, a)
		case err != nil:
			return false, err
		case verdict != 2:
			return verdict == 1, nil
		}
		long := max(pause, time.Duration(l.waiting.Load())*pauseEach)
		alarm := time.NewTimer(long/2 + rand.N(long))
		select {
		case <-alarm.C:
		case <-ctx.Done():
			alarm.Stop()
			return false, context.Cause(ctx)
		}
	}
}

func (l *LoginLimiter) admitAlone(ctx context.Context, a durin.LoginAttempt) (bool, error) {
	admitted, err := l.local.Admit(ctx, a)
	if admitted {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.alone[a]++
	}
	return admitted, err
}

// Done implements durin.LoginLimiter. It counts though the caller has left.
func (l *LoginLimiter) Done(ctx context.Context, a durin.LoginAttempt, err error) {
	if l.wasAlone(a) {
		l.local.Done(ctx, a, err)
		return
	}
	outcome := "aborted"
	switch {
	case err == nil:
		outcome = "right"
	case errors.Is(err, durin.ErrBadCredentials):
		outcome = "wrong"
	}
	away, _ := l.outage.ask(context.WithoutCancel(ctx), func(ctx context.Context) error {
		_, err := l.run(ctx, outcome, a)
		return err
	})
	if away {
		l.local.Done(ctx, a, err)
	}
}

func (l *LoginLimiter) wasAlone(a durin.LoginAttempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.alone[a] {
	case 0:
		return false
	case 1:
		delete(l.alone, a)
	default:
		l.alone[a]--
	}
	return true
}

// A label is what is shown of a lock.
type label struct {
	Account string `json:"account,omitempty"`
	Network string `json:"network,omitempty"`
	Known   bool   `json:"known,omitempty"`
}

func (l label) String() string {
	text, _ := json.Marshal(l)
	return string(text)
}

// A side is what the script counts of an attempt.
type side struct {
	key   string
	limit int
	other string // what a right password takes back by
	label label
}

// sides are those of package attempts.
func (l *LoginLimiter) sides(a durin.LoginAttempt) []side {
	of := label{Account: attempts.Label(a.Name), Known: a.Known}
	account, address := hashed("account", strconv.FormatBool(a.Known), a.Name), networkKey(networks.Of(a.Address))
	site, home := networks.Within(a.Address, 32, networks.Site), networks.Within(a.Address, 32, networks.Home)
	there := of
	if address != "" {
		there.Network = site.String()
	}
	n := l.numbers
	all := []side{{"pair:" + hashed(account, networkKey(site)), n.Pair, address, there}, {"account:" + account, n.Account, address, of}}
	whole := func(p netip.Prefix, limit int) {
		all = append(all, side{"address:" + networkKey(p), limit, account, label{Network: p.String()}})
	}
	if address != "" {
		whole(networks.Of(a.Address), n.Address)
	}
	if a.Address.Unmap().Is6() {
		whole(home, networks.HomeFactor*n.Address)
		whole(site, networks.SiteFactor*n.Address)
	}
	return all
}

// networkKey is a short name of a network; empty where it is not known.
func networkKey(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return hashed("address", p.String())
}

// run calls the script for the sides of an attempt.
func (l *LoginLimiter) run(ctx context.Context, op string, a durin.LoginAttempt) (int64, error) {
	n := l.numbers
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	keys := []string{l.prefix + "held"}
	args := []string{op, ms(n.Window), ms(n.Lock), ms(n.MaxLock), ms(l.lease)}
	for _, s := range l.sides(a) {
		keys = append(keys, l.prefix+s.key)
		args = append(args, strconv.Itoa(s.limit), s.other, s.label.String())
	}
	return l.script.Exec(ctx, l.client, keys, args).AsInt64()
}

// hashed is a short name for some text.
func hashed(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}

// Held lists the locks in force on all nodes, the last to end first, at most a
// thousand. While Redis is away it lists those of this node.
func (l *LoginLimiter) Held(ctx context.Context, now time.Time) ([]loginlimit.Held, error) {
	var held []attempts.Held
	away, err := l.outage.ask(ctx, func(ctx context.Context) (err error) {
		held, err = l.held(ctx)
		return err
	})
	if away {
		return l.local.Held(ctx, now)
	}
	if err != nil {
		return nil, err
	}
	attempts.Sort(held)
	all := make([]loginlimit.Held, len(held))
	for i, h := range held {
		all[i] = loginlimit.Held(h)
	}
	return all, nil
}

func (l *LoginLimiter) held(ctx context.Context) ([]attempts.Held, error) {
	b := l.client.B()
	now, err := l.client.Do(ctx, b.Time().Build()).AsIntSlice()
	if err != nil || len(now) != 2 {
		return nil, errors.Join(err, errors.New("redisdurin: no time"))
	}
	least := strconv.FormatInt(now[0]*1000+now[1]/1000, 10)
	keys, err := l.client.Do(ctx, b.Zrevrangebyscore().Key(l.prefix+"held").Max("+inf").Min(least).Limit(0, maxHeld).Build()).AsStrSlice()
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	values, err := l.client.Do(ctx, b.Mget().Key(keys...).Build()).ToArray()
	if err != nil {
		return nil, err
	}
	var all []attempts.Held
	for _, v := range values {
		text, err := v.ToString()
		if err != nil {
			continue // it ended just now
		}
		if h, ok := readHeld(text); ok {
			all = append(all, h)
		}
	}
	return all, nil
}

// Lift ends the locks of an account on all nodes, as loginlimit.Limiter.Lift does, and
// those that this node counted by itself while Redis was away. An error that wraps
// durin.ErrUnavailable says that Redis is away: then only the latter are ended.
func (l *LoginLimiter) Lift(ctx context.Context, account string) (int, error) {
	n := l.local.Lift(account)
	away, err := l.outage.ask(ctx, func(ctx context.Context) error {
		lifted, err := l.lift(ctx, account)
		n += lifted
		return err
	})
	if away {
		err = errors.Join(durin.ErrUnavailable, errors.New("redisdurin: Redis is away"))
	}
	return n, err
}

// lift looks at all locks that were set lately, a thousand at a time.
func (l *LoginLimiter) lift(ctx context.Context, account string) (n int, err error) {
	b, held := l.client.B(), l.prefix+"held"
	for from := int64(0); ; from += maxHeld {
		keys, err := l.client.Do(ctx, b.Zrange().Key(held).Min(strconv.FormatInt(from, 10)).Max(strconv.FormatInt(from+maxHeld-1, 10)).Build()).AsStrSlice()
		if err != nil || len(keys) == 0 {
			return n, err
		}
		values, err := l.client.Do(ctx, b.Mget().Key(keys...).Build()).ToArray()
		if err != nil {
			return n, err
		}
		var gone []string
		for i, v := range values {
			if text, err := v.ToString(); err == nil {
				if h, ok := readHeld(text); ok && h.Account != "" && h.Account == attempts.Label(account) {
					gone = append(gone, keys[i])
				}
			}
		}
		if len(gone) == 0 {
			continue
		}
		if err := l.client.Do(ctx, b.Del().Key(gone...).Build()).Error(); err != nil {
			return n, err
		}
		if err := l.client.Do(ctx, b.Zrem().Key(held).Member(gone...).Build()).Error(); err != nil {
			return n, err
		}
		n, from = n+len(gone), from-int64(len(gone))
	}
}

// readHeld reads what the script wrote of one side.
func readHeld(text string) (attempts.Held, bool) {
	var s struct {
		Locks int     `json:"l"`
		Until float64 `json:"u"`
		Label string  `json:"n"`
	}
	var of label
	if json.Unmarshal([]byte(text), &s) != nil || json.Unmarshal([]byte(s.Label), &of) != nil {
		return attempts.Held{}, false
	}
	h := attempts.Held{Account: of.Account, Known: of.Known, Locks: s.Locks, Until: time.UnixMilli(int64(s.Until))}
	h.Network, _ = netip.ParsePrefix(of.Network)
	return h, true
}
