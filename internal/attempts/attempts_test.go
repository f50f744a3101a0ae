package attempts

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin/internal/networks"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// addr makes the n-th address.
func addr(n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x0a000000+uint32(n))
	return netip.AddrFrom4(b)
}

func at(d time.Duration) time.Time { return start.Add(d) }

// try makes an attempt that ends at once and reports whether it was admitted.
func try(l *Limiter, now time.Time, a Attempt, outcome Outcome) bool {
	if !l.Admit(now, a) {
		return false
	}
	l.Done(now, a, outcome)
	return true
}

// guesses makes n wrong attempts, one each step, and returns how many were
// admitted.
func guesses(l *Limiter, n int, step time.Duration, attempt func(i int) Attempt) (admitted int) {
	for i := range n {
		if try(l, at(time.Duration(i)*step), attempt(i), Wrong) {
			admitted++
		}
	}
	return admitted
}

func TestTenThousandGuesses(t *testing.T) {
	name := strconv.Itoa
	cases := []struct {
		name    string
		step    time.Duration
		attempt func(i int) Attempt
		want    int
	}{
		// 10 of the pair, then after locks of 30 s, 1, 2, 4, 8 and ten times 15 minutes.
		{"one account, one address", time.Second, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(1)} }, 25},
		{"one account, no address", time.Second, func(i int) Attempt { return Attempt{Account: "ada"} }, 25},
		{"one account, 1,000 addresses", time.Second, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(i % 1000)} }, 35},
		{"one account, one IPv6 network", time.Second, func(i int) Attempt {
			return Attempt{Account: name(i), Address: netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i), 14: byte(i >> 8)})}
		}, 114},
		// 100, then after locks of 30 s, 1, 2, 4, 8 and nine times 15 minutes.
		{"1,000 accounts, one address", time.Second, func(i int) Attempt { return Attempt{Account: name(i % 1000), Address: addr(1)} }, 114},
		{"1,000 accounts, 1,000 addresses", time.Second, func(i int) Attempt { return Attempt{Account: name(i % 1000), Address: addr(i % 1000)} }, 10_000},
		{"1,000 accounts, no address", 0, func(i int) Attempt { return Attempt{Account: name(i % 1000)} }, 10_000},
		{"500 accounts, 500 addresses at once", 0, func(i int) Attempt { return Attempt{Account: name(i % 500), Address: addr(i % 500)} }, 5000},
		{"one account, all at once", 0, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(i)} }, 20},
		{"one account, one address, all at once", 0, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(1)} }, 10},
		{"10,000 accounts at once", 0, func(i int) Attempt { return Attempt{Account: name(i), Address: addr(1)} }, 100},
		{"one account, every 100 seconds", 100 * time.Second, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(1)} }, 10_000},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := guesses(New(Numbers{}), 10_000, c.step, c.attempt); got != c.want {
				t.Errorf("%d of 10,000 guesses were admitted, want %d", got, c.want)
			}
		})
	}
}

