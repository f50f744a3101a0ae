package window

// A table finds logs by their keys: open addressing with linear probing, in which
// a search looks at one piece of memory until it has found the log. The hash of a
// key is the caller's, who needs it to choose the shard too.
type table[K comparable] struct {
	slots []slot[K] // a power of two, at least half of them empty
	n     int
}

type slot[K comparable] struct {
	hash uint64
	log  *log[K] // nil: empty
}

const minSlots = 8

// home is where the search for a hash begins. The low bits have chosen the shard.
func (t *table[K]) home(hash uint64) int { return int(hash/shards) & (len(t.slots) - 1) }

func (t *table[K]) next(i int) int { return (i + 1) & (len(t.slots) - 1) }

// find returns the log of key, or nil.
func (t *table[K]) find(hash uint64, key *K) *log[K] {
	if t.n == 0 {
		return nil
	}
	for i := t.home(hash); ; i = t.next(i) {
		switch s := &t.slots[i]; {
		case s.log == nil:
			return nil
		case s.hash == hash && s.log.key == *key:
			return s.log
		}
	}
}

// put adds a log whose key is not there.
func (t *table[K]) put(g *log[K]) {
	if 2*(t.n+1) > len(t.slots) {
		old := t.slots
		t.slots = make([]slot[K], max(minSlots, 2*len(old)))
		for _, s := range old {
			if s.log != nil {
				t.insert(s)
			}
		}
	}
	t.insert(slot[K]{g.hash, g})
	t.n++
}

func (t *table[K]) insert(s slot[K]) {
	i := t.home(s.hash)
	for t.slots[i].log != nil {
		i = t.next(i)
	}
	t.slots[i] = s
}

// remove takes out a log that is there. Those behind it that a search would no
// longer find move up.
func (t *table[K]) remove(g *log[K]) {
	i := t.home(g.hash)
	for t.slots[i].log != g {
		i = t.next(i)
	}
	mask := len(t.slots) - 1
	for j := t.next(i); t.slots[j].log != nil; j = t.next(j) {
		if home := t.home(t.slots[j].hash); (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot[K]{}
	t.n--
}
