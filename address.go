package durin

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Address returns the caller's network address: the peer's, or, when the peer is
// one of the TrustedProxies, what the Forwarded (RFC 7239) or X-Forwarded-For
// header says, read from the right as far as proxies are trusted. A proxy that
// writes one of them may pass on what a caller wrote into the other: where both
// are there and tell different addresses, neither is believed, and the peer's
// counts. A peer on this host that sends one of them, and is none of the
// TrustedProxies, is a proxy that was not named: its callers' addresses are unknown.
// The zero Addr means unknown.
func (g *Guard) Address(r *http.Request) netip.Addr {
	peer := parseAddress(r.RemoteAddr)
	standard, old := r.Header["Forwarded"], r.Header["X-Forwarded-For"]
	if !g.trusts(peer) {
		g.tellOfProxy(r, peer)
		if peer.IsLoopback() && len(standard)+len(old) > 0 {
			return netip.Addr{} // as the address of all of its callers, one of them would lock out all
		}
		return peer
	}
	switch {
	case len(standard) == 0:
		return g.firstUntrusted(peer, strings.Split(strings.Join(old, ","), ","))
	case len(old) == 0:
		return g.firstUntrusted(peer, forwardedValues(standard, "for"))
	}
	a := g.firstUntrusted(peer, forwardedValues(standard, "for"))
	if a == g.firstUntrusted(peer, strings.Split(strings.Join(old, ","), ",")) {
		return a
	}
	g.unclear.Do(func() {
		g.log.Warn("a trusted proxy sent Forwarded and X-Forwarded-For with different addresses, so its own counts for its callers; let it remove the header that it does not write", "proxy", peer)
	})
	return peer
}

// tellOfProxy warns once of a peer that looks like a proxy of one's own and is none of
// the TrustedProxies.
func (g *Guard) tellOfProxy(r *http.Request, peer netip.Addr) {
	if !peer.IsLoopback() && !peer.IsPrivate() && !peer.IsLinkLocalUnicast() || len(r.Header["X-Forwarded-For"]) == 0 && len(r.Header["Forwarded"]) == 0 {
		return
	}
	g.untrusted.Do(func() {
		g.log.Warn("a proxy tells of its callers' addresses and is not believed: all of them are one caller to the limits; name it in trusted-proxies (Options.TrustedProxies)", "proxy", peer)
	})
}

// firstUntrusted goes through hops from the right, behind peer, as far as they
// are proxies that are trusted. Where one cannot be read, nothing to the left of
// it can be believed.
func (g *Guard) firstUntrusted(peer netip.Addr, hops []string) netip.Addr {
	for _, text := range slices.Backward(hops) {
		hop := parseAddress(strings.TrimSpace(text))
		if !hop.IsValid() {
			return peer
		}
		peer = hop
		if !g.trusts(hop) {
			return hop
		}
	}
	return peer
}

// Scheme returns how the caller reaches this server, "https" or "http": by the
// connection, or, when the peer is one of the TrustedProxies, by what
// X-Forwarded-Proto or the proto of Forwarded (RFC 7239) says. Where those tell
// both, or anything else, the connection counts.
func (g *Guard) Scheme(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if !g.trusts(parseAddress(r.RemoteAddr)) {
		return scheme
	}
	told := forwardedValues(r.Header["Forwarded"], "proto")
	told = append(told, strings.Split(strings.Join(r.Header["X-Forwarded-Proto"], ","), ",")...)
	for i := range told {
		told[i] = strings.ToLower(strings.TrimSpace(told[i]))
	}
	told = slices.Compact(slices.DeleteFunc(told, func(proto string) bool { return proto == "" }))
	if len(told) == 1 && (told[0] == "https" || told[0] == "http") {
		return told[0]
	}
	return scheme
}

func (g *Guard) trusts(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	for _, p := range g.opt.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parseAddress reads an address with or without a port or brackets.
func parseAddress(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// forwardedValues returns what the elements of Forwarded say of a parameter, an
// empty string for an element without it.
func forwardedValues(lines []string, parameter string) []string {
	var all []string
	for _, element := range strings.Split(strings.Join(lines, ","), ",") {
		found := ""
		for _, pair := range strings.Split(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, parameter) {
				found = strings.Trim(value, `"`)
			}
		}
		all = append(all, found)
	}
	return all
}

// origin tells where r comes from.
func (g *Guard) origin(r *http.Request) Origin {
	o := OriginFrom(r.Context())
	if o == (Origin{}) {
		o.Agent = r.UserAgent()
		if a := g.Address(r); a.IsValid() {
			o.Address = a.String()
		}
	}
	return o
}
