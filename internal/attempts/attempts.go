// Package attempts slows down those who guess passwords. It counts failures for
// each account, by the name that was given, whether there is such an account or
// not; for each address, over all accounts, where the address is known; and for
// each pair of the two. An IPv6 address counts as its /64 network; its /56 and /48
// are counted too, by four and sixteen times the number. In a pair it counts as its
// /48, so that whoever has one does not have many addresses.
//
// Below Numbers.Pair failures of an account from one address in Numbers.Window
// nobody is refused there, nor below Numbers.Account failures of an account from
// everywhere, nor below Numbers.Address failures of an address. The failure that
// reaches the number locks the pair, account or address for Numbers.Lock; from
// then on attempts are admitted one at a time, and each further failure locks for
// twice as long, up to Numbers.MaxLock. A Window without an attempt after the end
// of the last lock makes all good. What is refused does not count and does not
// make a lock longer: nobody is kept out by being knocked for. Attempts that run
// side by side could all fail: so no more run than failures are left, and others
// wait for their ends. Guesses made side by side pass no sooner than one after the
// other, and a crowd that knows the password is let in.
//
// The pair's number is so much lower than the account's that one address alone
// never locks an account for others: the locks of the pair let too few through.
// Attempts from addresses that are not known are one pair.
//
// A right password takes back the failures of its own account from its own
// address, in all counts, and nothing else: a guesser does not wash away guesses
// by logging in to an account of his own, nor does the owner's login elsewhere.
// A lock ends with it when fewer failures are left than lock. Where the address is
// not known, nothing is taken back.
//
// Attempts from devices that the account knows are counted apart, by the same
// numbers: strangers do not lock them out, and whoever stole a token cannot guess
// without end. The limit of the address holds for them as well.
package attempts

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/durin-go/durin/internal/networks"
)

// Numbers are the limits. The zero value of each stands for what is documented.
type Numbers struct {
	// Window is how long a failure counts. Zero: 15 minutes.
	Window time.Duration
	// Pair is how many failures of an account from one address lock the
	// account there. Zero: 10.
	Pair int
	// Account is how many failures of an account lock it everywhere. Zero: 20.
	Account int
	// Address is how many failures of an address, over all accounts, lock it.
	// Zero: 100.
	Address int
	// Lock is how long the first lock lasts. Zero: 30 seconds.
	Lock time.Duration
	// MaxLock bounds the doubling of locks. Zero: 15 minutes.
	MaxLock time.Duration
	// Entries bounds the accounts that are remembered, and the addresses and
	// the pairs as well. The one that was used least lately gives way, but never one that
	// is locked or being tried; when there is no other, new ones are refused.
	// Each takes about 250 bytes, and 16 for each failure.
	// Zero: 100,000.
	Entries int
}

// An Attempt is a login with a name and a password.
type Attempt struct {
	Account string     // the name as given; compared byte by byte
	Address netip.Addr // of the caller; the zero Addr when it is not known
	Known   bool       // it comes from a device that has logged in before
}

// An Outcome is how an admitted attempt ended.
type Outcome int

const (
	Wrong   Outcome = iota // name and password were refused
	Right                  // they were not
	Aborted                // they could not be checked; it counts neither way
)

// A Limiter counts attempts in the memory of one process. It is safe for
// concurrent use.
type Limiter struct {
	numbers Numbers
	seed    maphash.Seed

	mu        sync.Mutex
	start     time.Time // of the first attempt
	seen      int64     // the latest instant, in nanoseconds since start
	pairs     table
	accounts  table
	addresses table
	homes     table // IPv6 networks that addresses lie in
	sites     table
	waiting   int // attempts that wait, of all
}

// New returns a Limiter.
func New(n Numbers) *Limiter {
	n = n.OrDefaults()
	l := &Limiter{numbers: n, seed: maphash.MakeSeed()}
	l.pairs.init(n, n.Pair)
	l.accounts.init(n, n.Account)
	l.addresses.init(n, n.Address)
	l.homes.init(n, networks.HomeFactor*n.Address)
	l.sites.init(n, networks.SiteFactor*n.Address)
	return l
}

