package durin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
)

// who answers with the caller.
var who = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	s := durin.SessionFrom(r.Context())
	if s == nil {
		_, _ = io.WriteString(w, "nobody")
		return
	}
	_, _ = io.WriteString(w, s.UserID+" with "+s.Client.Name)
})

func ask(h http.Handler, authorization string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	h.ServeHTTP(w, r)
	return w
}

func TestMiddleware(t *testing.T) {
	g := durintest.New(t)
	web, cli := "Token "+g.Token("ada", "web").Reveal(), "bearer "+g.Token("ada", "cli").Reveal()
	const (
		missing   = `{"detail":"Authentication credentials were not provided."}`
		invalid   = `{"detail":"Invalid token."}`
		forbidden = `{"detail":"You do not have permission to perform this action."}`
	)
	for _, c := range []struct {
		name    string
		handler http.Handler
		auth    string
		status  int
		body    string
	}{
		{"require: web", g.Require(who), web, 200, "ada with web"},
		{"require: bearer", g.Require(who), cli, 200, "ada with cli"},
		{"require: nobody", g.Require(who), "", 401, missing},
		{"require: other scheme", g.Require(who), "Basic x", 401, missing},
		{"require: bad token", g.Require(who), "Token x", 401, invalid},
		{"require: no token in it", g.Require(who), "Token", 401, `{"detail":"Invalid token header. No credentials provided."}`},
		{"require: two tokens", g.Require(who), "Token a b", 401, `{"detail":"Invalid token header. Token string should not contain spaces."}`},
		{"authenticate: nobody", g.Authenticate(who), "", 200, "nobody"},
		{"authenticate: bad token", g.Authenticate(who), "Token x", 401, invalid},
		{"authenticate: web", g.Authenticate(who), web, 200, "ada with web"},
		{"no middleware at all", who, web, 200, "nobody"},
		{"allow: listed", g.AllowClients("web")(who), web, 200, "ada with web"},
		{"allow: another", g.AllowClients("web")(who), cli, 403, forbidden},
		{"allow: nobody", g.AllowClients("web")(who), "", 401, missing},
		{"allow: none listed", g.AllowClients()(who), web, 403, forbidden},
		{"allow: other case", g.AllowClients("WEB")(who), web, 403, forbidden},
		{"deny: listed", g.DenyClients("web")(who), web, 403, forbidden},
		{"deny: another", g.DenyClients("web")(who), cli, 200, "ada with cli"},
		{"deny: nobody", g.DenyClients("web")(who), "", 401, missing},
		{"deny: none listed", g.DenyClients()(who), web, 200, "ada with web"},
		{"deny: bad token", g.DenyClients("web")(who), "Token x", 401, invalid},
		{"throttle without a rate", g.Throttle()(who), "", 200, "nobody"},
	} {
		w := ask(c.handler, c.auth)
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if c.status >= 400 && w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: Content-Type %q", c.name, w.Header().Get("Content-Type"))
		}
	}
}

