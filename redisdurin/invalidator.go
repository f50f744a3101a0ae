package redisdurin

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/durin-go/durin/internal/endings"
	"github.com/durin-go/durin/nodes"
)

// InvalidatorOptions configure an Invalidator. The zero value is what most
// programs want.
type InvalidatorOptions struct {
	// Channel is the name of the pub/sub channel. Empty: "durin:endings". Give
	// each application on one Redis its own, whatever databases they use.
	Channel string
	// Heartbeat is how often a node publishes a sign of life and expects to
	// hear it: what finds connections that are half open. Zero: a second.
	Heartbeat time.Duration
	// Logger hears when the channel is lost and comes back. Nil:
	// slog.Default.
	Logger *slog.Logger
}

// An Invalidator is a nodes.Invalidator on a pub/sub channel of Redis. It
// hastens what nodes would find out by polling the store's outbox.
type Invalidator struct {
	client    rueidis.Client
	o         InvalidatorOptions
	connected atomic.Bool
}

// NewInvalidator returns an Invalidator on client, which stays the caller's.
func NewInvalidator(client rueidis.Client, o InvalidatorOptions) *Invalidator {
	if o.Channel == "" {
		o.Channel = "durin:endings"
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Invalidator{client: client, o: o}
}

// Connected reports whether this node hears what others announce.
func (i *Invalidator) Connected() bool { return i.connected.Load() }

// Announce implements nodes.Invalidator.
func (i *Invalidator) Announce(ctx context.Context, list []nodes.Ending) error {
	return i.publish(ctx, endings.Encode(list))
}

func (i *Invalidator) publish(ctx context.Context, message []byte) error {
	return i.client.Do(ctx, i.client.B().Publish().Channel(i.o.Channel).Message(rueidis.BinaryString(message)).Build()).Error()
}

var errSilent = errors.New("redisdurin: no sign of life came through the channel")

// Listen implements nodes.Invalidator. It returns when the channel was lost, for
// the Guard to begin anew.
func (i *Invalidator) Listen(ctx context.Context, heard func([]nodes.Ending)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer i.connected.Store(false)
	var last atomic.Int64
	began := time.Now()
	go i.beat(ctx, &last, began, cancel)
	// The client subscribes again by itself, silently: what was said in
	// between is lost each time.
	ctx = rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			i.connected.Store(true)
			heard(nil)
		}
	})
	err := i.client.Receive(ctx, i.client.B().Subscribe().Channel(i.o.Channel).Build(), func(m rueidis.PubSubMessage) {
		last.Store(int64(time.Since(began)))
		if list, ok := endings.Decode([]byte(m.Message)); !ok {
			heard(nil)
		} else if len(list) > 0 {
			heard(list)
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// beat publishes signs of life, and ends the listening when none arrives.
func (i *Invalidator) beat(ctx context.Context, last *atomic.Int64, began time.Time, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(i.o.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		say, done := context.WithTimeout(ctx, i.o.Heartbeat)
		_ = i.publish(say, endings.Encode(nil)) // its absence is what counts
		done()
		if time.Since(began)-time.Duration(last.Load()) > 3*i.o.Heartbeat {
			cancel(errSilent)
			return
		}
	}
}
