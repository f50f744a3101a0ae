package durin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// A token is good in the way of its client only, and a cookie only where the
// browser says that the request is of our own pages.
func TestCookieTransport(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.TrustedOrigins = []string{"https://app.example.com"} })
	g.Client(durin.Client{Name: "browser", Cookie: true})
	cookie, header := g.Token("ada", "browser").Reveal(), g.Token("ada", "cli").Reveal()
	const name = durin.DefaultCookie
	for _, c := range []struct {
		name, method string
		headers      []string
		status       int
		body         string
	}{
		{"the cookie", "GET", []string{"Cookie", name + "=" + cookie}, 200, "ada with browser"},
		{"among others", "GET", []string{"Cookie", "a=b; " + name + "=" + cookie + " ; c"}, 200, "ada with browser"},
		{"in a second line", "GET", []string{"Cookie", "a=b", "Cookie", name + "=" + cookie}, 200, "ada with browser"},
		{"in quotes", "GET", []string{"Cookie", name + `="` + cookie + `"`}, 200, "ada with browser"},
		{"two that differ", "GET", []string{"Cookie", name + "=x; " + name + "=" + cookie}, 401, "Invalid cookie header. It has two tokens."},
		{"two that differ, the good one first", "GET", []string{"Cookie", name + "=" + cookie, "Cookie", name + "=x"}, 401, "Invalid cookie header. It has two tokens."},
		{"one that is there twice", "GET", []string{"Cookie", name + "=" + cookie, "Cookie", "a=b; " + name + `="` + cookie + `"`}, 200, "ada with browser"},
		{"two headers", "GET", []string{"Authorization", "Token " + header, "Authorization", "Token x"}, 401, "Invalid token header."},
		{"two headers, the bad one first", "GET", []string{"Authorization", "Token x", "Authorization", "Token " + header}, 401, "Invalid token header."},
		{"two headers of two schemes", "GET", []string{"Authorization", "Basic eDp4", "Authorization", "Token " + header}, 401, "Invalid token header."},
		{"two headers beside a good cookie", "GET", []string{"Authorization", "Basic eDp4", "Authorization", "Basic eDp5", "Cookie", name + "=" + cookie}, 401, "Invalid token header."},
		{"a header that is there twice", "GET", []string{"Authorization", "Token " + header, "Authorization", "Token " + header}, 200, "ada with cli"},
		{"another name", "GET", []string{"Cookie", "x" + name + "=" + cookie}, 401, "not provided"},
		{"another case", "GET", []string{"Cookie", strings.ToLower(name) + "=" + cookie}, 401, "not provided"},
		{"empty", "GET", []string{"Cookie", name + "="}, 401, "not provided"},
		{"its token in a header", "GET", []string{"Authorization", "Token " + cookie}, 401, "Invalid token."},
		{"a header's token in the cookie", "GET", []string{"Cookie", name + "=" + header}, 401, "Invalid token."},
		{"the header goes first", "GET", []string{"Cookie", name + "=" + cookie, "Authorization", "Token " + header}, 200, "ada with cli"},
		{"a bad header is no leave", "GET", []string{"Cookie", name + "=" + cookie, "Authorization", "Token x"}, 401, "Invalid token."},
		{"another scheme's header", "GET", []string{"Cookie", name + "=" + cookie, "Authorization", "Basic YTpi"}, 200, "ada with browser"},
		{"POST of our page", "POST", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "same-origin"}, 200, "ada with browser"},
		{"POST by hand", "POST", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "none"}, 200, "ada with browser"},
		{"POST of no browser", "POST", []string{"Cookie", name + "=" + cookie}, 200, "ada with browser"},
		{"POST of an old browser", "POST", []string{"Cookie", name + "=" + cookie, "Origin", "https://example.com"}, 200, "ada with browser"},
		{"POST of a trusted origin", "POST", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "same-site", "Origin", "https://app.example.com"}, 200, "ada with browser"},
		{"POST of another site", "POST", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, 403, "Cross-site"},
		{"POST of a sibling", "POST", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "same-site", "Origin", "https://evil.example.com"}, 403, "Cross-site"},
		{"POST of another origin, old browser", "POST", []string{"Cookie", name + "=" + cookie, "Origin", "https://evil.test"}, 403, "Cross-site"},
		{"POST of a sandbox", "POST", []string{"Cookie", name + "=" + cookie, "Origin", "null"}, 403, "Cross-site"},
		{"DELETE of another site", "DELETE", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "cross-site"}, 403, "Cross-site"},
		{"GET of another site", "GET", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "cross-site"}, 200, "ada with browser"},
		{"a socket of a sibling", "GET", []string{"Cookie", name + "=" + cookie, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "websocket"}, 403, "Cross-site"},
		{"a socket of a sibling, old browser", "GET", []string{"Cookie", name + "=" + cookie, "Origin", "https://evil.example.com", "Upgrade", "websocket"}, 403, "Cross-site"},
		{"a socket of our page", "GET", []string{"Cookie", name + "=" + cookie, "Origin", "https://example.com", "Upgrade", "websocket"}, 200, "ada with browser"},
		{"a header's request of another site", "POST", []string{"Authorization", "Token " + header, "Sec-Fetch-Site", "cross-site"}, 200, "ada with cli"},
	} {
		r := httptest.NewRequest(c.method, "https://example.com/", nil)
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Add(c.headers[i], c.headers[i+1])
		}
		w := httptest.NewRecorder()
		g.Require(who).ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: answered %d %s, want %d %s", c.name, w.Code, w.Body, c.status, c.body)
		}
	}
}

