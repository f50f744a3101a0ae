package window

import (
	"math/rand/v2"
	"testing"
)

// A table is held against a map, with few places so that searches run into each
// other.
func TestTableIsAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var table table[int]
	want := map[int]*log[int]{}
	for step := range 200_000 {
		key := random.IntN(300)
		hash := uint64(key%40) * shards
		got := table.find(hash, &key)
		if got != want[key] {
			t.Fatalf("step %d: key %d: %p, want %p", step, key, got, want[key])
		}
		switch {
		case got == nil && len(want) < 100+step%150:
			want[key] = &log[int]{key: key, hash: hash}
			table.put(want[key])
		case got != nil && random.IntN(2) == 0:
			table.remove(got)
			delete(want, key)
		}
		if table.n != len(want) {
			t.Fatalf("step %d: %d logs, want %d", step, table.n, len(want))
		}
	}
}
