package durin

import "context"

// Of the tests that cannot be in this package.

// KeepWaiting bounds the uses that wait.
func (g *Guard) KeepWaiting(n int) { g.uses.most = n }

// Flush writes uses, FlushCounts the counts.
func (g *Guard) Flush(ctx context.Context) error       { return g.flushUses(ctx) }
func (g *Guard) FlushCounts(ctx context.Context) error { return g.flushCounts(ctx) }

// Waiting is how many uses, moved expiries and counts by user are kept.
func (g *Guard) Waiting() (uses, counts int) {
	g.uses.flushing.Lock()
	defer g.uses.flushing.Unlock()
	g.uses.mu.Lock()
	defer g.uses.mu.Unlock()
	return len(g.uses.list) + len(g.uses.pending) + len(g.uses.extended), len(g.uses.counts)
}
