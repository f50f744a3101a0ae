package measure

import (
	"testing"
	"time"
)

func TestInterleave(t *testing.T) {
	var order string
	letter := func(s string, v float64) Case {
		return Case{s, func() (float64, error) { order += s; return v, nil }}
	}
	all, err := Interleave(3, letter("a", 1), letter("b", 4))
	if err != nil || order != "abbaabba" {
		t.Fatal(order, err)
	}
	if got := all[1].Over(all[0]); len(got) != 3 || got.Median() != 4 {
		t.Error(got)
	}
}

func TestSeries(t *testing.T) {
	if got := (Series{3, 1, 2, 10}).String(); got != "2.50 (1.00-10.0)" {
		t.Error(got)
	}
}

func TestEach(t *testing.T) {
	seen := map[uint64]bool{}
	c := Each("", 1, time.Millisecond, func(i uint64) { seen[i] = true })
	for range 2 {
		if v, err := c.Round(); v <= 0 || err != nil {
			t.Fatal(v, err)
		}
	}
	if len(seen)%256 != 0 || len(seen) < 512 {
		t.Error(len(seen), "numbers: one came twice, or too few")
	}
}

func TestScatter(t *testing.T) {
	seen := map[int]bool{}
	for i := range uint64(1000) {
		n := Scatter(i, 100)
		if n < 0 || n >= 100 {
			t.Fatal(n)
		}
		seen[n] = true
	}
	if len(seen) != 100 {
		t.Error(len(seen), "of 100 reached")
	}
}
