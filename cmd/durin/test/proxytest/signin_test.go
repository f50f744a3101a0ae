package proxytest

import (
	"crypto/tls"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
)

// onEachSigningIn is onEach with a sign-in page.
func onEachSigningIn(t *testing.T, page string, test func(t *testing.T, w *world)) {
	for name, start := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *api.Options) { o.SignInURL, o.ReturnTo = page, []string{"app.test"} })
			start(w, same)
			test(t, w)
		})
	}
}

// TestSignIn opens pages without a token, where a sign-in page is set, by HTTP/1.1
// and HTTP/2.
func TestSignIn(t *testing.T) {
	onEachSigningIn(t, "https://login.test/in", func(t *testing.T, w *world) {
		page := []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate"}
		for _, c := range []struct {
			name, host, want string
			status           int
			headers          []string
		}{
			{"a page", "app.test", "https://login.test/in?next=SCHEME%3A%2F%2Fapp.test%2Fa%3Fb%3Dc", 302, page},
			{"of another host", "evil.test", "https://login.test/in", 302, page},
			{"with a dead token", "app.test", "https://login.test/in?next=SCHEME%3A%2F%2Fapp.test%2Fa%3Fb%3Dc", 302, append(page, "Cookie", "__Host-durin="+strings.Repeat("0", 64))},
			{"a program", "app.test", "", 401, []string{"Accept", "application/json"}},
			{"a script", "app.test", "", 401, []string{"Accept", "text/html", "Sec-Fetch-Mode", "cors"}},
		} {
			for scheme, do := range map[string]func(h hostile) answer{"http": w.send1, "https": w.send2} {
				a := do(hostile{method: "GET", path: "/a?b=c", headers: append([]string{"Host", c.host}, c.headers...)})
				if got, want := a.header.Get("Location"), strings.Replace(c.want, "SCHEME", scheme, 1); a.status != c.status || got != want {
					t.Errorf("%s by %s: answered %d to %q, want %d to %q", c.name, scheme, a.status, got, c.status, want)
				}
			}
		}
		w.want("signed in", w.do("GET", "/a", nil, append(bearer(w.token("web")), "Accept", "text/html")...), 200)
	})
}

// The way to a sign-in page on the same host is relative: only the browser knows the
// scheme and the port that it came by, where something in front of the proxy ends TLS.
// A long address to return to takes it, and a script that asks for a part of a page
// over plain HTTP, which has no Sec-Fetch-Mode, is told that it is refused.
func TestSignInOnTheSameHost(t *testing.T) {
	onEachSigningIn(t, "/account/", func(t *testing.T, w *world) {
		query := strings.Repeat("%2F", 1300)
		for uri, want := range map[string]string{
			"/a?b=c":      "/account/?next=%2Fa%3Fb%3Dc",
			"/a?" + query: "/account/?next=%2Fa%3F" + strings.ReplaceAll(query, "%", "%25"),
		} {
			a := w.do("GET", uri, nil, "Host", "app.test", "Accept", "text/html")
			if got := a.header.Get("Location"); a.status != 302 || got != want {
				t.Errorf("%.20s: answered %d to %.80q", uri, a.status, got)
			}
		}
		w.want("a script", w.do("GET", "/a", nil, "Host", "app.test", "Accept", "text/html", "X-Requested-With", "XMLHttpRequest"), 401)
	})
}

// A browser whose session has ended comes to the sign-in page, though that lies
// where a dead token is refused.
func TestDeadCookie(t *testing.T) {
	onEachSigningIn(t, "https://app.test/public/sign-in", func(t *testing.T, w *world) {
		token := w.token("browser")
		if _, err := w.guard.End(t.Context(), durin.Selection{Client: "browser"}); err != nil {
			t.Fatal(err)
		}
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		app := &url.URL{Scheme: "https", Host: "app.test", Path: "/"}
		jar.SetCookies(app, []*http.Cookie{{Name: durin.DefaultCookie, Value: token, Path: "/", Secure: true}, {Name: "own", Value: "1", Path: "/"}})
		redirects := 0
		browser := &http.Client{
			Jar: jar,
			Transport: &http.Transport{
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a certificate of its own
				DialContext:     w.dialTLS,
			},
			CheckRedirect: func(_ *http.Request, via []*http.Request) error {
				if redirects = len(via); redirects > 3 {
					return http.ErrUseLastResponse
				}
				return nil
			},
		}
		defer browser.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), "GET", app.String()+"things", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 200 || res.Request.URL.Path != "/public/sign-in" {
			t.Errorf("after %d redirects: %s at %s", redirects, res.Status, res.Request.URL)
		}
		for _, c := range jar.Cookies(app) {
			if c.Name == durin.DefaultCookie {
				t.Error("the dead cookie is still there")
			}
		}
	})
}
