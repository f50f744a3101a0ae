package serve

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
)

// TestAKnownDeviceOnEverySignIn: while strangers hold an account locked, whoever bears
// any live token of it gets in, whatever the way and wherever the token belongs.
func TestAKnownDeviceOnEverySignIn(t *testing.T) {
	n, log, _ := newNode(t, "--compat", "knox=web,drf=web,multitoken=web", "--hash-nice", "0")
	h, err := Handler(n, log)
	if err != nil {
		t.Fatal(err)
	}
	const word = "correct horse battery"
	hash, err := n.Hasher.Hash(t.Context(), word)
	if err != nil {
		t.Fatal(err)
	}
	user, err := n.Store.CreateUser(t.Context(), durin.User{Name: "ada", Password: hash, Active: true, Admin: true, Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	other, err := n.Store.CreateUser(t.Context(), durin.User{Name: "bob", Password: "!", Active: true, Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for _, c := range []durin.Client{{Name: "web"}, {Name: "browser", Cookie: true}, {Name: durin.AdminClient, Cookie: true, NoPassword: true}} {
		if _, err := n.Guard.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{user.ID, other.ID} {
			issued, err := n.Guard.Issue(t.Context(), durin.IssueRequest{UserID: id, Client: c.Name})
			if err != nil {
				t.Fatal(err)
			}
			tokens[c.Name+id] = issued.Token.Reveal()
		}
	}
	for i := range 40 { // from two customers
		a := durin.LoginAttempt{At: n.Guard.Now(), Name: "ada", Address: netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 5: byte(i % 2), 15: 1})}
		if ok, err := n.Logins.Admit(t.Context(), a); err != nil {
			t.Fatal(err)
		} else if ok {
			n.Logins.Done(t.Context(), a, durin.ErrBadCredentials)
		}
	}
	form := func(path string, values url.Values) *http.Request {
		r := httptest.NewRequest("POST", path, strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	login := url.Values{"username": {"ada"}, "password": {word}, "client": {"web"}}
	page := url.Values{"name": {"ada"}, "password": {word}}
	for way, make := range map[string]func() *http.Request{
		"the login API": func() *http.Request { return form("/api/auth/login/", login) },
		"drf":           func() *http.Request { return form("/api-token-auth/", login) },
		"multitoken":    func() *http.Request { return form("/auth/login", login) },
		"knox": func() *http.Request {
			r := form("/api/auth/knox/login/", nil)
			r.SetBasicAuth("ada", word)
			return r
		},
		"the account page": func() *http.Request { return form("/account/sign-in", page) },
		"the admin page":   func() *http.Request { return form("/admin/sign-in", page) },
	} {
		ask := func(with string, change func(r *http.Request)) int {
			r := make()
			r.URL.Path = pathOf(n.Config.CompatPaths, way, r.URL.Path)
			r.RemoteAddr = "198.51.100.1:1"
			change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == 404 {
				t.Fatalf("%s, %s: there is no %s", way, with, r.URL.Path)
			}
			return w.Code
		}
		good := func(status int) bool { return status < 400 }
		if code := ask("a stranger", func(*http.Request) {}); good(code) {
			t.Errorf("%s: a stranger gets in: %d", way, code)
		}
		for _, cookie := range []string{"__Host-durin", "__Host-durin-admin"} {
			for client, text := range tokens {
				code := ask(client, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookie, Value: text}) })
				if want := strings.HasSuffix(client, user.ID); good(code) != want {
					t.Errorf("%s with the token of %s as %s: %d, want it good: %v", way, client, cookie, code, want)
				}
			}
		}
		both := ask("both", func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "__Host-durin", Value: tokens["browser"+other.ID]})
			r.AddCookie(&http.Cookie{Name: "__Host-durin-admin", Value: tokens[durin.AdminClient+user.ID]})
		})
		if !good(both) {
			t.Errorf("%s with cookies of two users: %d", way, both)
		}
		foreign := ask("another origin", func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "__Host-durin-admin", Value: tokens[durin.AdminClient+user.ID]})
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		})
		if good(foreign) {
			t.Errorf("%s from a page of another origin: %d", way, foreign)
		}
		if way != "knox" {
			if code := ask("a header", func(r *http.Request) { r.Header.Set("Authorization", "Token "+tokens["web"+user.ID]) }); !good(code) {
				t.Errorf("%s with a header: %d", way, code)
			}
		}
	}
}

// pathOf is where a way of signing in is.
func pathOf(compat map[string]string, way, path string) string {
	switch at := compat[way]; way {
	case "knox", "multitoken":
		return at + "/login"
	case "drf":
		return at
	}
	return path
}
