package peers

import (
	"fmt"
	"testing"
	"time"
)

func TestCachesFindWhatWasPut(t *testing.T) {
	for _, m := range Caches() {
		c := m.Make(100)
		found := 0
		for i := range 50 {
			k := Digest([]byte(fmt.Sprintf("%032d", i*7919)))
			c.Put(k, &Record{byte(i)})
		}
		time.Sleep(20 * time.Millisecond) // some write in the background
		for i := range 50 {
			k := Digest([]byte(fmt.Sprintf("%032d", i*7919)))
			if r, ok := c.Get(&k); ok && r[0] == byte(i) {
				found++
			}
		}
		if found < 50 && m.Name != "ristretto v2" {
			t.Errorf("%s: %d of 50", m.Name, found)
		}
	}
}

func TestLimitersLimit(t *testing.T) {
	for _, m := range Limiters() {
		l, err := m.Make(5, time.Hour, 100)
		if err != nil {
			t.Fatal(m.Name, err)
		}
		for _, key := range []string{"ada", "bob"} {
			passed := 0
			for range 20 {
				if l(key) {
					passed++
				}
			}
			if passed != 5 {
				t.Errorf("%s: %d of 5 pass", m.Name, passed)
			}
		}
	}
}

func TestOursHoldsTheWindow(t *testing.T) {
	if n, err := MostInWindow(Limiters()[0], 5, 40*time.Millisecond); err != nil || n > 5 || n == 0 {
		t.Error(n, err)
	}
}
