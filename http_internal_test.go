package durin

import (
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	var log strings.Builder
	g := &Guard{log: slog.New(slog.NewTextHandler(&log, nil)), opt: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
	for name, c := range map[string]struct {
		peer, forwarded, xff string
		want                 string
	}{
		"a direct peer":                 {"192.0.2.1:5", "", "", "192.0.2.1"},
		"a direct peer is not believed": {"192.0.2.1:5", "for=198.51.100.7", "198.51.100.7", "192.0.2.1"},
		"a trusted proxy":               {"10.0.0.1:5", "", "198.51.100.7", "198.51.100.7"},
		"the right-most untrusted":      {"10.0.0.1:5", "", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		"a forged first hop":            {"10.0.0.1:5", "", "10.9.9.9, 198.51.100.7", "198.51.100.7"},
		"only proxies":                  {"10.0.0.1:5", "", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		"no header":                     {"10.0.0.1:5", "", "", "10.0.0.1"},
		"rubbish":                       {"10.0.0.1:5", "", "rubbish", "10.0.0.1"},
		"rubbish left of a hop":         {"10.0.0.1:5", "", "x, 198.51.100.7", "198.51.100.7"},
		"rubbish right of a hop":        {"10.0.0.1:5", "", "198.51.100.7, x", "10.0.0.1"},
		"RFC 7239":                      {"10.0.0.1:5", `for=203.0.113.9;proto=https, For="[2001:db8::1]:4711";by=10.0.0.1`, "", "2001:db8::1"},
		"RFC 7239 without a for":        {"10.0.0.1:5", `proto=https`, "", "10.0.0.1"},
		"both say the same":             {"10.0.0.1:5", `for=9.9.9.9, for="[::ffff:198.51.100.7]:80"`, "198.51.100.7, 10.0.0.2", "198.51.100.7"},
		"a caller's Forwarded":          {"10.0.0.1:5", "for=6.6.6.6", "198.51.100.7", "10.0.0.1"},
		"a caller's X-Forwarded-For":    {"10.0.0.1:5", "for=198.51.100.7", "6.6.6.6", "10.0.0.1"},
		"a caller's Forwarded, rubbish": {"10.0.0.1:5", "x", "198.51.100.7", "10.0.0.1"},
		"a caller as a proxy":           {"10.0.0.1:5", "for=10.0.0.2", "198.51.100.7", "10.0.0.1"},
		"an open quote":                 {"10.0.0.1:5", `for="6.6.6.6, for=198.51.100.7`, "", "198.51.100.7"},
		"RFC 7239 with a hidden node":   {"10.0.0.1:5", `for=203.0.113.9, for=_hidden`, "", "10.0.0.1"},
		"a mapped address":              {"[::ffff:192.0.2.1]:5", "", "", "192.0.2.1"},
		"a loopback proxy on IPv6":      {"[::1]:5", "", "2001:db8::2", "2001:db8::2"},
		"no peer at all":                {"@", "", "", "invalid IP"},
		"a direct peer on this host":    {"127.0.0.1:5", "", "", "127.0.0.1"},
		"a proxy that is not named":     {"127.0.0.1:5", "", "198.51.100.7", "invalid IP"},
		"the same with RFC 7239":        {"127.0.0.1:5", "for=198.51.100.7", "", "invalid IP"},
		"a port behind the hop":         {"10.0.0.1:5", "", "198.51.100.7:1234", "198.51.100.7"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("Forwarded", c.forwarded)
		}
		if c.xff != "" {
			r.Header.Set("X-Forwarded-For", c.xff)
		}
		if got := g.Address(r).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if text := log.String(); strings.Count(text, "let it remove") != 1 || !strings.Contains(text, "proxy=10.0.0.1") || strings.Contains(text, "6.6.6.6") {
		t.Errorf("the log tells %q", text)
	}
	if text := log.String(); strings.Count(text, "name it in trusted-proxies") != 1 || !strings.Contains(text, "proxy=127.0.0.1") || strings.Contains(text, "198.51.100.7") {
		t.Errorf("the log tells %q", text)
	}
}

// TestUntrustedProxy: who forgets to name the proxy is told once, and no stranger
// brings it about.
func TestUntrustedProxy(t *testing.T) {
	for name, c := range map[string]struct {
		peer, header string
		told         bool
	}{
		"a proxy on this host":            {"127.0.0.1:5", "X-Forwarded-For", true},
		"a proxy on the network":          {"172.17.0.2:5", "Forwarded", true},
		"a proxy on an IPv6 network":      {"[fd00::2]:5", "X-Forwarded-For", true},
		"a proxy that is trusted":         {"10.0.0.1:5", "X-Forwarded-For", false},
		"a stranger":                      {"192.0.2.1:5", "X-Forwarded-For", false},
		"a program on this host":          {"127.0.0.1:5", "X-Other", false},
		"a proxy whose address is hidden": {"@", "X-Forwarded-For", false},
	} {
		var log strings.Builder
		g := &Guard{log: slog.New(slog.NewTextHandler(&log, nil)), opt: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
		for range 3 {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			r.Header.Set(c.header, "198.51.100.7")
			want := parseAddress(c.peer)
			if want.IsLoopback() && c.told {
				want = netip.Addr{} // of whom is not known
			}
			if got := g.Address(r); c.told && got != want {
				t.Errorf("%s: counts as %s", name, got)
			}
		}
		want := 0
		if c.told {
			want = 1
		}
		if text := log.String(); strings.Count(text, "level=WARN") != want || strings.Contains(text, "198.51.100.7") {
			t.Errorf("%s: the log tells %q", name, text)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add(`for="[2001:db8::1]:4711", for=_x`, "1.2.3.4, x")
	g := &Guard{log: slog.New(slog.DiscardHandler), opt: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}}
	f.Fuzz(func(t *testing.T, forwarded, xff string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		r.Header["Forwarded"], r.Header["X-Forwarded-For"] = []string{forwarded}, []string{xff}
		if !g.Address(r).IsValid() {
			t.Error("no address though the peer is known")
		}
	})
}

func TestTokenOf(t *testing.T) {
	g := &Guard{opt: Options{Schemes: []string{"Token", "Bearer"}}}
	for header, c := range map[string]struct {
		token string
		err   error
	}{
		"Token abc":         {"abc", nil},
		"token abc":         {"abc", nil},
		"BEARER abc":        {"abc", nil},
		" \t Token \t abc ": {"abc", nil},
		"Token\vabc":        {"abc", nil},
		"":                  {"", nil},
		"abc":               {"", nil},
		"Tokenabc":          {"", nil},
		"Token: abc":        {"", nil},
		"Basic abc":         {"", nil},
		"Token":             {"", errEmptyHeader},
		"Token  ":           {"", errEmptyHeader},
		"Token a b":         {"", errSpacedHeader},
		"Token a b c":       {"", errSpacedHeader},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = []string{header}
		if token, err := g.tokenOf(r); token != c.token || err != c.err {
			t.Errorf("%q: %q, %v", header, token, err)
		}
	}
	if token, err := g.tokenOf(httptest.NewRequest("GET", "/", nil)); token != "" || err != nil {
		t.Errorf("no header: %q, %v", token, err)
	}
}

// Whether the caller came by TLS is told by the connection or by a proxy that is
// trusted, and by nobody else.
func TestScheme(t *testing.T) {
	g := &Guard{opt: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for name, c := range map[string]struct {
		peer, url, forwarded string
		proto                []string
		want                 string
	}{
		"plain":                       {"192.0.2.1:5", "http://a/", "", nil, "http"},
		"TLS":                         {"192.0.2.1:5", "https://a/", "", nil, "https"},
		"a caller says https":         {"192.0.2.1:5", "http://a/", "proto=https", []string{"https"}, "http"},
		"a caller says http":          {"192.0.2.1:5", "https://a/", "", []string{"http"}, "https"},
		"a proxy says https":          {"10.0.0.1:5", "http://a/", "", []string{"HTTPS "}, "https"},
		"a proxy says http":           {"10.0.0.1:5", "https://a/", "", []string{"http"}, "http"},
		"a proxy says nothing":        {"10.0.0.1:5", "http://a/", "", nil, "http"},
		"RFC 7239":                    {"10.0.0.1:5", "http://a/", `for=192.0.2.1;proto="https"`, nil, "https"},
		"both":                        {"10.0.0.1:5", "http://a/", "proto=https", []string{"https, https"}, "https"},
		"a caller's second header":    {"10.0.0.1:5", "http://a/", "", []string{"https", "http"}, "http"},
		"a caller's Forwarded":        {"10.0.0.1:5", "http://a/", "proto=https", []string{"http"}, "http"},
		"a scheme that is none of us": {"10.0.0.1:5", "http://a/", "", []string{"javascript"}, "http"},
	} {
		r := httptest.NewRequest("GET", c.url, nil)
		r.RemoteAddr, r.Header["X-Forwarded-Proto"] = c.peer, c.proto
		if c.forwarded != "" {
			r.Header.Set("Forwarded", c.forwarded)
		}
		if got := g.Scheme(r); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
