package attempts

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin/internal/networks"
)

// A Held is a lock that is in force.
type Held struct {
	Account string       // empty: all accounts, from the network
	Network netip.Prefix // not valid: from everywhere, or from where it is not known
	Known   bool         // of attempts from devices that the account knows
	// Locks is how many there were, one after the other.
	Locks int
	Until time.Time
}

// maxLabel bounds the names that are kept to be shown, in bytes.
const maxLabel = 600

// Label is the part of a name that is kept to be shown.
func Label(name string) string {
	if len(name) > maxLabel {
		name = strings.ToValidUTF8(name[:maxLabel], "")
	}
	return strings.Clone(name)
}

func (a Attempt) short() *Attempt {
	a.Account = Label(a.Account)
	return &a
}

// Held lists the locks in force at now, the last to end first.
func (l *Limiter) Held(now time.Time) []Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.instant(now)
	var all []Held
	for _, table := range []*table{&l.accounts, &l.pairs, &l.addresses, &l.homes, &l.sites} {
		for _, at := range table.entries {
			e := at.Value.(*entry)
			if e.last == nil || t >= e.until {
				continue
			}
			h := Held{Account: e.last.Account, Known: e.last.Known, Locks: e.locks, Until: l.start.Add(time.Duration(e.until))}
			switch at := e.last.Address; table {
			case &l.pairs:
				h.Network = networks.Within(at, 32, networks.Site)
			case &l.addresses:
				h.Account, h.Known, h.Network = "", false, networks.Of(at)
			case &l.homes:
				h.Account, h.Known, h.Network = "", false, networks.Within(at, 32, networks.Home)
			case &l.sites:
				h.Account, h.Known, h.Network = "", false, networks.Within(at, 32, networks.Site)
			}
			all = append(all, h)
		}
	}
	Sort(all)
	return all
}

// Lift ends the locks of an account, from everywhere and from each address, and
// forgets the failures that led to them. It returns how many it ended.
func (l *Limiter) Lift(account string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, label := 0, Label(account)
	for _, table := range []*table{&l.accounts, &l.pairs} {
		for _, at := range table.entries {
			if e := at.Value.(*entry); e.last != nil && e.last.Account == label {
				e.failures, e.locks, e.until, e.last = nil, 0, 0, nil
				n++
			}
		}
	}
	return n
}

// Sort brings locks into the order of Held.
func Sort(all []Held) {
	slices.SortFunc(all, func(a, b Held) int {
		return cmp.Or(b.Until.Compare(a.Until), strings.Compare(a.Account, b.Account), a.Network.Compare(b.Network))
	})
}
