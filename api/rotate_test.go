package api_test

import (
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
)

// A renewal of a client with Rotate answers the new token as a login does, or in
// the cookie; the same to all who ask with the old one.
func TestRefreshAnswersANewToken(t *testing.T) {
	w := newWorld(t, api.Options{})
	for _, c := range []durin.Client{{Name: "app", Rotate: 30 * time.Second, TTL: time.Hour}, {Name: "browser", Cookie: true, Rotate: 30 * time.Second, TTL: time.Hour}} {
		if _, err := w.guard.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	type answer struct {
		Expiry string
		Token  string
	}
	old := w.token("1", "app")
	fresh := decode[answer](t, w.do("POST", "/api/auth/refresh/", "", "Authorization", "Token "+old), 200)
	again := decode[answer](t, w.do("POST", "/api/auth/refresh/", "", "Authorization", "Token "+old), 200)
	if fresh.Token == "" || fresh.Token == old || fresh.Expiry == "" || again != fresh {
		t.Errorf("%+v, then %+v", fresh, again)
	}
	w.advance(30*time.Second + time.Microsecond)
	want(t, w.do("POST", "/api/auth/refresh/", "", "Authorization", "Token "+old), 401, `{"detail":"Invalid token."}`)
	want(t, w.do("GET", "/api/auth/sessions/", "", "Authorization", "Token "+fresh.Token), 401, `{"detail":"Invalid token."}`)

	cookie := "__Host-durin=" + w.token("1", "browser")
	res := w.do("POST", "/api/auth/refresh/", "", "Cookie", cookie)
	next := theCookie(t, res)
	if got := decode[answer](t, res, 200); got.Token != "" || got.Expiry == "" {
		t.Errorf("a script can read %+v", got)
	}
	if next.Name+"="+next.Value == cookie || !next.HttpOnly || next.MaxAge != 3600 {
		t.Errorf("the cookie is %v", next)
	}
	want(t, w.do("POST", "/api/auth/logout/", "", "Cookie", cookie), 204, "")
	want(t, w.do("GET", "/api/auth/sessions/", "", "Cookie", next.Name+"="+next.Value), 401, `{"detail":"Invalid token."}`)
}

// A key that no program could present is not made.
func TestNoKeyInACookie(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "browser"})
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "browser", Cookie: true}); err != nil {
		t.Fatal(err)
	}
	key := []string{"Authorization", "Token " + w.token("1", "web")}
	want(t, w.do("POST", "/api/auth/apiaccess/", "", key...), 409, `{"detail":"API keys cannot be issued: tokens of their client travel in a cookie."}`)
	want(t, w.do("GET", "/api/auth/apiaccess/", "", key...), 404, `{"detail":"Not found."}`)
}
