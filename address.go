package durin

import (
	"net/http"
	"net/netip"
	"strings"
)

// Address returns the caller's network address: the peer's, or, when the peer is
// one of the TrustedProxies, what the Forwarded (RFC 7239) or X-Forwarded-For
// header says, read from the right as far as proxies are trusted. The zero Addr
// means unknown.
func (g *Guard) Address(r *http.Request) netip.Addr {
	peer := parseAddress(r.RemoteAddr)
	if !g.trusts(peer) {
		return peer
	}
	var hops []string
	if values := r.Header["Forwarded"]; len(values) > 0 {
		hops = forwardedFor(values)
	} else {
		hops = strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	}
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseAddress(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			return peer // what stands further left cannot be believed
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
