package account_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/account"
	"github.com/durin-go/durin/durintest"
)

// asks sends requests to the pages as a browser that has app.example.org in its
// address bar; a proxy tells that it came over TLS.
type asks struct {
	t     *testing.T
	guard *durintest.Guard
	pages *account.Handler
}

func newAsks(t *testing.T) *asks {
	t.Helper()
	users := people{"ada": "correct horse"}
	g := durintest.New(t, func(o *durin.Options) {
		o.Authenticator, o.TrustedProxies = users, []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
	})
	pages, err := account.New(g.Guard, account.Options{
		UserName: users.userName, ReturnTo: []string{"Other.example.org", "app.example.org:8443", "ports.example.org:443"}, Origins: []string{"https://public.example.org"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &asks{t, g, pages}
}

// do sends a request with the token in the cookie, if there is one.
func (a *asks) do(method, path string, form url.Values, scheme string, cookies ...string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Host, r.RemoteAddr = "app.example.org", "10.0.0.1:1"
	r.Header.Set("X-Forwarded-Proto", scheme)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	r.Header["Cookie"] = cookies
	w := httptest.NewRecorder()
	a.pages.ServeHTTP(w, r)
	return w.Result()
}

// cookie is a live sign-in.
func (a *asks) cookie() string {
	a.t.Helper()
	a.guard.Client(durin.Client{Name: "browser", Cookie: true})
	in, err := a.guard.Issue(a.t.Context(), durin.IssueRequest{UserID: "id of ada", Client: "browser"})
	if err != nil {
		a.t.Fatal(err)
	}
	return durin.DefaultCookie + "=" + in.Token.Reveal()
}

// nexts are addresses to return to, and where a sign-in leads. Empty: to the first
// page, and nowhere else.
var nexts = []struct{ next, want string }{
	// Of the same origin.
	{"/", "/"},
	{"/things?a=b&c=%2F#d", "/things?a=b&c=%2F#d"},
	{"/account/key?a=b", "/account/key?a=b"},
	{"/a//b/../c", "/a//b/../c"},
	{"/account/%0d%0aSet-Cookie:x", "/account/%0d%0aSet-Cookie:x"},
	{"/%2f/evil.example", "/%2f/evil.example"},
	{"/%5cevil.example", "/%5cevil.example"},
	{"/@evil.example", "/@evil.example"},
	{"https://app.example.org/things?a=b", "/things?a=b"},
	{"HTTPS://APP.example.org:443/things", "/things"},
	{"http://app.example.org:80/things", "/things"},
	{"https://app.example.org", "/"},
	{"https://app.example.org?a=b", "/?a=b"},
	{"https://public.example.org/things", "/things"},
	// Of hosts of ReturnTo.
	{"https://other.example.org/things?a=b#c", "https://other.example.org/things?a=b#c"},
	{"https://OTHER.example.org:443", "https://other.example.org/"},
	{"https://app.example.org:8443/", "https://app.example.org:8443/"},
	{"https://ports.example.org/", "https://ports.example.org/"},
	{"https://other.example.org//evil.example", "https://other.example.org//evil.example"},
	// Of others.
	{"", ""},
	{"things", ""},
	{"?a=b", ""},
	{"//evil.example", ""},
	{"///evil.example", ""},
	{"//app.example.org/", ""},
	{"/\\evil.example", ""},
	{"\\\\evil.example", ""},
	{"/a\\b", ""},
	{"https://evil.example/", ""},
	{"https://evil.example/?https://app.example.org/", ""},
	{"https://app.example.org.evil.example/", ""},
	{"https://evil-app.example.org/", ""},
	{"https://example.org/", ""},
	{"https://sub.other.example.org/", ""},
	{"https://other.example.org./", ""},
	{"https://other.example.org:/", ""},
	{"https://other.example.org:8443/", ""},
	{"https://app.example.org:8444/", ""},
	{"https://app.example.org:80/", ""},
	{"http://app.example.org:443/", ""},
	{"https://ports.example.org:80/", ""},
	{"http://other.example.org/", ""}, // not from TLS to none
	{"http://app.example.org:8443/", ""},
	{"https://ada@app.example.org/", ""},
	{"https://@app.example.org/", ""},
	{"https://app.example.org@evil.example/", ""},
	{"https://app.example.org:x@evil.example/", ""},
	{"https://evil.example\\@app.example.org/", ""},
	{"https://app.example.org\\.evil.example/", ""},
	{"https://app%2eexample.org/", ""},
	{"https://app.example.org%2fevil.example/", ""},
	{"https://app.example.org%00.evil.example/", ""},
	{"https:/evil.example/", ""},
	{"https:evil.example", ""},
	{"https:///evil.example/", ""},
	{"https:////app.example.org/", ""},
	{"https://app.example.org//evil.example", ""},
	{"https://public.example.org//evil.example", ""},
	{"javascript:alert(1)", ""},
	{"javascript://app.example.org/%0aalert(1)", ""},
	{"JavaScript:alert(1)", ""},
	{"data:text/html,x", ""},
	{"ftp://app.example.org/", ""},
	{"wss://app.example.org/", ""},
	{"blob:https://app.example.org/x", ""},
	{"view-source:https://app.example.org/", ""},
	{"/\t/evil.example", ""},
	{"\t//evil.example", ""},
	{" /things", ""},
	{"/things\r\nSet-Cookie: a=b", ""},
	{"/\x00", ""},
	{"/\x7f", ""},
	{"/ä", ""},
	{"https://äpp.example.org/", ""},
	{"https://app.example.org\u3002evil.example/", ""},
	{"%2f%2fevil.example", ""},
	{"/%zz", ""},
	{"/" + strings.Repeat("a", 1<<13), ""},
}

// A sign-in leads back to where a person came from, by the first page and by the
// sign-in page, for those who are signed in already too; and never elsewhere.
func TestNext(t *testing.T) {
	a := newAsks(t)
	cookie := a.cookie()
	for _, c := range nexts {
		query := "?next=" + url.QueryEscape(c.next)
		want := c.want
		if want == "" {
			want = "/account/"
		}
		form := url.Values{"name": {"ada"}, "password": {"correct horse"}, "next": {c.next}}
		for what, res := range map[string]*http.Response{
			"in the form":    a.do("POST", "/account/sign-in", form, "https"),
			"in the address": a.do("POST", "/account/sign-in"+query, url.Values{"name": {"ada"}, "password": {"correct horse"}}, "https"),
		} {
			if got := res.Header.Get("Location"); res.StatusCode != 303 || got != want || len(res.Cookies()) != 1 {
				t.Errorf("%q %s: %d to %q, want %q; cookies %v", c.next, what, res.StatusCode, got, want, res.Cookies())
			}
		}
		for _, path := range []string{"/account/", "/account/sign-in"} {
			res := a.do("GET", path+query, nil, "https", cookie)
			if got := res.Header.Get("Location"); got != c.want || (c.want != "") != (res.StatusCode == 303) {
				t.Errorf("%q at %s, signed in: %d to %q, want %q", c.next, path, res.StatusCode, got, c.want)
			}
		}
		res := a.do("GET", "/account/"+query, nil, "https")
		to, err := url.Parse(res.Header.Get("Location"))
		if err != nil || res.StatusCode != 303 || to.Path != "/account/sign-in" || to.Host != "" {
			t.Fatalf("%q: %d to %q", c.next, res.StatusCode, to)
		}
		// What is kept is what was meant, or nothing.
		if kept := to.Query().Get("next"); (kept != "") != (c.want != "") || kept != c.want {
			t.Errorf("%q: kept as %q, want %q", c.next, kept, c.want)
		}
	}
}

// Over plain HTTP hosts of ReturnTo may be plain too.
func TestNextOverPlainHTTP(t *testing.T) {
	a := newAsks(t)
	for next, want := range map[string]string{
		"http://other.example.org/": "http://other.example.org/", "https://other.example.org/": "https://other.example.org/", "http://other.example.org:443/": "/account/",
	} {
		res := a.do("POST", "/account/sign-in", url.Values{"name": {"ada"}, "password": {"correct horse"}, "next": {next}}, "http")
		if got := res.Header.Get("Location"); got != want {
			t.Errorf("%q: to %q, want %q", next, got, want)
		}
	}
}

// A browser lets a form's answer lead to another origin only if the page says so,
// and the page says so of that origin alone.
func TestFormLeadsToOtherOrigin(t *testing.T) {
	a := newAsks(t)
	for next, want := range map[string]string{
		"https://other.example.org/x": "form-action 'self' https://other.example.org;", "/x": "form-action 'self';", "https://evil.example/": "form-action 'self';",
	} {
		res := a.do("GET", "/account/sign-in?next="+url.QueryEscape(next), nil, "https")
		if got := res.Header.Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("%q: %s", next, got)
		}
	}
}

// A cookie that is dead ends in the sign-in page and is taken away; one that lives
// and that the application does not take ends in a page that says so.
func TestNoLoop(t *testing.T) {
	a := newAsks(t)
	cookie := a.cookie()
	dead := durin.DefaultCookie + "=" + strings.Repeat("0", 64)
	res := a.do("GET", "/account/?next=/things", nil, "https", dead)
	if res.StatusCode != 303 || res.Header.Get("Location") != "/account/sign-in?next=%2Fthings" || len(res.Cookies()) != 1 || res.Cookies()[0].Name != durin.DefaultCookie || res.Cookies()[0].MaxAge >= 0 {
		t.Errorf("a dead cookie: %d to %q, %v", res.StatusCode, res.Header.Get("Location"), res.Cookies())
	}
	if res = a.do("GET", "/account/sign-in?next=/things", nil, "https", dead); res.StatusCode != 200 {
		t.Errorf("a dead cookie at the sign-in page: %d", res.StatusCode)
	}
	res = a.do("GET", "/account/?next=/things", nil, "https", cookie)
	if res.StatusCode != 303 || len(res.Cookies()) != 1 {
		t.Fatalf("signed in: %d, %v", res.StatusCode, res.Cookies())
	}
	note := res.Cookies()[0].Name + "=" + res.Cookies()[0].Value
	res = a.do("GET", "/account/?next=/things", nil, "https", cookie, note)
	var page strings.Builder
	_ = res.Write(&page)
	if res.StatusCode != 200 || !strings.Contains(page.String(), `href="/things"`) || len(res.Cookies()) != 1 || res.Cookies()[0].MaxAge >= 0 {
		t.Errorf("signed in, and sent here again: %d %s", res.StatusCode, page.String())
	}
	if res = a.do("GET", "/account/", nil, "https", cookie, note); res.StatusCode != 200 {
		t.Errorf("the first page after it: %d", res.StatusCode)
	}
}
