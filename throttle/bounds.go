package throttle

import (
	"hash/maphash"
	"time"

	"github.com/durin-go/durin/internal/networks"
	"github.com/durin-go/durin/internal/window"
)

// Bounds of windows: of all strangers, of one network of theirs, and of a user
// with a client.
const (
	maxStrangers   = 100_000
	perAddress     = 64
	perHome        = 256
	perSite        = 1024
	perUser        = 256
	strangersExact = 64 // a window of theirs takes 3 KB at most
)

var (
	userWindows     = window.Options[Key]{Soft: true, Owners: ownersOfUser}
	strangerWindows = window.Options[Key]{Keys: maxStrangers, Exact: strangersExact, Owners: ownersOfStranger}
)

func ownersOfUser(seed maphash.Seed, k Key) [3]window.Owner {
	type user struct {
		id     string
		client int64
	}
	return [3]window.Owner{{ID: maphash.Comparable(seed, user{k.UserID, k.ClientID}), Max: perUser}}
}

// ownersOfStranger are the network of a caller and those around it. A window that
// is itself that of a wider network is only theirs.
func ownersOfStranger(seed maphash.Seed, k Key) (all [3]window.Owner) {
	a := k.Network.Addr()
	bits, counts := [3]int{32, 24}, [3]int{perAddress, perSite}
	if a.Is6() {
		bits, counts = [3]int{64, networks.Home, networks.Site}, [3]int{perAddress, perHome, perSite}
	}
	for i, n := range bits {
		if n == 0 || n > k.Network.Bits() && a.IsValid() {
			continue
		}
		around := networks.Within(a, n, n)
		all[i] = window.Owner{ID: maphash.Comparable(seed, around), Max: counts[i]}
		if !a.IsValid() {
			break
		}
	}
	return all
}

// A Book bounds the windows that a Limiter keeps elsewhere, such as in Redis, by the
// numbers of New. It is safe for concurrent use.
type Book struct{ users, strangers *window.Limiter[Key] }

// NewBook returns an empty Book.
func NewBook() *Book {
	now := time.Now()
	return &Book{users: window.New(now, userWindows), strangers: window.New(now, strangerWindows)}
}

// Hold asks for room for the windows of limits, for the Period of each from now on.
// Where there is none it reports false, and sets Full and Wait of the states
// concerned; it sets Full, too, where all users together have more windows than
// New says.
func (b *Book) Hold(now time.Time, limits []Limit, states []State) bool {
	if len(limits) == 0 {
		return true
	}
	table := b.users
	if limits[0].Key.Anonymous() {
		table = b.strangers
	}
	asked, found := make([]window.Limit[Key], len(limits)), make([]window.State, len(limits))
	for i, limit := range limits {
		asked[i] = window.Limit[Key]{Key: limit.Key, Rate: window.Rate(limit.Rate)}
	}
	ok := table.Hold(now, asked, found)
	for i, s := range found {
		states[i].Rate, states[i].Full, states[i].Wait = limits[i].Rate, s.Full, s.Wait
	}
	return ok
}