func TestChallenges(t *testing.T) {
	g := durintest.New(t)
	web := "Token " + g.Token("ada", "web").Reveal()
	for _, c := range []struct {
		name    string
		handler http.Handler
		auth    string
		want    []string
	}{
		{"no credentials", g.Require(who), "", []string{"Token", `Bearer realm="durin"`}},
		{"bad token", g.Require(who), "Bearer x", []string{"Token", `Bearer realm="durin", error="invalid_token", error_description="Invalid token."`}},
		{"bad header", g.Require(who), "Bearer", []string{"Token", `Bearer realm="durin", error="invalid_token", error_description="Invalid token header. No credentials provided."`}},
		{"wrong client", g.AllowClients()(who), web, []string{`Bearer realm="durin", error="insufficient_scope", error_description="You do not have permission to perform this action."`}},
		{"let through", g.Require(who), web, nil},
	} {
		if got := ask(c.handler, c.auth).Header()["Www-Authenticate"]; !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestOneCheckForManyMiddlewares(t *testing.T) {
	looked := &lookups{}
	g := durintest.New(t, func(o *durin.Options) {
		looked.Store = o.Store
		o.Store, o.CacheTTL = looked, -1
	})
	h := g.Authenticate(g.Require(g.AllowClients("web")(g.DenyClients("cli")(g.Throttle()(who)))))
	if w := ask(h, "Token "+g.Token("ada", "web").Reveal()); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if looked.n != 1 {
		t.Errorf("%d look-ups", looked.n)
	}
	other := durintest.New(t)
	if w := ask(g.Require(other.Require(who)), "Token "+g.Token("ada", "web").Reveal()); w.Code != 401 {
		t.Errorf("another Guard took this one's word: %d", w.Code)
	}
}

// lookups counts look-ups.
type lookups struct {
	durin.Store
	n int
}

func (l *lookups) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	l.n++
	return l.Store.Lookup(ctx, d)
}

// away is a store that does not answer while its switch is on.
type away struct {
	durin.Store
	off bool
}

func (a *away) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	if a.off {
		return durin.Session{}, errors.New("dial tcp 192.0.2.1:5432: password secret")
	}
	return a.Store.Lookup(ctx, d)
}

func TestAnOutageIs503(t *testing.T) {
	store := &away{}
	g := durintest.New(t, func(o *durin.Options) { store.Store, o.Store = o.Store, store })
	good := "Token " + g.Token("ada", "web").Reveal()
	store.off = true
	for name, h := range map[string]http.Handler{
		"require": g.Require(who), "authenticate": g.Authenticate(who), "allow": g.AllowClients("web")(who), "throttle": g.Throttle()(who),
	} {
		w := ask(h, good)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
	store.off = false
	if w := ask(g.Require(who), good); w.Code != 200 {
		t.Errorf("after the outage: %d", w.Code)
	}
	store.off = true
	if w := ask(g.Require(who), good); w.Code != 200 {
		t.Errorf("a cached session during an outage: %d", w.Code)
	}
}

func TestOnError(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) {
		o.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "ours: "+durin.AsError(err).Detail, durin.AsError(err).Status)
		}
	})
	if w := ask(g.Require(who), ""); w.Code != 401 || !strings.HasPrefix(w.Body.String(), "ours: Auth") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if e := durin.AsError(errors.New("disk on fire")); e.Status != 500 || strings.Contains(e.Detail, "fire") {
		t.Errorf("%+v", e)
	}
}