func TestGuessesSideBySide(t *testing.T) {
	l := New(Numbers{})
	var admitted atomic.Int64
	var all sync.WaitGroup
	for g := range 40 {
		all.Go(func() {
			for range 50 {
				if l.Admit(start, Attempt{Account: "ada", Address: addr(g)}) {
					admitted.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := admitted.Load(); n != 20 {
		t.Errorf("%d guesses ran side by side, want 20", n)
	}
	if n := guesses(New(Numbers{}), 1000, 0, func(i int) Attempt { return Attempt{Account: "ada"} }); n != 10 {
		t.Errorf("%d one after the other, want 10", n)
	}
}

func TestAfterALockOneAtATime(t *testing.T) {
	l := New(Numbers{})
	ada := Attempt{Account: "ada"}
	guesses(l, 10, 0, func(int) Attempt { return ada })
	if l.Admit(at(30*time.Second-1), ada) {
		t.Error("admitted while locked")
	}
	if !l.Admit(at(30*time.Second), ada) {
		t.Fatal("refused after the lock")
	}
	if l.Admit(at(30*time.Second), ada) {
		t.Error("two at a time after a lock")
	}
	l.Done(at(31*time.Second), ada, Aborted)
	if !try(l, at(31*time.Second), ada, Wrong) {
		t.Error("an aborted attempt counts as a failure")
	}
	if l.Admit(at(91*time.Second-1), ada) || !l.Admit(at(91*time.Second), ada) {
		t.Error("the second lock is not a minute long")
	}
}

func TestALockIsForgottenAfterAQuietWindow(t *testing.T) {
	l := New(Numbers{})
	ada := Attempt{Account: "ada"}
	attempt := func(int) Attempt { return ada }
	guesses(l, 10, 0, attempt)
	quiet := at(30*time.Second + 15*time.Minute)
	for i := range 10 {
		if !try(l, quiet, ada, Wrong) {
			t.Fatalf("guess %d after a quiet window is refused", i)
		}
	}
	if try(l, quiet, ada, Wrong) {
		t.Error("an eleventh")
	}
}

func TestRefusedAttemptsDoNotLock(t *testing.T) {
	l := New(Numbers{})
	ada := Attempt{Account: "ada", Address: addr(1)}
	guesses(l, 10, 0, func(int) Attempt { return ada })
	for i := range 30 {
		if l.Admit(at(time.Duration(i)*time.Second), ada) {
			t.Fatal("admitted while locked")
		}
	}
	if !l.Admit(at(30*time.Second), ada) {
		t.Error("knocking made the lock longer")
	}
	if !l.Admit(at(time.Second), Attempt{Account: "grace", Address: addr(1)}) {
		t.Error("refused attempts count for the address")
	}
}

func TestARightPassword(t *testing.T) {
	nine := func(l *Limiter, a Attempt) {
		for range 9 {
			try(l, start, a, Wrong)
		}
	}
	owner := Attempt{Account: "ada", Address: addr(1)}
	guesser := Attempt{Account: "ada", Address: addr(2)}

	l := New(Numbers{})
	nine(l, owner)
	try(l, start, owner, Right)
	nine(l, owner)
	if !try(l, start, owner, Right) {
		t.Error("the owner's failures stand after the right password")
	}
	if accounts, addresses := l.Len(); accounts != 0 || addresses != 0 {
		t.Errorf("%d accounts and %d addresses are remembered for nothing", accounts, addresses)
	}

	nine(l, guesser)
	try(l, start, owner, Right)
	if !try(l, start, guesser, Wrong) || try(l, start, guesser, Wrong) {
		t.Error("the owner's login took back the guesser's failures")
	}
	if !try(l, start, owner, Right) {
		t.Error("one address locks the account for another")
	}

	l = New(Numbers{})
	for i := range 99 {
		try(l, start, Attempt{Account: strconv.Itoa(i), Address: addr(3)}, Wrong)
	}
	own := Attempt{Account: "mallory", Address: addr(3)}
	try(l, start, own, Right)
	if !try(l, start, own, Wrong) || try(l, start, own, Right) {
		t.Error("a login to an own account took back an address's failures elsewhere")
	}

	l = New(Numbers{})
	nine(l, Attempt{Account: "ada"})
	try(l, start, Attempt{Account: "ada"}, Right)
	if !try(l, start, Attempt{Account: "ada"}, Wrong) || try(l, start, Attempt{Account: "ada"}, Wrong) {
		t.Error("failures from unknown addresses were taken back")
	}
}

func TestTheOwnersLockEndsWithTheRightPassword(t *testing.T) {
	l := New(Numbers{})
	owner := Attempt{Account: "ada", Address: addr(1)}
	for range 10 {
		try(l, start, owner, Wrong)
	}
	if !try(l, at(30*time.Second), owner, Right) {
		t.Fatal("refused after the lock")
	}
	for i := range 10 {
		if !try(l, at(31*time.Second), owner, Wrong) {
			t.Fatalf("failure %d after the right password was refused", i)
		}
	}
}

func TestKnownDevices(t *testing.T) {
	l := New(Numbers{})
	guesses(l, 20, 0, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(i)} })
	known := Attempt{Account: "ada", Address: addr(500), Known: true}
	if !try(l, start, known, Right) {
		t.Error("strangers lock a known device out")
	}
	for i := range 11 {
		if pass := try(l, start, known, Wrong); pass != (i < 10) {
			t.Errorf("guess %d with a known device: admitted %v", i, pass)
		}
	}
	if try(l, start, Attempt{Account: "ada", Address: addr(600)}, Right) {
		t.Error("a known device unlocks the account for strangers")
	}

	l = New(Numbers{})
	guesses(l, 100, 0, func(i int) Attempt { return Attempt{Account: strconv.Itoa(i), Address: addr(1)} })
	if l.Admit(start, Attempt{Account: "ada", Address: addr(1), Known: true}) {
		t.Error("a known device passes from an address that is locked")
	}
}

func TestAddressesOfOneNetwork(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		if same := networks.Of(netip.MustParseAddr(c.a)) == networks.Of(netip.MustParseAddr(c.b)); same != c.same {
			t.Errorf("%s and %s: same network %v, want %v", c.a, c.b, same, c.same)
		}
	}
}

// TestNetworksAroundAnAddress: who has many /64s does not have as many guesses, nor
// can lock an account for others alone.
func TestNetworksAroundAnAddress(t *testing.T) {
	six := func(site, network int) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0xd, 0xb8, 0, byte(site), byte(network >> 8), byte(network), 15: 1})
	}
	for _, c := range []struct {
		name    string
		account func(i int) string
		from    func(i int) netip.Addr
		want    int // of 10,000 guesses at once
		held    string
	}{
		{"a /64 at all accounts", strconv.Itoa, func(int) netip.Addr { return six(1, 7) }, 100, "2001:db8:1:7::/64"},
		{"a /56 at all accounts", strconv.Itoa, func(i int) netip.Addr { return six(1, i%256) }, 400, "2001:db8:1::/56"},
		{"a /48 at all accounts", strconv.Itoa, func(i int) netip.Addr { return six(1, i*7) }, 1600, "2001:db8:1::/48"},
		{"a /48 at one account", func(int) string { return "ada" }, func(i int) netip.Addr { return six(1, i*7) }, 10, "2001:db8:1::/48"},
	} {
		l := New(Numbers{})
		if n := guesses(l, 10_000, 0, func(i int) Attempt { return Attempt{Account: c.account(i), Address: c.from(i)} }); n != c.want {
			t.Errorf("%s: %d guesses are tried, want %d", c.name, n, c.want)
		}
		if held := l.Held(start); len(held) == 0 || held[0].Network.String() != c.held {
			t.Errorf("%s: held %+v, want %s", c.name, held, c.held)
		}
		if !try(l, start, Attempt{Account: "ada", Address: six(2, 0)}, Right) {
			t.Errorf("%s locks an account for another site", c.name)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l := New(Numbers{Entries: 100})
	victim := Attempt{Account: "ada", Address: addr(1)}
	for range 10 {
		try(l, start, victim, Wrong)
	}
	running := Attempt{Account: "grace", Address: addr(2)}
	l.Admit(start, running)
	if n := guesses(l, 10_000, time.Millisecond, func(i int) Attempt { return Attempt{Account: strconv.Itoa(i), Address: addr(100 + i)} }); n != 10_000 {
		t.Errorf("%d of 10,000 first attempts were admitted", n)
	}
	if accounts, addresses := l.Len(); accounts > 100 || addresses > 100 {
		t.Errorf("%d accounts and %d addresses, want 100 of each at most", accounts, addresses)
	}
	if l.Admit(at(11*time.Second), victim) {
		t.Error("the flood unlocked an account")
	}
	l.Done(at(11*time.Second), running, Wrong)
	if e := l.accounts.entries[firstKey(l, running)]; e == nil || len(e.Value.(*entry).failures) != 1 {
		t.Error("an attempt that ran was forgotten")
	}
}

func firstKey(l *Limiter, a Attempt) uint64 {
	return l.account(a)
}

// An address that goes on for hours does not lock the account for others; two can.
func TestOneAddressAloneLocksNobodyElseOut(t *testing.T) {
	l := New(Numbers{})
	owner := Attempt{Account: "ada", Address: addr(1)}
	for i := range 20_000 {
		now := at(time.Duration(i) * time.Second)
		try(l, now, Attempt{Account: "ada", Address: addr(2)}, Wrong)
		if i%100 == 0 && !try(l, now, owner, Right) {
			t.Fatalf("the owner is refused after %d s", i)
		}
	}
	l = New(Numbers{})
	guesses(l, 20, 0, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(2 + i%2)} })
	if try(l, start, owner, Right) {
		t.Error("20 failures from two addresses do not lock the account")
	}
}

