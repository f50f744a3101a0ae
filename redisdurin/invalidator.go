package redisdurin

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/durin-go/durin"
)

// InvalidatorOptions configure an Invalidator. The zero value is what most
// programs want.
type InvalidatorOptions struct {
	// Channel is the name of the pub/sub channel. Empty: "durin:endings".
	Channel string
	// Heartbeat is how often a node publishes a sign of life and expects to
	// hear it: what finds connections that are half open. Zero: a second.
	Heartbeat time.Duration
	// Logger hears when the channel is lost and comes back. Nil:
	// slog.Default.
	Logger *slog.Logger
}

// An Invalidator is a durin.Invalidator on a pub/sub channel of Redis. It
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

// Announce implements durin.Invalidator.
func (i *Invalidator) Announce(ctx context.Context, endings []durin.Ending) error {
	return i.publish(ctx, encode(endings))
}

func (i *Invalidator) publish(ctx context.Context, message []byte) error {
	return i.client.Do(ctx, i.client.B().Publish().Channel(i.o.Channel).Message(rueidis.BinaryString(message)).Build()).Error()
}

var errSilent = errors.New("redisdurin: no sign of life came through the channel")

// Listen implements durin.Invalidator. It returns when the channel was lost, for
// the Guard to begin anew.
func (i *Invalidator) Listen(ctx context.Context, heard func([]durin.Ending)) error {
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
		if endings, ok := decode([]byte(m.Message)); !ok {
			heard(nil)
		} else if len(endings) > 0 {
			heard(endings)
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
		_ = i.publish(say, encode(nil)) // its absence is what counts
		done()
		if time.Since(began)-time.Duration(last.Load()) > 3*i.o.Heartbeat {
			cancel(errSilent)
			return
		}
	}
}

// A message has a version, then 41 bytes for each ending: the digest, the
// client's id and whether it is gone for good. One without endings is a sign of
// life.
const (
	version    = 1
	endingSize = 32 + 8 + 1
)

func encode(endings []durin.Ending) []byte {
	text := append(make([]byte, 0, 1+endingSize*len(endings)), version)
	for _, e := range endings {
		text = append(text, e.Digest[:]...)
		text = binary.BigEndian.AppendUint64(text, uint64(e.ClientID))
		gone := byte(0)
		if e.Gone {
			gone = 1
		}
		text = append(text, gone)
	}
	return text
}

// decode reports false for what this version does not understand: something has
// happened, nobody knows what.
func decode(text []byte) ([]durin.Ending, bool) {
	if len(text) == 0 || text[0] != version || (len(text)-1)%endingSize != 0 {
		return nil, false
	}
	var endings []durin.Ending
	for text = text[1:]; len(text) > 0; text = text[endingSize:] {
		e := durin.Ending{Digest: durin.Digest(text[:32]), ClientID: int64(binary.BigEndian.Uint64(text[32:40])), Gone: text[40] == 1}
		endings = append(endings, e)
	}
	return endings, true
}