// TestRecheck: a handler that lasts sees by Recheck that its session has ended, and
// not by what the middleware has found.
func TestRecheck(t *testing.T) {
	g := durintest.New(t)
	r := g.SignedIn(httptest.NewRequest("GET", "/", nil), "ada", "web")
	g.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, err := g.Recheck(r)
		if err != nil || s.UserID != "ada" {
			t.Errorf("%+v, %v", s, err)
		}
		if err := g.LogOutEverywhere(r.Context(), s); err != nil {
			t.Error(err)
		}
		if s, err := g.Check(r); err != nil || s == nil || durin.SessionFrom(r.Context()) == nil {
			t.Errorf("what the middleware has found: %+v, %v", s, err)
		}
		if s, err := g.Recheck(r); !errors.Is(err, durin.ErrInvalidToken) || s != nil {
			t.Errorf("after the end: %+v, %v", s, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	if s, err := g.Recheck(httptest.NewRequest("GET", "/", nil)); s != nil || err != nil {
		t.Errorf("nobody: %+v, %v", s, err)
	}
}

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
		{"a bad header is refused beside a good cookie", "GET", []string{"Cookie", name + "=" + cookie, "Authorization", "Token x"}, 401, "Invalid token."},
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

// TestRFC6750 holds answers of the Bearer scheme against the RFC, section by
// section.
func TestRFC6750(t *testing.T) {
	g := durintest.New(t)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})
	expired := g.Token("ada", "cli").Reveal()
	g.Clock.Advance(25 * time.Hour)
	web := g.Token("bob", "web").Reveal()
	odd := durin.Error{Status: 403, Code: "insufficient_scope", Detail: `Not "yours".`}
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Fail(w, r, &odd) })
	const realm = `Bearer realm="durin"`
	for _, c := range []struct {
		section, name, target, body, header string
		handler                             http.Handler
		status                              int
		challenge                           string // of the Bearer scheme; "-": none
	}{
		{"2.1", "in the header", "/", "", "Bearer " + web, g.Require(ok), 200, "-"},
		{"2.1", "the scheme's case does not matter (RFC 9110 section 11.1)", "/", "", "bEARER " + web, g.Require(ok), 200, "-"},
		{"2.2", "a form's token is not looked at", "/", "access_token=" + web, "", g.Require(ok), 401, realm},
		{"2.3", "a query's token is not looked at", "/?access_token=" + web, "", "", g.Require(ok), 401, realm},
		{"3", "at least one parameter", "/", "", "", g.Require(ok), 401, realm},
		{"3", "a description has no quotes", "/", "", "Bearer " + web, g.Require(refuse), 403, realm + `, error="insufficient_scope"`},
		{"3.1", "without a token no error code", "/", "", "", g.AllowClients("web")(ok), 401, realm},
		{"3.1", "another scheme's credentials are no token", "/", "", "Basic YTpi", g.Require(ok), 401, realm},
		{"3.1", "unknown", "/", "", "Bearer 0123456789abcdef0123456789abcdef", g.Require(ok), 401, realm + `, error="invalid_token", error_description="Invalid token."`},
		{"3.1", "expired", "/", "", "Bearer " + expired, g.Require(ok), 401, realm + `, error="invalid_token", error_description="The given token has expired."`},
		{"3.1", "malformed", "/", "", "Bearer a b", g.Require(ok), 401, realm + `, error="invalid_token", error_description="Invalid token header. Token string should not contain spaces."`},
		{"3.1", "none", "/", "", "Bearer", g.Require(ok), 401, realm + `, error="invalid_token", error_description="Invalid token header. No credentials provided."`},
		{"3.1", "not for this client", "/", "", "Bearer " + web, g.DenyClients("web")(ok), 403, realm + `, error="insufficient_scope", error_description="You do not have permission to perform this action."`},
	} {
		r := httptest.NewRequest("POST", c.target, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		got := w.Header()["Www-Authenticate"]
		i := slices.IndexFunc(got, func(s string) bool { return len(s) >= 6 && s[:6] == "Bearer" })
		switch {
		case w.Code != c.status:
			t.Errorf("section %s, %s: answered %d, want %d", c.section, c.name, w.Code, c.status)
		case (c.challenge == "-") != (i < 0), i >= 0 && got[i] != c.challenge:
			t.Errorf("section %s, %s:\n got %q\nwant %s", c.section, c.name, got, c.challenge)
		}
	}
}

