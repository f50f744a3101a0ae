package durin

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Of the tests that cannot be in this package.

// KeepWaiting bounds the uses that wait.
func (g *Guard) KeepWaiting(n int) { g.uses.most = n }

// Flush writes uses, FlushCounts the counts.
func (g *Guard) Flush(ctx context.Context) error       { return g.uses.flush(ctx) }
func (g *Guard) FlushCounts(ctx context.Context) error { return g.uses.flushCounts(ctx) }

// Waiting is how many uses, moved expiries and counts by user are kept.
func (g *Guard) Waiting() (uses, counts int) {
	g.uses.flushing.Lock()
	defer g.uses.flushing.Unlock()
	g.uses.mu.Lock()
	defer g.uses.mu.Unlock()
	return len(g.uses.list) + len(g.uses.pending) + len(g.uses.extended), len(g.uses.counts)
}

// TestMain fails when goroutines of this package are left after its tests: what a
// Guard starts, Close ends.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(); code == 0 && left != "" {
		fmt.Printf("FAIL: goroutines are left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leaked are the goroutines with code of ours, once those that are about to end
// had some seconds for it.
func leaked() string {
	left := ""
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text := make([]byte, 1<<20)
		text = text[:runtime.Stack(text, true)]
		left = ""
		for _, one := range strings.Split(string(text), "\n\n") {
			if strings.Contains(one, "github.com/durin-go/durin") && !strings.Contains(one, "durin.TestMain(") {
				left += one + "\n\n"
			}
		}
		if left == "" {
			return ""
		}
	}
	return left
}
