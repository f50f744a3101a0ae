package durin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// FuzzHeaders sends any headers through the middleware, in which HEADER and
// COOKIE stand for live tokens: nobody gets in without one of them, in its way,
// a page of another origin never by the cookie, and all refusals are JSON.
func FuzzHeaders(f *testing.F) {
	const cookie = durin.DefaultCookie + "="
	for _, seed := range [][5]string{
		{"Token HEADER", "", "GET", "", ""},
		{" \tbEaReR\vHEADER ", cookie + "COOKIE", "POST", "https://evil.test", "cross-site"},
		{"Basic Og==", "a=b; " + cookie + `"COOKIE"; ` + cookie + "x", "DELETE", "null", "same-site"},
		{"Token a b", ";;=; " + cookie, "OPTIONS", "", "none"},
		{"Token", cookie + "HEADER", "HEAD", "\x00", ""},
		{"", cookie + "COOKIE", "PATCH", "https://example.com", "same-origin"},
		{"Token COOKIE", " " + cookie + " COOKIE", "GET", "", ""},
		{"Token HEADER,Token HEADER", cookie + "COOKIE,COOKIE", "GET", "", ""},
		{"Token \u212aHEADER\xff", cookie + "\"\"COOKIE\"", "POST", "HTTPS://EXAMPLE.COM.", "Same-Origin"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	g := durintest.New(f)
	g.Client(durin.Client{Name: "browser", Cookie: true})
	header, inCookie := g.Token("ada", "cli").Reveal(), g.Token("ada", "browser").Reveal()
	live := strings.NewReplacer("HEADER", header, "COOKIE", inCookie)
	h := g.Require(who)
	f.Fuzz(func(t *testing.T, authorization, cookies, method, origin, site string) {
		authorization, cookies = live.Replace(authorization), live.Replace(cookies)
		r := httptest.NewRequest(http.MethodGet, "https://example.com/", nil)
		r.Method = method
		r.Header = http.Header{"Authorization": {authorization}, "Cookie": {cookies}, "Origin": {origin}, "Sec-Fetch-Site": {site}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch body := w.Body.String(); {
		case w.Code == 200 && body == "ada with cli":
			if !strings.Contains(authorization, header) {
				t.Errorf("%q is let in", authorization)
			}
		case w.Code == 200 && body == "ada with browser":
			if !strings.Contains(cookies, inCookie) || site == "cross-site" && !strings.Contains("GET HEAD OPTIONS", method) {
				t.Errorf("%s with %q from %q is let in", method, cookies, site)
			}
		case w.Code != 401 && w.Code != 403 || !json.Valid(w.Body.Bytes()):
			t.Errorf("answered %d %s", w.Code, body)
		}
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Error("401 without WWW-Authenticate")
		}
	})
}
