package durin_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

// prunings notes how long ago the instants are that Prune is called with, and
// the limits.
type prunings struct {
	*memstore.Store
	mu     sync.Mutex
	ago    []time.Duration
	limits []int
}

func (p *prunings) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ago, p.limits = append(p.ago, time.Since(before).Round(time.Second)), append(p.limits, limit)
	return p.Store.Prune(ctx, before, limit)
}

// What nodes have heard of goes after an hour, whenever tokens go.
func TestPruning(t *testing.T) {
	for after, want := range map[time.Duration][]time.Duration{0: {24 * time.Hour, time.Hour}, 48 * time.Hour: {48 * time.Hour, time.Hour}, -1: {time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			p := &prunings{Store: memstore.New()}
			g, err := durin.New(t.Context(), durin.Options{Store: p, ReuseWithoutKey: durin.PolicyReplace, PruneAfter: after})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(61 * time.Second)
			if err := g.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p.ago, want) || p.limits[len(p.limits)-1] != 0 {
				t.Errorf("PruneAfter %v: tokens and news of %v ago are pruned, up to %v", after, p.ago, p.limits)
			}
		})
	}
}
