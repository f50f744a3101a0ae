package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/metrics"
	"github.com/durin-go/durin/loginlimit"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/pgxdurin"
	"github.com/durin-go/durin/redisdurin"
	"github.com/durin-go/durin/throttle"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/rueidis"
)

// Shared is what a serving node shares with others besides the database. Nil
// shares nothing.
type Shared struct {
	redis  *lateRedis
	notify *pgxdurin.Invalidator
	pool   *pgxpool.Pool
}

// openShared makes what the settings name. Nothing has to answer yet: a node
// starts without Redis as it goes on without it.
func (n *Node) openShared(ctx context.Context, o Options) (*Shared, error) {
	c, log := o.Config, o.Log
	s := &Shared{}
	if c.Redis == "" && c.Notify == config.NotifyOff {
		return s, nil
	}
	name, err := n.Store.Installation(ctx, time.Now())
	if err != nil {
		return s, fmt.Errorf("the name of this installation, which what is shared with others begins with: %w", err)
	}
	if c.Redis != "" {
		s.redis, err = newLateRedis(c, name, log, o.observer(metrics.Redis))
		return s, err
	}
	at := c.DB
	if c.Notify != config.NotifyAuto {
		at = c.Notify
	}
	target, err := database.Parse(at)
	if err != nil {
		return s, err
	}
	s.pool, err = database.NotifyPool(ctx, target)
	if errors.Is(err, database.ErrNoNotify) {
		return s, nil
	}
	if err == nil {
		s.notify = pgxdurin.NewInvalidator(s.pool, pgxdurin.InvalidatorOptions{Channel: "durin_endings_" + name, Logger: log})
	}
	return s, err
}

// apply gives the Guard its part.
func (s *Shared) apply(o *durin.Options) {
	switch {
	case s == nil:
	case s.redis != nil:
		o.Limiter, o.Invalidator = s.redis, s.redis
	case s.notify != nil:
		o.Invalidator = s.notify
	}
}

func (s *Shared) close() {
	if s == nil {
		return
	}
	if s.redis != nil {
		s.redis.close()
	}
	if s.pool != nil {
		s.pool.Close()
	}
}

// Redis reports whether there is one to share, and whether it answers.
func (s *Shared) Redis() (set, answers bool) {
	if s == nil || s.redis == nil {
		return false, false
	}
	return true, s.redis.answers()
}

// Notify reports whether NOTIFY is in use, and whether its channel is there.
func (s *Shared) Notify() (set, connected bool) {
	if s == nil || s.notify == nil {
		return false, false
	}
	return true, s.notify.Connected()
}

// A lateRedis is a Limiter and an Invalidator on a Redis that need not be there
// at the start: the client cannot be made without one.
type lateRedis struct {
	option  rueidis.ClientOption
	timeout time.Duration
	url     *url.URL
	away    redisdurin.Away
	numbers loginlimit.Numbers
	name    string // the installation's
	prefix  string // of all keys and channels
	log     *slog.Logger
	observe observer
	local   throttle.Limiter
	parts   atomic.Pointer[redisParts]
}

type redisParts struct {
	client      rueidis.Client
	limiter     *redisdurin.Limiter
	logins      *redisdurin.LoginLimiter
	invalidator *redisdurin.Invalidator
}

const (
	redisDial  = 2 * time.Second
	redisWrite = 2 * time.Second
	redisRetry = time.Second
)

// redisTimeout is the parameter of the URL that bounds a question of the
// throttle; zero for the default.
func redisTimeout(u *url.URL) (time.Duration, error) {
	text := u.Query().Get("timeout")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("redis: the timeout %q is not a span like 250ms", text)
	}
	return d, nil
}

// RedisOption reads the setting redis. Its error repeats no password.
func RedisOption(text string) (rueidis.ClientOption, *url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return rueidis.ClientOption{}, nil, errors.New("redis: not a URL")
	}
	o, err := rueidis.ParseURL(text)
	if err != nil {
		return o, u, database.MaskError(err, u)
	}
	o.DisableCache = true // nothing is cached of it, so nothing has to be tracked
	if o.Dialer.Timeout == 0 {
		o.Dialer.Timeout = redisDial
	}
	if o.ConnWriteTimeout == 0 {
		o.ConnWriteTimeout = redisWrite
	}
	if o.ClientName == "" {
		o.ClientName = "durin"
	}
	return o, u, nil
}

func newLateRedis(c *config.Config, name string, log *slog.Logger, observe observer) (*lateRedis, error) {
	option, u, err := RedisOption(c.Redis)
	if err != nil {
		return nil, err
	}
	timeout, err := redisTimeout(u)
	if err != nil {
		return nil, err
	}
	r := &lateRedis{option: option, timeout: timeout, url: u, away: redisdurin.Away(c.RedisAway), numbers: c.LoginNumbers, name: name, prefix: RedisPrefix(c, name), log: log, observe: observe, local: throttle.New()}
	if err := r.connect(); err != nil {
		log.Error("Redis does not answer; it is tried again", "redis", database.Masked(c.Redis), "throttles", c.RedisAway, "error", err)
	}
	return r, nil
}

func (r *lateRedis) connect() error {
	client, err := rueidis.NewClient(r.option)
	if err != nil {
		return database.MaskError(err, r.url)
	}
	client = observeRedis(client, r.observe)
	limiter, err := redisdurin.NewLimiter(client, redisdurin.LimiterOptions{Prefix: r.prefix, WhenAway: r.away, Timeout: r.timeout, Logger: r.log})
	if err != nil {
		client.Close()
		return err
	}
	logins := redisdurin.NewLoginLimiter(client, redisdurin.LoginLimiterOptions{Prefix: r.prefix, Numbers: r.numbers, Timeout: r.timeout, Logger: r.log})
	r.parts.Store(&redisParts{client, limiter, logins, redisdurin.NewInvalidator(client, redisdurin.InvalidatorOptions{Channel: r.prefix + "endings", Logger: r.log})})
	return nil
}

func (r *lateRedis) answers() bool {
	p := r.parts.Load()
	return p != nil && p.invalidator.Connected() && !p.limiter.Away() && !p.logins.Away()
}

func (r *lateRedis) close() {
	if p := r.parts.Load(); p != nil {
		p.client.Close()
	}
}

var errNoRedis = errors.New("redis has not answered since the start")

// Take implements throttle.Limiter.
func (r *lateRedis) Take(ctx context.Context, now time.Time, limits []throttle.Limit, states []throttle.State) (bool, error) {
	if p := r.parts.Load(); p != nil {
		return p.limiter.Take(ctx, now, limits, states)
	}
	switch r.away {
	case redisdurin.AwayClosed:
		return false, errNoRedis
	case redisdurin.AwayOpen:
		for i, limit := range limits {
			states[i].Rate, states[i].Remaining = limit.Rate, limit.Rate.N
		}
		return true, nil
	}
	return r.local.Take(ctx, now, limits, states)
}

// Announce implements nodes.Invalidator. Before Redis was there once nobody
// listens on it, and the start has told so.
func (r *lateRedis) Announce(ctx context.Context, endings []nodes.Ending) error {
	if p := r.parts.Load(); p != nil {
		return p.invalidator.Announce(ctx, endings)
	}
	return nil
}

// Listen implements nodes.Invalidator.
func (r *lateRedis) Listen(ctx context.Context, heard func([]nodes.Ending)) error {
	for r.parts.Load() == nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(redisRetry):
		}
		if err := r.connect(); err == nil {
			r.log.Info("Redis answers")
		}
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	go r.register(ctx, r.parts.Load().client)
	return r.parts.Load().invalidator.Listen(ctx, heard)
}