func TestHeld(t *testing.T) {
	l := New(Numbers{})
	guesses(l, 9, 0, func(int) Attempt { return Attempt{Account: "secret typed as a name", Address: addr(1)} })
	if held := l.Held(start); len(held) != 0 {
		t.Fatalf("%+v", held)
	}
	guesses(l, 91, 0, func(i int) Attempt { return Attempt{Account: "ada", Address: addr(2 + i/10)} })
	guesses(l, 11, time.Second, func(int) Attempt { return Attempt{Account: "grace", Known: true} })
	want := []Held{
		{Account: "grace", Known: true, Locks: 1, Until: at(39 * time.Second)},
		{Account: "ada", Locks: 1, Until: at(30 * time.Second)},
		{Account: "ada", Network: netip.PrefixFrom(addr(2), 32), Locks: 1, Until: at(30 * time.Second)},
		{Account: "ada", Network: netip.PrefixFrom(addr(3), 32), Locks: 1, Until: at(30 * time.Second)},
	}
	if held := l.Held(at(10 * time.Second)); !slices.Equal(held, want) {
		t.Errorf("%+v\nwant %+v", held, want)
	}
	if held := l.Held(at(39 * time.Second)); len(held) != 0 {
		t.Errorf("after the locks: %+v", held)
	}
	l = New(Numbers{})
	guesses(l, 100, 0, func(i int) Attempt { return Attempt{Account: strconv.Itoa(i), Address: addr(7)} })
	if held := l.Held(start); len(held) != 1 || held[0].Account != "" || held[0].Network != netip.PrefixFrom(addr(7), 32) {
		t.Errorf("an address: %+v", held)
	}
	long := strings.Repeat("ä", 1000)
	guesses(l, 10, 0, func(int) Attempt { return Attempt{Account: long} })
	if held := l.Held(start); len(held) != 2 || len(held[0].Account)+len(held[1].Account) != maxLabel {
		t.Error("a long name is kept whole")
	}
}

