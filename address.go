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
// counts. The zero Addr means unknown.
func (g *Guard) Address(r *http.Request) netip.Addr {
	peer := parseAddress(r.RemoteAddr)
	if !g.trusts(peer) {
		return peer
	}
	standard, old := r.Header["Forwarded"], r.Header["X-Forwarded-For"]
	switch {
	case len(standard) == 0:
		return g.firstUntrusted(peer, strings.Split(strings.Join(old, ","), ","))
	case len(old) == 0:
		return g.firstUntrusted(peer, forwardedFor(standard))
	}
	a := g.firstUntrusted(peer, forwardedFor(standard))
	if a == g.firstUntrusted(peer, strings.Split(strings.Join(old, ","), ",")) {
		return a
	}
	g.unclear.Do(func() {
		g.log.Warn("a trusted proxy sent Forwarded and X-Forwarded-For with different addresses, so its own counts for its callers; let it remove the header that it does not write", "proxy", peer)
	})
	return peer
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

// forwardedFor returns the for= nodes, an empty string for an element without
// one.
func forwardedFor(values []string) []string {
	var hops []string
	for _, element := range strings.Split(strings.Join(values, ","), ",") {
		hop := ""
		for _, pair := range strings.Split(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, "for") {
				hop = strings.Trim(value, `"`)
			}
		}
		hops = append(hops, hop)
	}
	return hops
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
