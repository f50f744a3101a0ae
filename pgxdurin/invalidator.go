package pgxdurin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/durin-go/durin/internal/endings"
	"github.com/durin-go/durin/nodes"
)

// InvalidatorOptions configure an Invalidator. The zero value is what most
// programs want.
type InvalidatorOptions struct {
	// Channel is the name that is listened to, of at most 63 bytes. All
	// applications on one database hear each other's: give each its own.
	// Empty: "durin_endings".
	Channel string
	// Heartbeat is how often a node notifies a sign of life and expects to
	// hear it: what finds connections that are half open. Zero: a second.
	Heartbeat time.Duration
	// Logger hears when the channel is there. Nil: slog.Default.
	Logger *slog.Logger
}

// An Invalidator is a nodes.Invalidator on LISTEN and NOTIFY. It hastens what
// nodes would find out by polling the store's outbox.
type Invalidator struct {
	pool      *pgxpool.Pool
	o         InvalidatorOptions
	connected atomic.Bool
}

// NewInvalidator returns an Invalidator on pool, which stays the caller's. It
// announces through the pool, and listens on one connection more, made by the
// pool's configuration.
func NewInvalidator(pool *pgxpool.Pool, o InvalidatorOptions) *Invalidator {
	if o.Channel == "" {
		o.Channel = "durin_endings"
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Invalidator{pool: pool, o: o}
}

// Connected reports whether this node hears what others announce.
func (i *Invalidator) Connected() bool { return i.connected.Load() }

// maxEndings is how many endings one notification holds: its text must be
// shorter than 8,000 bytes.
const maxEndings = 128

// Announce implements nodes.Invalidator. It is one statement, however many the
// endings are.
func (i *Invalidator) Announce(ctx context.Context, list []nodes.Ending) error {
	var messages []string
	for some := range slices.Chunk(list, maxEndings) {
		messages = append(messages, base64.StdEncoding.EncodeToString(endings.Encode(some)))
	}
	return i.notify(ctx, messages)
}

func (i *Invalidator) notify(ctx context.Context, messages []string) error {
	_, err := i.pool.Exec(ctx, "SELECT pg_notify($1::text, message) FROM unnest($2::text[]) AS message", i.o.Channel, messages)
	return err
}

var errSilent = errors.New("pgxdurin: no sign of life came through the channel")

// Listen implements nodes.Invalidator. It returns when the channel was lost, for
// the Guard to begin anew.
func (i *Invalidator) Listen(ctx context.Context, heard func([]nodes.Ending)) error {
	conn, err := i.subscribe(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		i.connected.Store(false)
		stop()
		hangUp(conn)
	}()
	heard(nil)
	go i.beat(ctx)
	for {
		wait, cancel := context.WithTimeout(ctx, 3*i.o.Heartbeat)
		n, err := conn.WaitForNotification(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, context.DeadlineExceeded):
			return errSilent
		case err != nil:
			return fmt.Errorf("pgxdurin: listening: %w", err)
		}
		if !i.connected.Swap(true) {
			i.o.Logger.Info("durin: endings on other nodes are heard of at once")
		}
		hear(n.Payload, heard)
	}
}

// hear passes a message on.
func hear(text string, heard func([]nodes.Ending)) {
	message, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		heard(nil)
		return
	}
	if list, ok := endings.Decode(message); !ok {
		heard(nil)
	} else if len(list) > 0 {
		heard(list)
	}
}

// subscribe makes a connection that listens.
func (i *Invalidator) subscribe(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, max(connectTimeout, i.o.Heartbeat))
	defer cancel()
	all := i.pool.Config()
	if all.BeforeConnect != nil {
		if err := all.BeforeConnect(ctx, all.ConnConfig); err != nil {
			return nil, fmt.Errorf("pgxdurin: %w", err)
		}
	}
	conn, err := pgx.ConnectConfig(ctx, all.ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("pgxdurin: %w", err)
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{i.o.Channel}.Sanitize()); err != nil {
		hangUp(conn)
		return nil, fmt.Errorf("pgxdurin: LISTEN: %w", err)
	}
	return conn, nil
}

const (
	connectTimeout = 5 * time.Second
	// farewell bounds how long a connection that may be dead is told of its
	// end.
	farewell = 100 * time.Millisecond
)

func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	_ = conn.Close(ctx)
}

// beat notifies signs of life until ctx ends. Their absence is what counts.
func (i *Invalidator) beat(ctx context.Context) {
	sign := []string{base64.StdEncoding.EncodeToString(endings.Encode(nil))}
	tick := time.NewTicker(i.o.Heartbeat)
	defer tick.Stop()
	for {
		say, done := context.WithTimeout(ctx, i.o.Heartbeat)
		_ = i.notify(say, sign)
		done()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