// OrDefaults returns the numbers with what is documented in place of zeros.
func (n Numbers) OrDefaults() Numbers {
	n.Window = orElse(n.Window, 15*time.Minute)
	n.Pair = orElse(n.Pair, 10)
	n.Account = orElse(n.Account, 20)
	n.Address = orElse(n.Address, 100)
	n.Lock = orElse(n.Lock, 30*time.Second)
	n.MaxLock = max(n.Lock, orElse(n.MaxLock, 15*time.Minute))
	n.Entries = orElse(n.Entries, 100_000)
	return n
}

func orElse[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// A verdict is what becomes of an attempt.
type verdict int

const (
	refused  verdict = iota // for now
	admitted                // it runs
	later                   // nobody knows before one of those that run has ended
)

// Admit reports whether an attempt may run now: not where only the ends of others
// will tell. For one that may Done must be called; where that never happens the
// attempt is given up when a Window has gone by.
//
// Instants may come out of order; a clock that is put back stands still until it
// is where it was.
func (l *Limiter) Admit(now time.Time, a Attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, _ := l.ask(l.instant(now), l.sides(a))
	return v == admitted
}

// ask tells what becomes of an attempt, and counts it where it is admitted. With
// later comes an entry that has attempts running.
func (l *Limiter) ask(now int64, sides []side) (verdict, *entry) {
	var stuck *entry
	for _, s := range sides {
		switch v, e := s.table.ask(now, s.key); {
		case v == refused:
			return refused, nil
		case v == later && stuck == nil:
			stuck = e
		}
	}
	if stuck != nil {
		return later, stuck
	}
	for _, s := range sides {
		s.table.begin(now, s.key)
	}
	return admitted, nil
}

// Done tells how an admitted attempt ended.
func (l *Limiter) Done(now time.Time, a Attempt, outcome Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.instant(now)
	sides := l.sides(a)
	for _, s := range sides {
		s.table.end(t, s, outcome, a)
	}
	for _, s := range sides {
		if at := s.table.entries[s.key]; at != nil {
			l.letIn(t, at.Value.(*entry))
		}
	}
}

// A side of an attempt is what one table counts of it.
type side struct {
	table *table
	key   uint64
	// other is what a right password takes back by: the address where an
	// account or a pair is counted, the account where an address is. Zero:
	// not known.
	other uint64
}

// sides are the pair, the account and, where they are known, the address and the
// networks around it.
func (l *Limiter) sides(a Attempt) []side {
	account, address := l.account(a), l.network(networks.Of(a.Address))
	site := l.network(networks.Within(a.Address, 32, networks.Site))
	pair := maphash.Comparable(l.seed, [2]uint64{account, site})
	all := []side{{&l.pairs, pair, address}, {&l.accounts, account, address}}
	if address != 0 {
		all = append(all, side{&l.addresses, address, account})
	}
	if a.Address.Unmap().Is6() {
		home := l.network(networks.Within(a.Address, 32, networks.Home))
		all = append(all, side{&l.homes, home, account}, side{&l.sites, site, account})
	}
	return all
}

// Len is the number of accounts and of addresses that are remembered.
func (l *Limiter) Len() (accounts, addresses int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accounts.entries), len(l.addresses.entries)
}

func (l *Limiter) instant(now time.Time) int64 {
	if l.start.IsZero() {
		l.start = now
	}
	l.seen = max(l.seen, int64(now.Sub(l.start)))
	return l.seen
}

// account hashes the account with a secret of this process.
func (l *Limiter) account(a Attempt) uint64 {
	type device struct {
		account string
		known   bool
	}
	return maphash.Comparable(l.seed, device{a.Account, a.Known})
}

// network hashes a network likewise: to 0 where it is not known.
func (l *Limiter) network(p netip.Prefix) uint64 {
	if !p.IsValid() {
		return 0
	}
	return max(1, maphash.Comparable(l.seed, p))
}
