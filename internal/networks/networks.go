// Package networks tells which addresses are one caller for limits on callers who
// have not signed in. A customer of an IPv6 provider has a /64 at least, and as many
// of them as a /56 or a /48 has.
package networks

import "net/netip"

// Of is the network of an address: the address itself, or the /64 of an IPv6 one.
// The zero Prefix stands for an address that is not known.
func Of(a netip.Addr) netip.Prefix { return Within(a, 32, 64) }

// Home and Site are the lengths of the IPv6 networks that count together, too.
const (
	Home = 56
	Site = 48
)

// HomeFactor and SiteFactor tell how many times as much as a /64 a whole Home and a
// whole Site may do.
const (
	HomeFactor = 4
	SiteFactor = 16
)

// Within is the network of a length around an address, by its family.
func Within(a netip.Addr, four, six int) netip.Prefix {
	a = a.Unmap().WithZone("")
	length := four
	if a.Is6() {
		length = six
	}
	p, _ := a.Prefix(length) // fails where nothing is known
	return p
}
