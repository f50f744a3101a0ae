package window

import (
	"hash/maphash"
	"testing"
	"time"
)

// ownedBy makes keys owners of their hundreds.
func ownedBy(most int) func(maphash.Seed, int) [3]Owner {
	return func(_ maphash.Seed, key int) [3]Owner { return [3]Owner{{ID: uint64(key / 100), Max: most}} }
}

// TestOwners: one who has as many keys as it may gets no more before one of them is
// idle, and nobody else feels it.
func TestOwners(t *testing.T) {
	l := New(start, Options[int]{Owners: ownedBy(5)})
	ask := func(now time.Time, keys ...int) (bool, []State) {
		limits, states := []Limit[int]{}, make([]State, len(keys))
		for _, k := range keys {
			limits = append(limits, Limit[int]{k, Rate{10, time.Minute}})
		}
		return l.Take(now, limits, states), states
	}
	for k := range 5 {
		if ok, _ := ask(start, k); !ok {
			t.Fatal("refused within the number", k)
		}
	}
	if ok, s := ask(start, 5); ok || !s[0].Full || s[0].Wait <= 0 {
		t.Errorf("a sixth key: %v %+v", ok, s)
	}
	if ok, _ := ask(start, 100, 5); ok || l.Len() != 5 || l.Owners() != 1 {
		t.Errorf("a refused request opened a window of another: %d keys of %d owners", l.Len(), l.Owners())
	}
	for _, k := range []int{0, 4, 100, 200} {
		if ok, s := ask(start, k); !ok || s[0].Full {
			t.Errorf("key %d: %v %+v", k, ok, s)
		}
	}
	later := start.Add(time.Minute)
	if ok, s := ask(later, 5); !ok || s[0].Remaining != 9 {
		t.Errorf("when all others are idle: %v %+v", ok, s)
	}
	if ok, _ := ask(later, 6, 7, 8, 9); !ok {
		t.Error("the keys of those that were idle are not free")
	}
	if ok, _ := ask(later, 10); ok {
		t.Error("a sixth key again")
	}
}

// TestBounds: at a hard bound new keys are refused, beyond a soft one taken, and
// both are told.
func TestBounds(t *testing.T) {
	for _, soft := range []bool{false, true} {
		l := New(start, Options[int]{Keys: 2 * shards, Soft: soft})
		told := 0
		for k := range 2000 {
			var s [1]State
			ok := l.Take(start, []Limit[int]{{k, Rate{5, time.Minute}}}, s[:])
			if ok != (soft || !s[0].Full) {
				t.Fatalf("soft %v, key %d: %v %+v", soft, k, ok, s[0])
			}
			if s[0].Full {
				told++
			}
		}
		if want := map[bool]int{false: 2 * shards, true: 2000}[soft]; l.Len() != want || told != 2000-2*shards {
			t.Errorf("soft %v: %d keys, %d were told of", soft, l.Len(), told)
		}
	}
}

// TestHold: a key is kept for its period after the latest time that it was held.
func TestHold(t *testing.T) {
	l := New(start, Options[int]{Owners: ownedBy(1)})
	hold := func(after time.Duration, key int) bool {
		var s [1]State
		return l.Hold(start.Add(after), []Limit[int]{{key, Rate{1, time.Minute}}}, s[:])
	}
	for range 5 {
		if !hold(0, 1) {
			t.Fatal("what is held is counted")
		}
	}
	if !hold(50*time.Second, 1) || hold(100*time.Second, 2) || !hold(110*time.Second, 2) || hold(110*time.Second, 1) {
		t.Error("the key was not kept for a minute after it was held last")
	}
}
