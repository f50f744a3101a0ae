package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/header"
	"github.com/durin-go/durin/internal/span"
)

// identityHeaders are the names of the headers that tell an application who
// asks, in canonical form.
type identityHeaders struct{ userID, user, client, session, expiry string }

func identityHeadersWith(prefix string) identityHeaders {
	name := func(part string) string { return http.CanonicalHeaderKey(prefix + part) }
	return identityHeaders{name("User-Id"), name("User"), name("Client"), name("Session"), name("Expiry")}
}

// Verify is the handler of verify and verify-headers alone, for an address or a
// socket that only the proxy reaches: with Options.VerifyApart they are there and
// nowhere else, so that nobody but the proxy can write rules.
func (h *Handler) Verify() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rt := h.matchProxy(r.URL.Path)
		if rt == nil {
			rt = h.nowhere
		}
		rt.ServeHTTP(w, r)
	})
}

// matchProxy finds the routes for proxies.
func (h *Handler) matchProxy(path string) *route {
	rest, ok := strings.CutPrefix(path, h.opt.Prefix+"/")
	if !ok {
		return nil
	}
	if strings.TrimSuffix(rest, "/") == "verify" {
		return h.asked
	}
	if behind, ok := strings.CutPrefix(rest, "verify-headers"); ok && (behind == "" || behind[0] == '/') {
		return h.byPath
	}
	return nil
}

// verify answers a reverse proxy that asks whether a request may pass, whatever
// its method: the rules are in the query, which the proxy's configuration
// writes. The caller cannot: it does not make this request.
func (h *Handler) verify(w http.ResponseWriter, r *http.Request) {
	if isCallersQuery(r) {
		h.guard.Fail(w, r, errCallersQuery)
		return
	}
	rules, err := h.rules.of(r.URL.RawQuery)
	h.answerProxy(w, r, rules, err, "", nil)
}

var errCallersQuery = &durin.Error{Status: http.StatusInternalServerError, Setup: true,
	Detail: "The proxy passes on its caller's query in the place of rules: write a question mark behind verify."}

// isCallersQuery reports a query that is the one of the caller's request. Some
// proxies keep it where the configuration names a path alone, and then everybody
// could write rules.
func isCallersQuery(r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return false
	}
	for _, name := range [...]string{"X-Forwarded-Uri", "X-Original-Uri"} {
		for _, uri := range r.Header[name] {
			if _, query, _ := strings.Cut(uri, "?"); query == r.URL.RawQuery {
				return true
			}
		}
	}
	return false
}

// verifyByHeaders is verify for proxies that keep the caller's method and path,
// query and all, behind a prefix: the rules are in headers, which the proxy must
// set or remove.
func (h *Handler) verifyByHeaders(w http.ResponseWriter, r *http.Request) {
	rules, err := h.rules.ofHeaders(r.Header)
	h.answerProxy(w, r, rules, err, r.Method, ruleNames)
}

// answerProxy answers with 200 and who asks, or what to tell the caller instead.
// Method is the caller's where the proxy keeps it; allowed are the headers that
// have rules.
func (h *Handler) answerProxy(w http.ResponseWriter, r *http.Request, rules *proxyRules, err error, method string, allowed map[string]string) {
	if err != nil {
		h.guard.Fail(w, r, err)
		return
	}
	if name := h.claim(r.Header, allowed); name != "" {
		h.refuse(w, r, rules, errClaim(name))
		return
	}
	if len(r.Header["Cookie"]) > 0 || h.opt.SignInURL != "" || rules.preflight {
		r = asAsked(r, method)
	}
	if rules.preflight && r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0 {
		h.tell(w.Header(), nil)
		return
	}
	s, err := h.guard.Permit(w, r, rules.Rules)
	if err != nil {
		h.refuse(w, r, rules, err)
		return
	}
	h.tell(w.Header(), s)
	w.WriteHeader(http.StatusOK)
}

// asAsked is r with the method and host that the caller used: what an origin is
// compared with. A method that the proxy does not tell, or that is told in two
// ways, may change something: the caller may have added one of them.
func asAsked(r *http.Request, method string) *http.Request {
	asked := *r
	told := append([]string{method}, r.Header["X-Forwarded-Method"]...)
	told = append(told, r.Header["X-Original-Method"]...)
	told = slices.DeleteFunc(told, func(m string) bool { return m == "" })
	asked.Method = http.MethodPost
	if same := slices.Compact(told); len(same) == 1 {
		asked.Method = same[0]
	}
	switch host, ok := header.Single(r.Header["X-Forwarded-Host"]); {
	case !ok:
		asked.Host = "two.invalid" // no page's: the caller may have added one of them
	case host != "":
		asked.Host = host
	}
	return &asked
}

