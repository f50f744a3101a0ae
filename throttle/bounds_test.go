package throttle

import (
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// take asks l for one request.
func take(t *testing.T, l Limiter, k Key, r Rate) (bool, State) {
	t.Helper()
	var s [1]State
	ok, err := l.Take(t.Context(), begin, []Limit{{k, r}}, s[:])
	if err != nil {
		t.Fatal(err)
	}
	return ok, s[0]
}

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func from(network, name string) Key { return Key{Network: netip.MustParsePrefix(network), Name: name} }

// TestBoundsOfStrangers: how many windows a network has, and those around it.
func TestBoundsOfStrangers(t *testing.T) {
	daily := Rate{100, 24 * time.Hour}
	for _, c := range []struct {
		name     string
		network  func(i int) string
		names    int // of each network
		networks int
		want     int // windows
	}{
		{"an address", func(int) string { return "192.0.2.1/32" }, 500, 1, 64},
		{"a /24", func(i int) string { return "192.0.2." + strconv.Itoa(i) + "/32" }, 64, 256, 1024},
		{"a /64", func(int) string { return "2001:db8::/64" }, 500, 1, 64},
		{"a /56", func(i int) string { return "2001:db8:0:" + strconv.FormatInt(int64(i), 16) + "::/64" }, 64, 256, 256},
		{"a /48", func(i int) string { return "2001:db8:0:" + strconv.FormatInt(int64(i)<<8, 16) + "::/64" }, 64, 256, 1024},
		{"nowhere", func(int) string { return "" }, 500, 1, 64},
	} {
		l, n, other := New(), 0, from("198.51.100.7/32", "a")
		for i := range c.networks {
			for j := range c.names {
				k := Key{Name: strconv.Itoa(j)}
				if at := c.network(i); at != "" {
					k = from(at, k.Name)
				}
				if ok, _ := take(t, l, k, daily); ok {
					n++
				}
			}
		}
		if n != c.want {
			t.Errorf("%s has %d windows, want %d", c.name, n, c.want)
		}
		if ok, s := take(t, l, other, daily); !ok || s.Full {
			t.Errorf("%s at its bound is felt elsewhere: %+v", c.name, s)
		}
		if ok, _ := take(t, l, Key{UserID: "ada", ClientID: 1, Name: "a"}, daily); !ok {
			t.Errorf("%s at its bound is felt by a user", c.name)
		}
	}
}

// TestAFullTableOfStrangers is not felt by users, nor by strangers who have their
// windows.
func TestAFullTableOfStrangers(t *testing.T) {
	l, hourly := New(), Rate{100, time.Hour}
	first := from("192.0.2.1/32", "a")
	if ok, _ := take(t, l, first, hourly); !ok {
		t.Fatal("the first is refused")
	}
	refused := 0
	for i := range maxStrangers + 10_000 {
		a := netip.AddrFrom4([4]byte{10, byte(i), byte(i >> 8), byte(i >> 16)})
		if ok, s := take(t, l, Key{Network: netip.PrefixFrom(a, 32), Name: "a"}, hourly); !ok {
			if refused++; !s.Full {
				t.Fatalf("%+v", s)
			}
		}
	}
	if n := l.(*localLimiter).strangers.Len(); n > maxStrangers || refused < 10_000 {
		t.Errorf("%d windows of strangers, %d refused", n, refused)
	}
	if ok, s := take(t, l, first, hourly); !ok || s.Remaining != 98 {
		t.Errorf("the first stranger: %v %+v", ok, s)
	}
	if ok, s := take(t, l, Key{UserID: "ada", ClientID: 1, Name: "a"}, hourly); !ok || s.Full {
		t.Errorf("a user: %v %+v", ok, s)
	}
}

// TestAUserWithManyNames has its bound, and only itself feels it.
func TestAUserWithManyNames(t *testing.T) {
	l, daily, n := New(), Rate{1, 24 * time.Hour}, 0
	for i := range 1000 {
		if ok, _ := take(t, l, Key{UserID: "mallory", ClientID: 1, Name: strconv.Itoa(i)}, daily); ok {
			n++
		}
	}
	if n != perUser {
		t.Errorf("%d windows, want %d", n, perUser)
	}
	for _, k := range []Key{{UserID: "ada", ClientID: 1, Name: "a"}, {UserID: "mallory", ClientID: 2, Name: "a"}} {
		if ok, _ := take(t, l, k, daily); !ok {
			t.Errorf("%+v is refused", k)
		}
	}
}

// TestABook bounds as a Limiter does.
func TestABook(t *testing.T) {
	b, daily, n := NewBook(), Rate{1, 24 * time.Hour}, 0
	for i := range 500 {
		for range 2 { // it counts windows, not requests
			var s [1]State
			if b.Hold(begin, []Limit{{from("2001:db8::/64", strconv.Itoa(i)), daily}}, s[:]) {
				n++
			} else if !s[0].Full || s[0].Wait <= 0 || s[0].Rate != daily {
				t.Fatalf("%+v", s[0])
			}
		}
	}
	if n != 2*perAddress {
		t.Errorf("%d, want %d", n, 2*perAddress)
	}
}
