package api

import "testing"

func TestRecentIsBounded(t *testing.T) {
	var r recent
	for id := range int64(maxRecent + 10) {
		r.add(ended{"1", id})
		r.add(ended{"1", id})
	}
	for id := range int64(maxRecent + 10) {
		if got, want := r.has(ended{"1", id}), id >= 10; got != want {
			t.Fatalf("%d is known: %t, want %t", id, got, want)
		}
	}
	if r.has(ended{"2", 20}) || len(r.known) != maxRecent {
		t.Errorf("%d are known", len(r.known))
	}
}
