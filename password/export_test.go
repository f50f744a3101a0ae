package password

import "github.com/durin-go/durin/internal/phc"

// CostlyForFuzz tells whether verifying a hash, though allowed, takes too long
// for a fuzz target.
func CostlyForFuzz(encoded string) bool {
	h, err := phc.Parse(encoded)
	return err == nil && (h.Memory > 1024 || h.Time > 8 || h.Rounds > 1000 || h.Crypt != "" && h.Rounds > 4 || h.N*h.P > 1<<12)
}

// Acquire takes a worker of the hasher's and memory, for tests that fill it up.
func (h *Hasher) Acquire(memory int64) (release func()) {
	n := need{cores: 1, memory: memory}
	h.pool.mu.Lock()
	h.pool.take(n)
	h.pool.mu.Unlock()
	return func() { h.pool.release(n) }
}
