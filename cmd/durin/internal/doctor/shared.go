package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/pgxdurin"
	"github.com/durin-go/durin/redisdurin"
	"github.com/durin-go/durin/throttle"
	"github.com/redis/rueidis"
)

// sharedTimeout bounds a look at what nodes share besides the database.
const sharedTimeout = 5 * time.Second

// between examines what nodes share besides the database.
func (e *examination) between(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	switch {
	case e.config.Redis != "":
		e.redis(ctx)
	case e.config.Notify != config.NotifyOff:
		e.notify(ctx)
	}
}

func (e *examination) redis(ctx context.Context) {
	const part, mend = "redis", "see that the server runs, and that name and password are right"
	shown := database.Masked(e.config.Redis)
	option, u, err := node.RedisOption(e.config.Redis)
	if err != nil {
		e.fault(part, "change the setting redis", "%v", err)
		return
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		e.fault(part, mend, "%s does not answer: %v", shown, database.MaskError(err, u))
		return
	}
	defer client.Close()
	limiter, err := redisdurin.NewLimiter(client, redisdurin.LimiterOptions{Prefix: node.RedisPrefix(e.config, cmp.Or(e.installation, "doctor")), WhenAway: redisdurin.AwayClosed, Timeout: sharedTimeout})
	if err != nil {
		e.fault(part, "change the setting redis-away", "%v", err)
		return
	}
	probe := []throttle.Limit{{Key: throttle.Key{Name: "durin doctor"}, Rate: durin.Rate{N: 1, Period: time.Millisecond}}}
	if _, err := limiter.Take(ctx, e.now, probe, make([]throttle.State, 1)); err != nil {
		e.fault(part, mend, "%s does not run scripts: %v", shown, database.MaskError(err, u))
		return
	}
	if others, err := node.OtherInstallations(ctx, client, e.installation); err == nil && len(others) > 0 {
		e.ok(part, "%s answers, and counts; other installations use it, too, each with keys of its own: %s", shown, strings.Join(others, " "))
		return
	}
	e.ok(part, "%s answers, and counts", shown)
}

// notify sends itself a message.
func (e *examination) notify(ctx context.Context) {
	const part = "notify"
	at := e.config.DB
	if e.config.Notify != config.NotifyAuto {
		at = e.config.Notify
	}
	target, err := database.Parse(at)
	if err != nil {
		return // the database's fault
	}
	pool, err := database.NotifyPool(ctx, target)
	if errors.Is(err, database.ErrNoNotify) {
		return
	}
	if err != nil {
		e.fault(part, "change the setting notify", "%v", err)
		return
	}
	defer pool.Close()
	ctx, heard := context.WithCancel(ctx)
	defer heard()
	channel := pgxdurin.NewInvalidator(pool, pgxdurin.InvalidatorOptions{Channel: "durin_doctor_" + rand.Text(), Logger: slog.New(slog.DiscardHandler)})
	_ = channel.Listen(ctx, func(endings []nodes.Ending) {
		if endings != nil {
			heard()
			return
		}
		_ = channel.Announce(ctx, []nodes.Ending{{ClientID: 1}})
	})
	if errors.Is(ctx.Err(), context.Canceled) {
		e.ok(part, "endings are heard of at once through %s", target)
		return
	}
	e.warn(part, "if a pooler stands between, let notify go past it, or add default_query_exec_mode=exec to the URL", "no notification comes through %s: endings are heard of by polling", target)
}