func TestFullOfLocks(t *testing.T) {
	l := New(Numbers{Entries: 50})
	guesses(l, 500, 0, func(i int) Attempt { return Attempt{Account: strconv.Itoa(i % 50)} })
	if l.Admit(start, Attempt{Account: "ada"}) {
		t.Error("a lock gave way to a new account")
	}
	if !l.Admit(at(30*time.Second), Attempt{Account: "ada"}) {
		t.Error("no room after the locks have ended")
	}
}

func TestWhatSaysNothingIsForgotten(t *testing.T) {
	l := New(Numbers{})
	guesses(l, 1000, 0, func(i int) Attempt { return Attempt{Account: strconv.Itoa(i), Address: addr(i)} })
	for range 500 {
		try(l, at(15*time.Minute), Attempt{Account: "ada", Address: addr(5000)}, Right)
	}
	if accounts, addresses := l.Len(); accounts > 1 || addresses > 1 {
		t.Errorf("%d accounts and %d addresses are remembered after a quiet window", accounts, addresses)
	}
}

func TestAttemptsWhoseEndIsNotTold(t *testing.T) {
	l := New(Numbers{})
	ada := Attempt{Account: "ada", Address: addr(1)}
	for range 10 {
		l.Admit(start, ada)
	}
	if l.Admit(at(15*time.Minute-1), ada) || !l.Admit(at(15*time.Minute), ada) {
		t.Error("lost attempts do not count for a window")
	}
}

func TestAClockThatIsPutBack(t *testing.T) {
	l := New(Numbers{})
	ada := Attempt{Account: "ada"}
	for i := range 30 {
		if pass := try(l, at(-time.Duration(i)*time.Hour), ada, Wrong); pass != (i < 10) {
			t.Errorf("guess %d: admitted %v", i, pass)
		}
	}
}

func TestNumbersAreObeyed(t *testing.T) {
	n := Numbers{Window: time.Minute, Pair: 2, Address: 3, Lock: time.Second, MaxLock: 3 * time.Second}
	l := New(n)
	ada := Attempt{Account: "ada"}
	var admitted []time.Duration
	for i := range 15 {
		if d := time.Duration(i) * time.Second; try(l, at(d), ada, Wrong) {
			admitted = append(admitted, d/time.Second)
		}
	}
	want := []time.Duration{0, 1, 2, 4, 7, 10, 13}
	if len(admitted) != len(want) {
		t.Fatalf("admitted at %d, want %d", admitted, want)
	}
	for i := range want {
		if admitted[i] != want[i] {
			t.Fatalf("admitted at %d, want %d", admitted, want)
		}
	}
}

// BenchmarkAttempt is a failed attempt on one of many accounts.
func BenchmarkAttempt(b *testing.B) {
	l := New(Numbers{})
	names := make([]string, 200_000)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	now := start
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Millisecond)
		try(l, now, Attempt{Account: names[i%len(names)], Address: addr(i % 70_000)}, Wrong)
	}
}

// BenchmarkRefused is an attempt on an account that is locked.
func BenchmarkRefused(b *testing.B) {
	l := New(Numbers{})
	ada := Attempt{Account: "ada", Address: addr(1)}
	guesses(l, 10, 0, func(int) Attempt { return ada })
	b.ReportAllocs()
	for b.Loop() {
		l.Admit(start, ada)
	}
}
