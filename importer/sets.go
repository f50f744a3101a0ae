package importer

import (
	"hash/maphash"
	"strconv"
)

// An idSet is a set of whole numbers, 64 to a word: keys that a database gave
// out one after the other cost less than a byte each.
type idSet map[int64]uint64

func (s idSet) add(n int64)      { s[n>>6] |= 1 << (n & 63) }
func (s idSet) has(n int64) bool { return s[n>>6]&(1<<(n&63)) != 0 }

// A textSet is a set of texts, known by 64 bits of a keyed hash: some 15 bytes
// each. With ten million texts the chance that any two are taken for one is
// three in a million.
type textSet struct {
	seed maphash.Seed
	set  map[uint64]struct{}
}

func newTextSet() textSet {
	return textSet{maphash.MakeSeed(), map[uint64]struct{}{}}
}

// add reports whether text is new.
func (s textSet) add(text string) bool {
	h := maphash.String(s.seed, text)
	_, there := s.set[h]
	s.set[h] = struct{}{}
	return !there
}

func (s textSet) has(text string) bool {
	_, there := s.set[maphash.String(s.seed, text)]
	return there
}

// A keySet is a set of primary keys.
type keySet struct {
	ids   idSet
	texts textSet
}

func newKeySet() keySet { return keySet{idSet{}, newTextSet()} }

// add reports whether key is new.
func (s keySet) add(key string) bool {
	n, whole := number(key)
	if !whole {
		return s.texts.add(key)
	}
	there := s.ids.has(n)
	s.ids.add(n)
	return !there
}

func (s keySet) has(key string) bool {
	n, whole := number(key)
	if !whole {
		return s.texts.has(key)
	}
	return s.ids.has(n)
}

// number reads a key that is a whole number as strconv writes it.
func number(key string) (int64, bool) {
	n, err := strconv.ParseInt(key, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == key
}
