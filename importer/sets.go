package importer

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
)

// An idSet is a set of whole numbers, 64 to a word: keys that a database gave
// out one after the other cost less than a byte each.
type idSet map[int64]uint64

func (s idSet) add(n int64)      { s[n>>6] |= 1 << (n & 63) }
func (s idSet) has(n int64) bool { return s[n>>6]&(1<<(n&63)) != 0 }

// A textSet is a set of texts, known by 64 bits of a keyed hash. With ten
// million texts the chance that any two are taken for one is three in a million.
// The first 16 bits choose a bucket, which lists the others: 8 bytes a text, about.
// As long as there are few texts, no buckets are made.
type textSet struct {
	seed    maphash.Seed
	few     map[uint64]bool
	buckets *[1 << bucketBits][]byte // nil: there are few
}

const (
	bucketBits = 16
	restBytes  = (64 - bucketBits) / 8
	fewTexts   = 1 << 12
)

func newTextSet() *textSet { return &textSet{seed: maphash.MakeSeed(), few: map[uint64]bool{}} }

// add reports whether text is new.
func (s *textSet) add(text string) bool {
	h := maphash.String(s.seed, text)
	if s.holds(h) {
		return false
	}
	if s.buckets == nil && len(s.few) < fewTexts {
		s.few[h] = true
		return true
	}
	if s.buckets == nil {
		s.buckets = new([1 << bucketBits][]byte)
		for other := range s.few {
			s.put(other)
		}
		s.few = nil
	}
	s.put(h)
	return true
}

func (s *textSet) put(h uint64) {
	b := &s.buckets[h>>(64-bucketBits)]
	*b = binary.LittleEndian.AppendUint32(*b, uint32(h))
	*b = binary.LittleEndian.AppendUint16(*b, uint16(h>>32))
}

func (s *textSet) has(text string) bool {
	return s.holds(maphash.String(s.seed, text))
}

func (s *textSet) holds(h uint64) bool {
	if s.buckets == nil {
		return s.few[h]
	}
	b := s.buckets[h>>(64-bucketBits)]
	low, high := uint32(h), uint16(h>>32)
	for ; len(b) >= restBytes; b = b[restBytes:] {
		if binary.LittleEndian.Uint32(b) == low && binary.LittleEndian.Uint16(b[4:]) == high {
			return true
		}
	}
	return false
}

// A keySet is a set of primary keys.
type keySet struct {
	ids   idSet
	texts *textSet
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