// tell sets who asks. All headers are there for anonymous callers too, empty, so
// that a proxy that copies them overwrites what the caller sent.
func (h *Handler) tell(to http.Header, s *durin.Session) {
	names := &h.identity
	if s == nil {
		for _, name := range []string{names.userID, names.user, names.client, names.session, names.expiry} {
			to[name] = []string{""}
		}
		return
	}
	values := [...]string{headerText(s.UserID), headerText(s.UserName), headerText(s.Client.Name), strconv.FormatInt(s.ID, 10), "never"}
	if !s.ExpiresAt.IsZero() {
		values[4] = span.Writable(s.ExpiresAt, time.UTC).Format(time.RFC3339Nano)
	}
	to[names.userID], to[names.user], to[names.client] = values[0:1:1], values[1:2:2], values[2:3:3]
	to[names.session], to[names.expiry] = values[3:4:4], values[4:5:5]
}

// headerText percent-encodes what a header cannot hold as it is: all but the
// printable ASCII characters without blank and percent sign.
func headerText(s string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '%' }
	odd := 0
	for i := range len(s) {
		if !plain(s[i]) {
			odd++
		}
	}
	if odd == 0 {
		return s
	}
	const digits = "0123456789ABCDEF"
	text := make([]byte, 0, len(s)+2*odd)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			text = append(text, c)
		} else {
			text = append(text, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(text)
}

// refuse answers with err, or sends a person who has opened a page to sign in.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, rules *proxyRules, err error) {
	if rules.in403 {
		told := &refusal{ResponseWriter: w}
		defer told.finish()
		w = told
	}
	if durin.AsError(err).Status != http.StatusUnauthorized || !h.isNavigation(r) {
		h.guard.Fail(w, r, err)
		return
	}
	w.Header().Set("Location", h.signIn(r))
	if rules.keep401 {
		h.guard.Fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusFound)
}

// isNavigation reports a page that is opened in a browser where a sign-in page is
// set. Over plain HTTP browsers send no Sec-Fetch-Mode, but scripts that ask for a
// part of a page say so in X-Requested-With.
func (h *Handler) isNavigation(r *http.Request) bool {
	if h.opt.SignInURL == "" || r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	if strings.EqualFold(r.Header.Get("X-Requested-With"), "XMLHttpRequest") {
		return false
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode == "" || mode == "navigate"
}

// askedURI is the path and query that the caller asked for. Some proxies tell the
// whole address, of an HTTP/2 request at least: its host must be the caller's.
func askedURI(r *http.Request) string {
	uri, ok := header.Single(r.Header["X-Forwarded-Uri"])
	if uri == "" && ok {
		uri, _ = header.Single(r.Header["X-Original-Uri"])
	}
	scheme, rest, whole := strings.Cut(uri, "://")
	if !whole || !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		return uri
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if !strings.EqualFold(rest[:end], r.Host) {
		return ""
	}
	if rest = rest[end:]; !strings.HasPrefix(rest, "/") {
		return "/" + rest
	}
	return rest
}

// signIn is the address of the sign-in page, with the one to return to as next,
// if it is on the same host or one of those that are allowed: without its query if it
// is too long with it.
func (h *Handler) signIn(r *http.Request) string {
	scheme := r.Header.Get("X-Forwarded-Proto")
	if scheme != "http" {
		scheme = "https"
	}
	uri := askedURI(r)
	path := strings.HasPrefix(uri, "/") && !strings.ContainsFunc(uri, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' })
	next := uri
	if isPath(h.opt.SignInURL) {
		path = path && !strings.HasPrefix(uri, "//")
	} else {
		path = path && slices.Contains(h.opt.ReturnTo, strings.ToLower(r.Host))
		next = scheme + "://" + strings.ToLower(r.Host) + uri
	}
	if !path {
		return h.opt.SignInURL
	}
	separator := "?"
	if strings.Contains(h.opt.SignInURL, "?") {
		separator = "&"
	}
	to := h.opt.SignInURL + separator + "next="
	escaped := url.QueryEscape(next)
	if query := strings.IndexByte(next, '?'); query >= 0 && len(to)+len(escaped) > maxLocation {
		escaped = url.QueryEscape(next[:query])
	}
	if len(to)+len(escaped) > maxLocation {
		return h.opt.SignInURL
	}
	return to + escaped
}

// maxLocation bounds the address of the sign-in page with the one to return to, in
// bytes. Servers and proxies refuse request lines of more than 8 KiB: who was sent to
// a longer one could not sign in.
const maxLocation = 7 << 10
