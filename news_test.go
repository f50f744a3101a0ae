package durin_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/nodes"
)

// replaced is a store with an outbox whose server can be replaced by one that
// lacks the last rows.
type replaced struct {
	durin.Store
	mu    sync.Mutex
	last  int64
	away  bool
	asked int // while away
}

func (r *replaced) Endings(_ context.Context, after int64, _ int) ([]nodes.Ending, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		r.asked++
		return nil, errors.New("away")
	}
	if after < r.last {
		return []nodes.Ending{{Seq: r.last, ClientID: 1 << 40}}, nil
	}
	return nil, nil
}

func (r *replaced) LastEnding(context.Context) (int64, error) {
	_, err := r.Endings(context.Background(), 1<<62, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, err
}

func (r *replaced) set(away bool, last int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away, r.last, r.asked = away, last, 0
}

func (r *replaced) missed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked > 1
}

// TestAnotherServerTakesOver: a standby that is promoted may give numbers of the
// outbox a second time. What was cached before is not trusted on its word.
func TestAnotherServerTakesOver(t *testing.T) {
	box := &replaced{last: 1000}
	g := durintest.New(t, func(o *durin.Options) {
		box.Store = o.Store
		o.Store, o.PollEvery = box, time.Millisecond
	})
	ctx := t.Context()
	token := g.Token("ada", "web")
	s, err := g.Verify(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	box.set(true, 1000)
	await(t, "the outage is noticed", box.missed)
	if _, err := g.Verify(ctx, token); err != nil {
		t.Fatalf("within the bound: %v", err)
	}
	if _, err := box.End(ctx, durin.Selection{Digest: s.Digest}, g.Now()); err != nil {
		t.Fatal(err) // by a node that is not this one
	}
	box.set(false, 961)
	await(t, "the ended token is refused", func() bool {
		_, err := g.Verify(ctx, token)
		return errors.Is(err, durin.ErrInvalidToken)
	})
	await(t, "all is heard of again", func() bool { return g.Lag() == 0 })
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// hoarse fails to announce while it is told to.
type hoarse struct {
	mu   sync.Mutex
	err  error
	told int
}

func (h *hoarse) Announce(context.Context, []nodes.Ending) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told++
	return h.err
}

func (h *hoarse) Listen(ctx context.Context, _ func([]nodes.Ending)) error {
	<-ctx.Done()
	return ctx.Err()
}

// An Invalidator that fails for long does not fill the log, and does not keep
// anything from ending.
func TestAFailingInvalidatorIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	h := &hoarse{err: errors.New("away")}
	g := durintest.New(t, func(o *durin.Options) {
		o.Invalidator, o.Logger = h, slog.New(slog.NewTextHandler(&log, nil))
	})
	for i := range 4 {
		if i == 3 {
			h.err = nil
		}
		token := g.Token("ada", "web")
		if _, err := g.End(t.Context(), durin.Selection{UserID: "ada"}); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Verify(t.Context(), token); !errors.Is(err, durin.ErrInvalidToken) {
			t.Error(err)
		}
	}
	if h.told < 4 || strings.Count(log.String(), "invalidator failed") != 1 || strings.Count(log.String(), "announces again") != 1 {
		t.Errorf("announced %d times; the log:\n%s", h.told, &log)
	}
}

// TestInvalidatorIsWarnedOfOnce: when it begins to fail, and when it works again.
func TestInvalidatorIsWarnedOfOnce(t *testing.T) {
	f, log := &flaky{broken: make(chan struct{})}, new(syncBuffer)
	f.fails.Store(2)
	durintest.New(t, func(o *durin.Options) {
		o.Invalidator, o.Logger = f, slog.New(slog.NewTextHandler(log, nil))
	})
	waitFor(t, "it listens", func() bool { return f.listen.Load() == 3 && log.count("listens again") == 1 })
	if n := log.count("stopped listening"); n != 1 {
		t.Errorf("warned %d times", n)
	}
	f.broken <- struct{}{}
	waitFor(t, "it listens again", func() bool { return log.count("listens again") == 2 })
	if n := log.count("stopped listening"); n != 2 {
		t.Errorf("warned %d times", n)
	}
}
