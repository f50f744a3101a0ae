package durin

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin/internal/header"
)

// Every middleware of a Guard makes sure by itself that the caller's token was
// checked, once for a request however many there are: there is none to forget.

// Authenticate checks the token of each request. A bad one is answered with 401;
// a request without one goes on as anonymous: SessionFrom gives nil. It is for
// routes that serve everybody and know who asks.
func (g *Guard) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, r, ok := g.identify(w, r); ok {
			next.ServeHTTP(w, r)
		}
	})
}

// Require lets requests with a good token through, and answers others with 401,
// or 503 when the token could not be checked. SessionFrom tells the handler who
// asks.
func (g *Guard) Require(next http.Handler) http.Handler {
	return g.enforce(Rules{})(next)
}

// identify checks the request's token, unless that was done. When it returns
// false the answer is written.
func (g *Guard) identify(w http.ResponseWriter, r *http.Request) (*identity, *http.Request, bool) {
	ctx := r.Context()
	if id := identityFrom(ctx, g); id != nil {
		return id, r, true
	}
	id, err := g.identityOf(ctx, r)
	if err != nil {
		g.DropCookie(w, r, err)
		g.Fail(w, r, err)
		return nil, r, false
	}
	return id, r.WithContext(context.WithValue(ctx, identityKey{}, id)), true
}

