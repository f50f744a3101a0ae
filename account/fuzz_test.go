package account_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/account"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/loginlimit"
)

// FuzzPages sends any form to any of the pages, as a stranger and as a user whose
// cookie COOKIE stands for: no answer is our fault, and none leads elsewhere.
func FuzzPages(f *testing.F) {
	const cookie = durin.DefaultCookie + "=COOKIE"
	for _, seed := range []struct{ path, form, cookie string }{
		{"sign-in", "name=ada&password=correct%20horse&next=%2F%2Fevil.test%2Faccount%2F", ""},
		{"sign-in", "name=ada&password=correct%20horse&next=%2Faccount%2F%5C%5Cevil.test", cookie},
		{"sign-in", "name=%00%ff&password=%00&next=/account/..//evil.test", "a; b=;" + cookie},
		{"sign-in", "name=ada&password=correct+horse&next=https:evil.test", ""},
		{"sign-out", "", cookie}, {"sessions/1/end", "id=9223372036854775808", cookie}, {"sessions/end", "id=-1&id=x", cookie},
		{"password", "old=correct+horse&new=%C3%28&again=%C3%28&key=on", cookie}, {"key", "", cookie}, {"", "next=1", cookie},
		{"key/end", "%", cookie}, {"..//%2e", "&&=;", cookie}, {"pages.css", "", cookie},
	} {
		f.Add(seed.path, seed.form, seed.cookie, true)
		f.Add(seed.path, seed.form, seed.cookie, false)
	}
	users := people{"ada": "correct horse"}
	g := durintest.New(f, func(o *durin.Options) { o.Authenticator, o.LoginLimiter = users, loginlimit.Off() })
	g.Client(durin.Client{Name: "api", TTL: durin.Never, Policy: durin.PolicyReplace})
	pages, err := account.New(g.Guard, account.Options{APIKeyClient: "api", UserName: users.userName, SetPassword: users.setPassword})
	if err != nil {
		f.Fatal(err)
	}
	g.Client(durin.Client{Name: "browser", Cookie: true})
	f.Fuzz(func(t *testing.T, path, form, cookies string, post bool) {
		users["ada"] = "correct horse"
		in, err := g.Issue(t.Context(), durin.IssueRequest{UserID: "id of ada", Client: "browser"})
		if err != nil {
			t.Fatal(err)
		}
		token := in.Token.Reveal()
		r := httptest.NewRequest("GET", "https://app.example.org/account/", nil)
		if post {
			r = httptest.NewRequest("POST", "https://app.example.org/account/", strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.URL.Path = "/account/" + path
		if _, err := url.Parse("/?" + form); err == nil { // net/http lets nothing else in
			r.URL.RawQuery = form
		}
		r.Header["Cookie"] = []string{strings.ReplaceAll(cookies, "COOKIE", token)}
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		if w.Code >= 500 || strings.Contains(w.Body.String(), "ZgotmplZ") {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		if to := w.Header().Get("Location"); to != "" {
			if u, err := r.URL.Parse(to); err != nil || u.Host != r.URL.Host || strings.ContainsAny(to, "\\\r\n\t") || !strings.HasPrefix(u.Path, "/") {
				t.Errorf("leads to %q", to)
			}
			if u, err := url.Parse(to); err != nil || u.Host != "" || strings.HasPrefix(to, "//") {
				t.Errorf("leads to %q", to)
			}
		}
	})
}