func TestSetCookie(t *testing.T) {
	g := durintest.New(t)
	for _, c := range []struct {
		client durin.Client
		age    string
	}{
		{durin.Client{Name: "day", Cookie: true}, "; Max-Age=86400"},
		{durin.Client{Name: "never", Cookie: true, TTL: durin.Never}, "; Max-Age=34560000"},
		{durin.Client{Name: "sliding", Cookie: true, Sliding: time.Minute}, "; Max-Age=34560000"},
		{durin.Client{Name: "centuries", Cookie: true, TTL: 1000 * 24 * time.Hour}, "; Max-Age=34560000"},
	} {
		g.Client(c.client)
		issued, err := g.Issue(t.Context(), durin.IssueRequest{UserID: "ada", Client: c.client.Name})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		g.SetCookie(w, issued.Token, &issued.Session)
		want := "__Host-durin=" + issued.Token.Reveal() + "; Path=/" + c.age + "; HttpOnly; Secure; SameSite=Lax"
		if got := w.Header().Get("Set-Cookie"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.client.Name, got, want)
		}
	}
	w := httptest.NewRecorder()
	g.ClearCookie(w)
	if got, want := w.Header().Get("Set-Cookie"), "__Host-durin=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"; got != want {
		t.Errorf("cleared:\n got %s\nwant %s", got, want)
	}
}

func TestCookieOptions(t *testing.T) {
	for name, change := range map[string]func(*durin.Options){
		"name":   func(o *durin.Options) { o.CookieName = "a b" },
		"origin": func(o *durin.Options) { o.TrustedOrigins = []string{"app.example.com"} },
	} {
		o := durin.Options{Store: durintest.New(t).Store, ReuseWithoutKey: durin.PolicyReplace}
		change(&o)
		if _, err := durin.New(t.Context(), o); err == nil {
			t.Errorf("a bad %s was taken", name)
		}
	}
}

// SignedIn goes by the names that the options say.
func TestSignedInByOtherNames(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.CookieName, o.Schemes = "__Host-mine", []string{"Key", "Bearer"} })
	g.Client(durin.Client{Name: "browser", Cookie: true})
	for _, client := range []string{"web", "browser"} {
		s, err := g.Check(g.SignedIn(httptest.NewRequest("GET", "/", nil), "ada", client))
		if err != nil || s == nil || s.UserID != "ada" {
			t.Errorf("%s: %+v, %v", client, s, err)
		}
	}
}

// SignedIn goes the way of the client's tokens.
func TestSignedInByCookie(t *testing.T) {
	g := durintest.New(t)
	g.Client(durin.Client{Name: "browser", Cookie: true})
	w := httptest.NewRecorder()
	g.Require(who).ServeHTTP(w, g.SignedIn(httptest.NewRequest("GET", "/", nil), "ada", "browser"))
	if w.Code != http.StatusOK {
		t.Error(w.Code, w.Body)
	}
}

// TestDeadCookieIsTaken: a browser whose session has ended loses its cookie with the
// first 401, and gets in where nobody need sign in. Nothing else takes a cookie.
func TestDeadCookieIsTaken(t *testing.T) {
	g := durintest.New(t)
	g.Client(durin.Client{Name: "browser", Cookie: true})
	live, dead := g.Token("ada", "browser").Reveal(), g.Token("bob", "browser").Reveal()
	if _, err := g.EndToken(t.Context(), durin.Secret(dead)); err != nil {
		t.Fatal(err)
	}
	const name = durin.DefaultCookie
	permitted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := g.Permit(w, r, durin.Rules{Optional: true}); err != nil {
			g.Fail(w, r, err)
		}
	})
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		taken   bool
	}{
		{"dead", []string{"Cookie", name + "=" + dead}, 401, true},
		{"no token at all", []string{"Cookie", name + "=x"}, 401, true},
		{"dead, and a good header", []string{"Cookie", name + "=" + dead, "Authorization", "Token " + g.Token("ada", "cli").Reveal()}, 200, false},
		{"dead, and a bad header", []string{"Cookie", name + "=" + dead, "Authorization", "Token x"}, 401, false},
		{"another site's request", []string{"Cookie", name + "=" + dead, "Sec-Fetch-Site", "cross-site"}, 403, false},
		{"live", []string{"Cookie", name + "=" + live}, 200, false},
		{"a bad header", []string{"Authorization", "Token x"}, 401, false},
		{"nothing", nil, 200, false},
	} {
		for where, h := range map[string]http.Handler{"Authenticate": g.Authenticate(who), "Permit": permitted} {
			r := httptest.NewRequest("POST", "https://example.com/", nil)
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Add(c.headers[i], c.headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			taken := strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0")
			if w.Code != c.status || taken != c.taken {
				t.Errorf("%s, %s: %d, taken %v", where, c.name, w.Code, taken)
			}
		}
	}
}