// identityOf finds out who asks: by the Authorization header, or, where it has no
// token for us, by the cookie. A token that travels in another way than its
// client's is refused.
func (g *Guard) identityOf(ctx context.Context, r *http.Request) (*identity, error) {
	token, err := g.tokenOf(r)
	if err != nil {
		return nil, err
	}
	arrived := byHeader
	var two error
	if token == "" {
		if token, two = g.cookieOf(r); token == "" && two == nil {
			return &g.anonymous, nil
		}
		if err := g.CheckOrigin(r); err != nil {
			return nil, err
		}
		arrived = byCookie
	}
	var c *checked
	if two == nil {
		c, err = g.check(ctx, token)
	} else {
		c, err = g.checkTwins(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	if c.transport != arrived {
		return nil, g.tally.misplaced()
	}
	return &c.identity, nil
}

// Check checks the token of r as the middleware does, for programs that are not
// built of handlers: a copy of the session, or nil for a request without a token.
// A request that went through the middleware is not checked again: Check tells what
// that has found, however long ago. See Recheck.
func (g *Guard) Check(r *http.Request) (*Session, error) {
	ctx := r.Context()
	if id := identityFrom(ctx, g); id != nil {
		return id.session.clone(), nil
	}
	id, err := g.identityOf(ctx, r)
	if err != nil {
		return nil, err
	}
	return id.session.clone(), nil
}

// Recheck checks the token of r anew, whatever the middleware has found: for handlers
// that outlast a session, like those of WebSockets and server-sent events, which
// call it at intervals and end when it returns an error, or nil for a request that
// had a token. It costs what a check costs, and counts as a use: with
// Client.Sliding the session does not run out as long as it is called.
func (g *Guard) Recheck(r *http.Request) (*Session, error) {
	id, err := g.identityOf(r.Context(), r)
	if err != nil {
		return nil, err
	}
	return id.session.clone(), nil
}

// tokenOf returns the token in the Authorization header: "" without an error
// when there is none for us, as in django-rest-durin. Of two headers that differ
// none counts: a proxy in front may have looked at the other one.
func (g *Guard) tokenOf(r *http.Request) (string, error) {
	value, ok := header.Single(r.Header["Authorization"])
	if !ok {
		return "", errBadHeader
	}
	scheme, rest := cutField(value)
	if !g.knowsScheme(scheme) {
		return "", nil
	}
	token, rest := cutField(rest)
	if token == "" {
		return "", errEmptyHeader
	}
	if more, _ := cutField(rest); more != "" {
		return "", errSpacedHeader
	}
	return token, nil
}

func (g *Guard) knowsScheme(scheme string) bool {
	for _, s := range g.opt.Schemes {
		if len(s) == len(scheme) && strings.EqualFold(s, scheme) {
			return true
		}
	}
	return false
}

// cutField splits off the first run of bytes that are no ASCII blanks.
func cutField(s string) (field, rest string) {
	start := 0
	for start < len(s) && isBlank(s[start]) {
		start++
	}
	end := start
	for end < len(s) && !isBlank(s[end]) {
		end++
	}
	return s[start:end], s[end:]
}

// isBlank reports the bytes that Python's bytes.split takes for blanks.
func isBlank(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

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

// identity is what a request's context bears once its token was checked.
type identity struct {
	guard   *Guard
	session *Session // nil: nobody; shared, and never given away
	checked *checked // nil: nobody
}

type identityKey struct{}

// SessionFrom returns a copy of the session of the request's token, which a
// Guard's middleware has put into ctx, or nil: the caller is anonymous, or no
// middleware ran. Who changes it changes nothing for anybody else.
func SessionFrom(ctx context.Context) *Session {
	return sessionFrom(ctx, &Session{Client: new(Client)})
}

// The functions that return a Session of the caller's own are one line, which makes
// what it is copied to and becomes part of the caller: where that keeps nothing of
// it, nothing is allocated.

func sessionFrom(ctx context.Context, own *Session) *Session {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok {
		return id.session.copyTo(own)
	}
	return nil
}

func identityFrom(ctx context.Context, g *Guard) *identity {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok && id.guard == g {
		return id
	}
	return nil
}

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
	protos := forwardedValues(r.Header["Forwarded"], "proto")
	protos = append(protos, strings.Split(strings.Join(r.Header["X-Forwarded-Proto"], ","), ",")...)
	for i := range protos {
		protos[i] = strings.ToLower(strings.TrimSpace(protos[i]))
	}
	protos = slices.Compact(slices.DeleteFunc(protos, func(proto string) bool { return proto == "" }))
	if len(protos) == 1 && (protos[0] == "https" || protos[0] == "http") {
		return protos[0]
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

// maxTwins bounds how many cookies of the name that differ are looked at. A request
// with more of them is refused.
const maxTwins = 8

// cookiesOf returns the tokens in all cookies of the name, each once, or one more
// than maxTwins of them.
func (g *Guard) cookiesOf(r *http.Request) (tokens []string) {
	for _, line := range r.Header["Cookie"] {
		for line != "" && len(tokens) <= maxTwins {
			var value string
			var ours bool
			if value, ours, line = g.cutCookie(line); ours && value != "" && !slices.Contains(tokens, value) {
				tokens = append(tokens, value)
			}
		}
	}
	return tokens
}

// hasTwins reports whether a browser may keep several cookies of the name, of
// different paths and domains, for one host. Of a name that begins with __Host- it
// keeps one.
func (g *Guard) hasTwins() bool { return !strings.HasPrefix(g.opt.CookieName, "__Host-") }

// checkTwins is check for a request with several cookies of the name that differ.
// One whose token is dead says nothing: a browser sends it on after the sign-in that
// took its place, where it was set with a domain or path of its own, and nobody but
// the browser can take it away. But of two that are good one may be a sibling host's:
// none counts, unless both are of one session.
func (g *Guard) checkTwins(ctx context.Context, r *http.Request) (*checked, error) {
	tokens := g.cookiesOf(r)
	if !g.hasTwins() || len(tokens) > maxTwins {
		return nil, errTwoCookies
	}
	var found *checked
	var dead error
	for _, token := range tokens {
		c, err := g.check(ctx, token)
		switch {
		case err == nil && c.transport != byCookie:
			dead = g.tally.misplaced()
		case err == nil && found != nil && found.session.ID != c.session.ID:
			return nil, errTwoCookies
		case err == nil:
			found = c
		case AsError(err).Status != http.StatusUnauthorized:
			return nil, err
		default:
			dead = err
		}
	}
	if found == nil {
		return nil, dead
	}
	return found, nil
}

// Supersede ends the sessions of the owner of s, s aside, whose tokens r bears in
// cookies: call it when s was issued to the browser that sent r, before SetCookie. A
// browser keeps a cookie that was set with a domain or a path of its own beside that
// of SetCookie, and two that are good are refused. With a CookieName that begins with
// __Host- there is one cookie, and nothing to do.
func (g *Guard) Supersede(r *http.Request, s *Session) error {
	if !g.hasTwins() || g.CheckOrigin(r) != nil {
		return nil
	}
	tokens := g.cookiesOf(r)
	for _, token := range tokens[:min(len(tokens), maxTwins)] {
		if !g.form.possible(token) {
			continue
		}
		old := g.liveSession(r.Context(), token)
		if old == nil || old.UserID != s.UserID || old.ID == s.ID || !old.Client.Cookie {
			continue
		}
		if err := g.LogOut(r.Context(), old.clone()); err != nil && !errors.Is(err, ErrInvalidToken) {
			return err
		}
	}
	return nil
}
