package proxytest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/durin-go/durin/api"
)

// TestSignIn opens pages without a token, where a sign-in page is set: with the
// documented files, and for nginx with the lines that the documentation adds.
func TestSignIn(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/protect-any-application.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```text\n(auth_request_set.*?error_page 401 = @signin;)\n(.*?)```").FindStringSubmatch(string(page))
	if m == nil {
		t.Fatal("the documentation has no lines for nginx")
	}
	lines := func(text string) string {
		text = strings.Replace(text, "location / {", m[2]+"location / {\n"+m[1], 1)
		return strings.Replace(text, "/api/auth/verify;", "/api/auth/verify?signin=401;", 1)
	}
	for name, change := range map[string]func(string) string{"nginx": lines, "caddy": same} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *api.Options) { o.SignInURL, o.ReturnTo = "https://login.test/in", []string{"app.test"} })
			proxies[name](w, change)
			for _, c := range []struct {
				host, want string
				status     int
				headers    []string
			}{
				{"app.test", "https://login.test/in?next=http%3A%2F%2Fapp.test%2Fa%3Fb%3Dc", 302, []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate"}},
				{"evil.test", "https://login.test/in", 302, []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate"}},
				{"app.test", "", 401, []string{"Accept", "application/json"}},
			} {
				a := w.do("GET", "/a?b=c", nil, append(c.headers, "Host", c.host)...)
				if got := a.header.Get("Location"); a.status != c.status || got != c.want {
					t.Errorf("%s: answered %d to %q, want %d to %q", c.host, a.status, got, c.status, c.want)
				}
			}
			w.want("signed in", w.do("GET", "/a", nil, append(bearer(w.token("web")), "Accept", "text/html")...), 200)
		})
	}
}