// TestTwins: browsers keep cookies of one name and several domains or paths, and send
// all. Those whose tokens are dead keep nobody out; two that are good let nobody in.
func TestTwins(t *testing.T) {
	g := durintest.New(t, func(o *durin.Options) { o.CookieName = "session" })
	g.Client(durin.Client{Name: "browser", Cookie: true, Policy: durin.PolicyEvict, MaxTokens: 10})
	live, other := g.Token("ada", "browser").Reveal(), g.Token("eve", "browser").Reveal()
	dead, ofAda, header := g.Token("ada", "browser").Reveal(), g.Token("ada", "browser").Reveal(), g.Token("eve", "cli").Reveal()
	if _, err := g.EndToken(t.Context(), durin.Secret(dead)); err != nil {
		t.Fatal(err)
	}
	many := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name   string
		tokens []string
		status int
		body   string
		taken  bool
	}{
		{"one that is dead before the good one", []string{dead, live}, 200, "ada with browser", false},
		{"one that is dead behind it", []string{live, dead}, 200, "ada with browser", false},
		{"some that are no tokens", []string{"x", dead, live, "y", ""}, 200, "ada with browser", false},
		{"one that belongs in a header", []string{header, live}, 200, "ada with browser", false},
		{"two of two people", []string{live, other}, 401, "It has two tokens.", false},
		{"and one that is dead", []string{other, dead, live}, 401, "It has two tokens.", false},
		{"two of one user's sessions", []string{live, ofAda}, 401, "It has two tokens.", false},
		{"dead ones only", []string{dead, "x"}, 401, "Invalid token.", true},
		{"too many", []string{many(1), many(2), many(3), many(4), many(5), many(6), many(7), many(8), live}, 401, "It has two tokens.", false},
	} {
		r := httptest.NewRequest("GET", "https://example.com/", nil)
		for _, token := range c.tokens {
			r.Header.Add("Cookie", "a=b; session="+token)
		}
		w := httptest.NewRecorder()
		g.Require(who).ServeHTTP(w, r)
		taken := strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || taken != c.taken {
			t.Errorf("%s: answered %d %s, taken %v, want %d %s, %v", c.name, w.Code, w.Body, taken, c.status, c.body, c.taken)
		}
	}
}

// awayStore is a store that cannot be asked while it is away.
type awayStore struct {
	durin.Store
	away bool
}

func (s *awayStore) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	if s.away {
		return durin.Session{}, errors.New("away")
	}
	return s.Store.Lookup(ctx, d)
}

// TestTwinsOfAnOutage: a cookie of which cannot be told whether it is dead is not taken
// for a dead one.
func TestTwinsOfAnOutage(t *testing.T) {
	var store *awayStore
	g := durintest.New(t, func(o *durin.Options) {
		o.CookieName = "session"
		store = &awayStore{Store: o.Store}
		o.Store = store
	})
	g.Client(durin.Client{Name: "browser", Cookie: true, Policy: durin.PolicyEvict, MaxTokens: 10})
	live, other := g.Token("ada", "browser").Reveal(), g.Token("eve", "browser").Reveal()
	send := func(cookies string) int {
		r := httptest.NewRequest("GET", "https://example.com/", nil)
		r.Header.Set("Cookie", cookies)
		w := httptest.NewRecorder()
		g.Require(who).ServeHTTP(w, r)
		return w.Code
	}
	if status := send("session=" + live); status != 200 {
		t.Fatal(status)
	}
	store.away = true
	if status := send("session=" + live + "; session=" + other); status != 503 {
		t.Errorf("answered %d, want 503", status)
	}
}

// TestSupersede: a sign-in ends the session whose cookie the browser may go on to send.
func TestSupersede(t *testing.T) {
	for _, c := range []struct {
		name, cookie, site string
		ended              bool
	}{
		{"", "session", "same-origin", true},
		{"another site's request", "session", "cross-site", false},
		{"a name of which there is one cookie", durin.DefaultCookie, "same-origin", false},
	} {
		g := durintest.New(t, func(o *durin.Options) { o.CookieName = c.cookie })
		g.Client(durin.Client{Name: "browser", Cookie: true, Policy: durin.PolicyEvict, MaxTokens: 10})
		old, eve, cli, in := g.Token("ada", "browser"), g.Token("eve", "browser"), g.Token("ada", "cli"), g.Token("ada", "browser")
		s, err := g.Verify(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "https://example.com/", nil)
		r.Header.Set("Sec-Fetch-Site", c.site)
		for _, token := range []durin.Secret{old, eve, cli, in} {
			r.Header.Add("Cookie", c.cookie+"="+token.Reveal())
		}
		if err := g.Supersede(r, s); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Verify(t.Context(), old); (err != nil) != c.ended {
			t.Errorf("%q: the old session: %v", c.name, err)
		}
		for what, token := range map[string]durin.Secret{"another user's": eve, "one in a header": cli, "its own": in} {
			if _, err := g.Verify(t.Context(), token); err != nil {
				t.Errorf("%q: %s: %v", c.name, what, err)
			}
		}
	}
}
