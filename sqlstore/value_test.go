package sqlstore

import (
	"slices"
	"testing"
	"time"

	"github.com/durin-go/durin"
)

func TestBind(t *testing.T) {
	numbered := engine{numbered: true}
	for query, want := range map[string]string{
		"SELECT 1":                      "SELECT 1",
		"a = ? AND b = ?":               "a = $1 AND b = $2",
		"?" + list(11):                  "$1($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
		insertInto("t", "a, b, c"):      "INSERT INTO t (a, b, c) VALUES ($1, $2, $3)",
		updateSet("t", "a, b") + " w ?": "UPDATE t SET a = $1, b = $2 w $3",
	} {
		if got := numbered.bind(query); got != want {
			t.Errorf("%s became %s, want %s", query, got, want)
		}
		if got := (&engine{}).bind(query); got != query {
			t.Errorf("%s became %s", query, got)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, value := range []any{int64(-62135596800000000), []byte("-62135596800000000"), "-62135596800000000"} {
		var n number
		if err := n.Scan(value); err != nil || n.instant() != (time.Time{}) {
			t.Errorf("%T: %v, %v", value, n.instant(), err)
		}
	}
	n := number{5, true}
	if err := n.Scan(nil); err != nil || n != (number{}) || n.duration() != durin.Never || !n.instant().IsZero() {
		t.Errorf("NULL is %+v, %v", n, err)
	}
	for _, value := range []any{"", "1.5", []byte("x"), 1.5, true} {
		if err := n.Scan(value); err == nil {
			t.Errorf("%v is taken for a number", value)
		}
	}
	var d durin.Digest
	for _, value := range []any{"text", []byte("short"), make([]byte, 33), int64(1)} {
		if err := (digestColumn{&d}).Scan(value); err == nil {
			t.Errorf("%v is taken for a digest", value)
		}
	}
}

func TestPortions(t *testing.T) {
	var sizes []int
	all := make([]int, 237)
	for i := range all {
		all[i] = i
	}
	next := 0
	err := portions(all, func(some []int) error {
		sizes = append(sizes, len(some))
		for _, n := range some {
			if n != next {
				t.Fatalf("%d comes instead of %d", n, next)
			}
			next++
		}
		return nil
	})
	if err != nil || next != len(all) || !slices.Equal(sizes, []int{100, 100, 10, 10, 10, 1, 1, 1, 1, 1, 1, 1}) {
		t.Errorf("%v, %v", sizes, err)
	}
}
