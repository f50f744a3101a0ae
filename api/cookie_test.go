package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/browse"
)

// A browser's session from its start to its end, without a script ever seeing
// the token.
func TestCookieSession(t *testing.T) {
	w := newWorld(t, api.Options{})
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "browser", Cookie: true}); err != nil {
		t.Fatal(err)
	}
	res := w.login("alice", "browser")
	want(t, res, 200, `{"expiry":"2030-01-03T03:04:05.678901Z"}`)
	c := theCookie(t, res)
	if c.MaxAge != 86400 || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("the cookie is %v", c)
	}
	cookie := c.Name + "=" + c.Value
	w.advance(time.Hour)
	res = w.do("POST", "/api/auth/refresh/", "", "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
	want(t, res, 200, `{"expiry":"2030-01-03T04:04:05.678901Z"}`)
	if again := theCookie(t, res); again.Value != c.Value || again.MaxAge != 86400 {
		t.Errorf("renewed: %v", again)
	}
	want(t, w.do("POST", "/api/auth/logout/", "", "Cookie", cookie, "Sec-Fetch-Site", "cross-site"), 403, `{"detail":"Cross-site request refused."}`)
	res = w.do("POST", "/api/auth/logout/", "", "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
	want(t, res, 204, "")
	if cleared := theCookie(t, res); cleared.Value != "" || cleared.MaxAge >= 0 {
		t.Errorf("logged out: %v", cleared)
	}
	want(t, w.do("GET", "/api/auth/sessions/", "", "Cookie", cookie), 401, `{"detail":"Invalid token."}`)

	cookie = "__Host-durin=" + w.token("1", "browser")
	res = w.do("POST", "/api/auth/logoutall/", "", "Cookie", cookie)
	want(t, res, 204, "")
	if cleared := theCookie(t, res); cleared.MaxAge >= 0 {
		t.Errorf("logged out everywhere: %v", cleared)
	}
}

// Front ends whose cookie had a domain before they moved here keep that one beside
// the one that the login sets, and are signed in all the same.
func TestCookieBesideAnOlderOne(t *testing.T) {
	w := newWorld(t, api.Options{}, func(o *durin.Options) { o.CookieName = "SESSION" })
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "browser", Cookie: true, Policy: durin.PolicyEvict, MaxTokens: 10}); err != nil {
		t.Fatal(err)
	}
	older := "SESSION=" + w.token("1", "browser")
	expect := func(res *http.Response, status int) *http.Response {
		t.Helper()
		if body := text(t, res); res.StatusCode != status {
			t.Errorf("answered %d %s, want %d", res.StatusCode, body, status)
		}
		return res
	}
	expect(w.do("GET", "/api/auth/sessions/", "", "Cookie", older), 200)
	const given = `{"username":"alice","password":"alice-pass","client":"browser"}`
	in := expect(w.do("POST", "/api/auth/login/", given, "Content-Type", "application/json", "Cookie", older), 200).Cookies()
	if len(in) != 1 {
		t.Fatal(in)
	}
	both := older + "; SESSION=" + in[0].Value
	if again := expect(w.do("POST", "/api/auth/refresh/", "", "Cookie", both), 200).Cookies(); len(again) != 1 || again[0].Value != in[0].Value {
		t.Errorf("renewed: %v", again)
	}
	expect(w.do("POST", "/api/auth/logout/", "", "Cookie", both), 204)
	expect(w.do("GET", "/api/auth/sessions/", "", "Cookie", both), 401)
}

func theCookie(t *testing.T, res *http.Response) *http.Cookie {
	t.Helper()
	all := res.Cookies()
	if len(all) != 1 || all[0].Name != durin.DefaultCookie {
		t.Fatalf("the cookies are %v", all)
	}
	return all[0]
}

// Nobody signs somebody else's browser in.
func TestCookieLoginFromElsewhere(t *testing.T) {
	w := newWorld(t, api.Options{CookieToken: true})
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "browser", Cookie: true}); err != nil {
		t.Fatal(err)
	}
	body := func(client string) string { return "username=alice&password=alice-pass&client=" + client }
	res := w.do("POST", "/api/auth/login/", body("browser"), "Content-Type", form, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
	want(t, res, 403, `{"detail":"Cross-site request refused."}`)
	if len(res.Cookies()) > 0 {
		t.Error("a cookie is set all the same")
	}
	if list, err := w.guard.Sessions(t.Context(), browse.Query{}); err != nil || len(list) > 0 {
		t.Errorf("a token is issued all the same: %v, %v", list, err)
	}
	res = w.do("POST", "/api/auth/login/", body("web"), "Content-Type", form, "Sec-Fetch-Site", "cross-site", "Origin", "https://app.test")
	if res.StatusCode != 200 || len(res.Cookies()) > 0 {
		t.Error("a client of headers:", res.StatusCode, res.Cookies())
	}
	res = w.do("POST", "/api/auth/login/", body("browser"), "Content-Type", form, "Sec-Fetch-Site", "same-origin")
	if got := text(t, res); !strings.Contains(got, `"token":"`+theCookie(t, res).Value+`"`) {
		t.Errorf("with CookieToken: %s", got)
	}
}
