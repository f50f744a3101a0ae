package durin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/nodes"
)

// stuck is a store that takes no writes of uses and counts; or takes the counts,
// and does not say so.
type stuck struct {
	*memstore.Store
	uses, counts, deaf atomic.Bool
	asked              atomic.Int64
}

var errStuck = errors.New("the store takes no writes")

func (s *stuck) Touch(ctx context.Context, uses []durin.Use) error {
	if s.uses.Load() {
		return errStuck
	}
	return s.Store.Touch(ctx, uses)
}

func (s *stuck) AddUsage(ctx context.Context, b browse.Batch, rows []browse.Usage) error {
	if s.counts.Load() {
		return errStuck
	}
	s.asked.Add(1)
	err := s.Store.AddUsage(ctx, b, rows)
	if s.deaf.Load() {
		err = errStuck
	}
	return err
}

func (s *stuck) AddActivity(ctx context.Context, b browse.Batch, rows []browse.Activity) error {
	if s.counts.Load() {
		return errStuck
	}
	err := s.Store.AddActivity(ctx, b, rows)
	if s.deaf.Load() {
		err = errStuck
	}
	return err
}

func newStuck(t *testing.T) (*durintest.Guard, *stuck) {
	s := &stuck{Store: memstore.New()}
	g := durintest.New(t, func(o *durin.Options) { o.Store, o.FlushEvery = s, time.Hour })
	g.Store = s.Store
	return g, s
}

// TestUsesThatWaitAreBounded: while the store takes no writes, what waits has one
// bound, which the metric counts up to.
func TestUsesThatWaitAreBounded(t *testing.T) {
	const most = 40
	g, s := newStuck(t)
	g.KeepWaiting(most)
	s.uses.Store(true)
	s.counts.Store(true)
	g.Client(durin.Client{Name: "web"})
	g.Client(durin.Client{Name: "slides", TTL: time.Hour, Sliding: time.Minute})
	check := func(i int) {
		t.Helper()
		client := []string{"web", "slides"}[i%2]
		token := g.Token(fmt.Sprint("user ", i), client)
		verify(t, g, token, nil)
		if i%2 == 1 {
			g.Clock.Advance(2 * time.Minute)
			verify(t, g, token, nil) // moves the expiry
		}
	}
	for i := range 4 * most {
		check(i)
		if i%5 == 0 {
			if err := g.Flush(t.Context()); err == nil {
				t.Fatal("written")
			}
			_ = g.FlushCounts(t.Context())
		}
		uses, counts := g.Waiting()
		if uses > most || counts > most {
			t.Fatalf("after %d sessions %d uses wait, and %d counts", i, uses, counts)
		}
		if told := g.Stats().Unwritten; told != uses {
			t.Fatalf("%d uses wait, and %d are told", uses, told)
		}
	}
	if uses, _ := g.Waiting(); uses != most {
		t.Errorf("%d uses wait, want %d", uses, most)
	}
	s.uses.Store(false)
	s.counts.Store(false)
	for range 2 { // what was listed before stays so until then
		if err := errors.Join(g.Flush(t.Context()), g.FlushCounts(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if uses, counts := g.Waiting(); uses+counts+g.Stats().Unwritten != 0 {
		t.Errorf("%d uses wait, and %d counts", uses, counts)
	}
	check(1)
	if g.Stats().Unwritten == 0 {
		t.Error("uses go unnoted")
	}
}

// TestCountsAreCountedOnce: a store that does not answer may have added them.
func TestCountsAreCountedOnce(t *testing.T) {
	g, s := newStuck(t)
	token := g.Token("ada", "web")
	s.deaf.Store(true)
	for range 3 {
		verify(t, g, token, nil)
		if g.FlushCounts(t.Context()) == nil {
			t.Fatal("heard of it")
		}
	}
	s.deaf.Store(false)
	for range 2 {
		if err := g.FlushCounts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	day := g.Now().Truncate(24 * time.Hour)
	usage, err := g.Usage(t.Context(), day, "ada", 10)
	if err != nil || len(usage) != 1 || usage[0].Requests != 3 {
		t.Errorf("%+v, %v; want 3 requests", usage, err)
	}
	all, err := g.Activity(t.Context(), day)
	if err != nil || len(all) != 1 || all[0].Requests != 3 {
		t.Errorf("%+v, %v; want 3 requests", all, err)
	}
}

// flaky is an Invalidator that fails some times, then listens until it is told to
// fail again.
type flaky struct {
	fails  atomic.Int64
	listen atomic.Int64
	broken chan struct{}
}

func (f *flaky) Announce(context.Context, []nodes.Ending) error { return nil }

func (f *flaky) Listen(ctx context.Context, heard func([]nodes.Ending)) error {
	f.listen.Add(1)
	if f.fails.Add(-1) >= 0 {
		return errors.New("refused")
	}
	heard(nil)
	select {
	case <-ctx.Done():
	case <-f.broken:
	}
	return errors.New("lost")
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) count(word string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), word)
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("%s: not in a minute", what)
		}
	}
}
