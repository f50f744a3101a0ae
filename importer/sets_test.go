package importer

import (
	"strconv"
	"testing"
)

func TestTextSet(t *testing.T) {
	s := newTextSet()
	if s.has("") || s.has("0") {
		t.Error("an empty set has something")
	}
	const n = 100_000
	for i := range n {
		if text := strconv.Itoa(i); !s.add(text) || s.add(text) || !s.has(text) {
			t.Fatalf("%s: not there once", text)
		}
	}
	for i := n; i < 2*n; i++ {
		if s.has(strconv.Itoa(i)) {
			t.Fatalf("%d is there", i)
		}
	}
}

func TestKeySet(t *testing.T) {
	s := newKeySet()
	keys := []string{"0", "1", "63", "64", "-1", "-64", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "+7", "7", "x", ""}
	for i, key := range keys {
		if !s.add(key) || s.add(key) {
			t.Errorf("%q is not new once", key)
		}
		for j, other := range keys {
			if s.has(other) != (j <= i) {
				t.Errorf("after %q: has %q is %v", key, other, s.has(other))
			}
		}
	}
}
