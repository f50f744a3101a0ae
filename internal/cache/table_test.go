package cache

import (
	"math/rand/v2"
	"testing"
)

// crowded makes all keys collide, at the end of a small table.
func crowded(k *digest) uint64 { return 5 + uint64(k[0])%3 }

// check holds a table to its rules and to what it should hold.
func check(t *testing.T, tab *table[digest, int], want map[digest]int) {
	t.Helper()
	n := 0
	s := tab.slots.Load()
	for i := range s.at {
		if s.at[i].Load() != nil {
			n++
		}
	}
	if n != len(want) || tab.n != len(want) || 2*n > len(s.at) {
		t.Fatalf("%d entries in %d slots, counted as %d; want %d", n, len(s.at), tab.n, len(want))
	}
	for k, v := range want {
		if e := tab.find(crowded(&k), &k); e == nil || e.value != v {
			t.Fatalf("key %x: found %v", k[0], e)
		}
	}
}

// FuzzTable runs any sequence of changes against a plain map.
func FuzzTable(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		script := make([]byte, 200)
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		var tab table[digest, int]
		tab.init(1000, crowded)
		want := make(map[digest]int)
		for len(script) >= 2 {
			op, k := script[0], digest{script[1] % 40}
			script = script[2:]
			switch op % 8 {
			default:
				v := int(op)
				tab.put(crowded(&k), &entry[digest, int]{key: k, value: v, loadedAt: 1}, 0)
				want[k] = v
			case 5, 6:
				if _, there := want[k]; tab.remove(crowded(&k), &k) != there {
					t.Fatalf("remove of key %x, want %v", k[0], there)
				}
				delete(want, k)
			case 7:
				gone := func(v *int) bool { return *v%3 == int(op)%3 }
				removed := tab.removeIf(gone)
				for k, v := range want {
					if gone(&v) {
						delete(want, k)
						removed--
					}
				}
				if removed != 0 {
					t.Fatalf("removeIf is off by %d", removed)
				}
			}
			check(t, &tab, want)
		}
	})
}

func TestEvictionPrefersWhatIsNotUsed(t *testing.T) {
	var tab table[digest, int]
	tab.init(10, crowded)
	put := func(i int, loadedAt int64) {
		k := digest{byte(i)}
		tab.put(crowded(&k), &entry[digest, int]{key: k, loadedAt: loadedAt}, 50)
	}
	found := func(i int) *entry[digest, int] {
		k := digest{byte(i)}
		return tab.find(crowded(&k), &k)
	}
	for i := range 10 {
		put(i, 100)
		if i != 4 {
			found(i).use()
		}
	}
	put(10, 100)
	if found(4) != nil || tab.n != 10 {
		t.Errorf("the one that was not used is kept; %d entries", tab.n)
	}
	for i := range 200 { // all are used: somebody has to go all the same
		put(11+i, 100)
		found(11 + i).use()
	}
	if tab.n != 10 || found(210) == nil {
		t.Errorf("%d entries, want 10 with the last", tab.n)
	}
}
