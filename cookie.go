package durin

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"
)

// DefaultCookie is the name of the cookie that holds a token. Browsers keep a
// cookie of such a name only when it is Secure, of one host and of every path
// (RFC 6265bis section 4.1.3.2): no sibling host can plant one.
const DefaultCookie = "__Host-durin"

// maxCookieAge is the longest that browsers keep a cookie (RFC 6265bis section
// 5.5): what a token that never expires gets.
const maxCookieAge = 400 * 24 * time.Hour

// cookieOf returns the token in the cookie of r, or "". Several cookies of the name
// that differ are errTwoCookies: one of them may be a sibling host's.
func (g *Guard) cookieOf(r *http.Request) (token string, err error) {
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var value string
			var ours bool
			if value, ours, line = g.cutCookie(line); !ours {
				continue
			}
			if token != "" && value != token {
				return "", errTwoCookies
			}
			token = value
		}
	}
	return token, nil
}

// cutCookie splits off the first cookie of a line, and tells its value if it is of
// the name.
func (g *Guard) cutCookie(line string) (value string, ours bool, rest string) {
	pair, rest, _ := strings.Cut(line, ";")
	name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
	return strings.Trim(value, `"`), name == g.opt.CookieName, rest
}

// SetCookie gives the browser the token of a client whose tokens travel in a
// cookie (Client.Cookie), for as long as s lives: HttpOnly, Secure,
// SameSite=Lax, of every path.
func (g *Guard) SetCookie(w http.ResponseWriter, token Secret, s *Session) {
	age := maxCookieAge
	if s != nil && !s.ExpiresAt.IsZero() && (s.Client == nil || s.Client.Sliding == 0) {
		age = min(age, max(time.Second, s.ExpiresAt.Sub(g.now())))
	}
	c := g.cookie(token.Reveal())
	c.MaxAge = int(age / time.Second)
	http.SetCookie(w, c)
}

// KeepCookie sets the cookie of r once more, after its session s was renewed. A
// request whose token came in a header gets none.
func (g *Guard) KeepCookie(w http.ResponseWriter, r *http.Request, s *Session) {
	if s == nil || !s.Client.Cookie {
		return
	}
	tokens := g.cookiesOf(r)
	for _, token := range tokens {
		if len(tokens) == 1 || sha256.Sum256([]byte(token)) == s.Digest {
			g.SetCookie(w, Secret(token), s)
			return
		}
	}
}

// ClearCookie takes the cookie from the browser.
func (g *Guard) ClearCookie(w http.ResponseWriter) {
	c := g.cookie("")
	c.MaxAge = -1
	http.SetCookie(w, c)
}

// DropCookie takes the cookie from the browser when its token is why r is refused with
// err, a 401, as the middleware does. The browser would send it for as long as it keeps
// it, and be refused where callers without a token are let in. Of two that are good it
// takes none: what stayed could be a sibling host's.
func (g *Guard) DropCookie(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errTwoCookies) || AsError(err).Status != http.StatusUnauthorized || len(g.cookiesOf(r)) == 0 {
		return
	}
	if token, err := g.tokenOf(r); token == "" && err == nil {
		g.ClearCookie(w)
	}
}

func (g *Guard) cookie(value string) *http.Cookie {
	return &http.Cookie{Name: g.opt.CookieName, Value: value, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
}

// CheckOrigin refuses with status 403 a request that a page of another origin
// made a browser send, by http.CrossOriginProtection, unless the origin is one of
// Options.TrustedOrigins or the method is safe. The middleware does so where the
// token came in a cookie. A WebSocket's handshake is not safe, whatever its
// method.
func (g *Guard) CheckOrigin(r *http.Request) error {
	if safe(r.Method) && opensSocket(r) {
		unsafe := *r
		unsafe.Method = http.MethodPost
		r = &unsafe
	}
	if g.origins.Check(r) != nil {
		return errCrossSite
	}
	return nil
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// opensSocket reports a request to turn the connection into something else. Some
// proxies drop Upgrade on the way to those they ask.
func opensSocket(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 || len(r.Header["Sec-Websocket-Key"]) > 0 || r.Header.Get("Sec-Fetch-Mode") == "websocket"
}
