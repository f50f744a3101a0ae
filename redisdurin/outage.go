package redisdurin

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

var errAway = errors.New("redisdurin: Redis is away")

// An outage knows whether Redis answers, and leaves it alone for a while when it
// did not.
type outage struct {
	timeout, retry time.Duration
	log            *slog.Logger
	// what and does go into the log: who is without Redis, and its way.
	what, does string
	began      time.Time
	// until is until when Redis is not asked, in nanoseconds since began.
	until atomic.Int64
	away  atomic.Bool
	// probe asks something of Redis that changes nothing.
	probe func(ctx context.Context) error
}

func newOutage(timeout, retry time.Duration, log *slog.Logger, what, does string, probe func(context.Context) error) *outage {
	o := &outage{timeout: timeout, retry: retry, log: log, what: what, does: does, began: time.Now(), probe: probe}
	if o.timeout <= 0 {
		o.timeout = 250 * time.Millisecond
	}
	if o.retry <= 0 {
		o.retry = time.Second
	}
	if o.log == nil {
		o.log = slog.Default()
	}
	return o
}

// ask has f ask Redis. away says that it was not asked or did not answer, and
// err why; without away err is ctx's.
func (o *outage) ask(ctx context.Context, f func(ctx context.Context) error) (away bool, err error) {
	if int64(time.Since(o.began)) < o.until.Load() {
		return true, errAway
	}
	bounded, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	err = f(bounded)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil {
		o.until.Store(int64(time.Since(o.began) + o.retry))
		if o.away.CompareAndSwap(false, true) {
			o.log.Error("durin: Redis does not answer", o.what, o.does, "error", err)
			time.AfterFunc(o.retry, o.askAgain)
		}
		return true, err
	}
	o.back()
	return false, nil
}

func (o *outage) back() {
	if o.away.CompareAndSwap(true, false) {
		o.log.Info("durin: Redis answers again", o.what, "shared")
	}
}

// askAgain asks, now and again, until Redis answers, somebody else has found that it
// does, or its client is closed: nobody has to come for Away to tell the truth.
func (o *outage) askAgain() {
	if !o.away.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	switch err := o.probe(ctx); {
	case errors.Is(err, rueidis.ErrClosing):
	case err != nil:
		time.AfterFunc(o.retry, o.askAgain)
	default:
		o.until.Store(0)
		o.back()
	}
}

// probeBy writes a key that is gone at once: a server that only reads is of no use.
func probeBy(client rueidis.Client, prefix string) func(context.Context) error {
	return func(ctx context.Context) error {
		return client.Do(ctx, client.B().Set().Key(prefix+"probe").Value("1").PxMilliseconds(1).Build()).Error()
	}
}
