package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/browse"
)

// newCompat is a world with the routes of all libraries, and their clients.
func newCompat(t *testing.T, opts api.Options) *world {
	opts.Compat = api.Compat{
		Knox:       api.CompatRoutes{Path: "/api/auth/knox", Client: "knox"},
		DRF:        api.CompatRoutes{Path: "/api-token-auth/", Client: "drf"},
		Multitoken: api.CompatRoutes{Path: "/api/old/", Client: "multitoken"},
	}
	w := newWorld(t, opts)
	for _, c := range []durin.Client{
		{Name: "knox", TTL: 10 * time.Hour, Policy: durin.PolicyEvict, MaxTokens: 9},
		{Name: "drf", TTL: durin.Never, Policy: durin.PolicyReuse},
		{Name: "multitoken", TTL: durin.Never, Policy: durin.PolicyReject, MaxTokens: 2},
	} {
		if _, err := w.guard.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func basicAuth(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

var anyToken = regexp.MustCompile(`"token":"[0-9a-f]{64}"`)

// blank puts TOKEN in the place of a token in the answer.
func blank(t *testing.T, res *http.Response) string {
	t.Helper()
	return anyToken.ReplaceAllString(text(t, res), `"token":TOKEN`)
}

func TestKnoxLogin(t *testing.T) {
	const form, js = "application/x-www-form-urlencoded", "application/json"
	w := newCompat(t, api.Options{LoginUser: true})
	for _, c := range []struct {
		name, auth, kind, body string
		status                 int
		want, challenge        string
	}{
		{"basic", basicAuth("alice:alice-pass"), "", "", 200, `{"expiry":"2030-01-02T13:04:05.678901Z","token":TOKEN,"user":{"username":"alice"}}`, ""},
		{"a body beside it", "bAsIc " + basicAuth("alice:alice-pass")[6:], js, `{"username":"bob"}`, 200, `{"expiry":"2030-01-02T13:04:05.678901Z","token":TOKEN,"user":{"username":"alice"}}`, ""},
		{"wrong", basicAuth("alice:x"), "", "", 401, `{"detail":"Invalid username/password."}`, `Basic realm="api"`},
		{"inactive", basicAuth("carol:carol-pass"), "", "", 401, `{"detail":"Invalid username/password."}`, `Basic realm="api"`},
		{"NUL", basicAuth("alice\x00:x"), "", "", 401, `{"detail":"Invalid username/password."}`, `Basic realm="api"`},
		{"latin-1", basicAuth("\xe4:x"), "", "", 401, `{"detail":"Invalid username/password."}`, `Basic realm="api"`},
		{"none", "", "", "", 401, `{"detail":"Authentication credentials were not provided."}`, `Basic realm="api"`},
		{"an empty object", "", js, "{}", 401, `{"detail":"Authentication credentials were not provided."}`, `Basic realm="api"`},
		{"bare", "Basic", "", "", 401, `{"detail":"Invalid basic header. No credentials provided."}`, `Basic realm="api"`},
		{"blank", "Basic a b", "", "", 401, `{"detail":"Invalid basic header. Credentials string should not contain spaces."}`, `Basic realm="api"`},
		{"no base64", "Basic ~", "", "", 401, `{"detail":"Invalid basic header. Credentials not correctly base64 encoded."}`, `Basic realm="api"`},
		{"no colon", basicAuth("alice"), "", "", 401, `{"detail":"Invalid basic header. Credentials not correctly base64 encoded."}`, `Basic realm="api"`},
		{"a body", "", js, `{"username":"bob","password":"bob-pass"}`, 200, `{"expiry":"2030-01-02T13:04:05.678901Z","token":TOKEN,"user":{"username":"bob"}}`, ""},
		{"a form", "", form, `username=bob&password=bob-pass`, 200, `{"expiry":"2030-01-02T13:04:05.678901Z","token":TOKEN,"user":{"username":"bob"}}`, ""},
		{"a wrong body", "", form, `username=bob&password=x`, 400, `{"non_field_errors":["Unable to log in with provided credentials."]}`, ""},
		{"half a body", "", form, `username=bob`, 400, `{"password":["This field is required."]}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{}
			if c.auth != "" {
				headers = append(headers, "Authorization", c.auth)
			}
			if c.kind != "" {
				headers = append(headers, "Content-Type", c.kind)
			}
			res := w.do("POST", "/api/auth/knox/login/", c.body, headers...)
			if got := blank(t, res); res.StatusCode != c.status || got != c.want || res.Header.Get("WWW-Authenticate") != c.challenge {
				t.Errorf("%d %s (%s)\nwant %d %s (%s)", res.StatusCode, got, res.Header.Get("WWW-Authenticate"), c.status, c.want, c.challenge)
			}
		})
	}
}

func TestKnoxLogOut(t *testing.T) {
	w := newCompat(t, api.Options{})
	login := func() string {
		return decode[struct{ Token string }](t, w.do("POST", "/api/auth/knox/login/", "", "Authorization", basicAuth("alice:alice-pass")), 200).Token
	}
	alive := func(token string, status int) {
		t.Helper()
		if res := w.do("GET", "/api/auth/sessions/", "", "Authorization", "Token "+token); res.StatusCode != status {
			t.Errorf("a token: %d, want %d", res.StatusCode, status)
		}
	}
	a, b, c, other := login(), login(), login(), w.token("1", "web")
	want(t, w.do("POST", "/api/auth/knox/logout/", "", "Authorization", "Token "+a), 204, "")
	alive(a, 401)
	alive(b, 200)
	want(t, w.do("POST", "/api/auth/knox/logoutall", "", "Authorization", "Token "+b), 204, "")
	alive(b, 401)
	alive(c, 401)
	alive(other, 200) // of another library, as it were
	want(t, w.do("POST", "/api/auth/knox/logoutall/", "", "Authorization", "Token "+b), 401, `{"detail":"Invalid token."}`)
	want(t, w.do("POST", "/api/auth/knox/logout/", ""), 401, `{"detail":"Authentication credentials were not provided."}`)
	want(t, w.do("GET", "/api/auth/knox/login/", ""), 405, `{"detail":"Method \"GET\" not allowed."}`)
}

// Knox refuses more tokens than its limit in words of its own.
func TestKnoxLimit(t *testing.T) {
	w := newCompat(t, api.Options{})
	if _, err := w.guard.UpdateClient(t.Context(), "knox", func(c *durin.Client) error {
		c.Policy, c.MaxTokens = durin.PolicyReject, 1
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{`{"expiry":"2030-01-02T13:04:05.678901Z","token":TOKEN}`, `{"error":"Maximum amount of tokens allowed per user exceeded."}`} {
		if got := blank(t, w.do("POST", "/api/auth/knox/login/", "", "Authorization", basicAuth("alice:alice-pass"))); got != answer {
			t.Errorf("%s, want %s", got, answer)
		}
	}
}

func TestDRFLogin(t *testing.T) {
	w := newCompat(t, api.Options{})
	post := func(body string) *http.Response {
		return w.do("POST", "/api-token-auth/", body, "Content-Type", "application/json")
	}
	first := text(t, post(`{"username":"alice","password":"alice-pass"}`))
	if second := text(t, post(`{"username":"alice","password":"alice-pass"}`)); second != first || !anyToken.MatchString(first) {
		t.Errorf("%s, then %s: want the same token", first, second)
	}
	want(t, post(`{}`), 400, `{"username":["This field is required."],"password":["This field is required."]}`)
	want(t, post(`{"username":"alice","password":"x"}`), 400, `{"non_field_errors":["Unable to log in with provided credentials."]}`)
	want(t, post(`{"username":`), 400, text(t, w.do("POST", "/api/auth/login/", `{"username":`, "Content-Type", "application/json")))
	if _, err := w.guard.UpdateClient(t.Context(), "drf", func(c *durin.Client) error { c.Name = "gone"; return nil }); err != nil {
		t.Fatal(err)
	}
	want(t, post(`{"username":"alice","password":"alice-pass"}`), 400, `{"detail":"No client with that name."}`)
}

func TestMultitokenLogin(t *testing.T) {
	w := newCompat(t, api.Options{})
	post := func(body string) *http.Response {
		return w.do("POST", "/api/old/login", body, "Content-Type", "application/json", "User-Agent", "curl/8")
	}
	token := decode[map[string]string](t, post(`{"username":"alice","password":"alice-pass","token_name":"laptop"}`), 200)
	if len(token) != 1 || token["token"] == "" {
		t.Errorf("%v", token)
	}
	sessions, err := w.guard.Sessions(t.Context(), browse.Query{Client: "multitoken"})
	if err != nil || len(sessions) != 1 || *sessions[0].Device != (durin.Device{Name: "laptop", Address: "192.0.2.7", Agent: "curl/8"}) {
		t.Errorf("%+v, %v", sessions, err)
	}
	if res := post(`{"username":"alice","password":"alice-pass"}`); blank(t, res) != `{"token":TOKEN}` {
		t.Error("a login without token_name")
	}
	if res := post(`{"username":"alice","password":"alice-pass"}`); res.StatusCode != 400 || !strings.Contains(text(t, res), "limit of tokens") {
		t.Error("a login beyond the limit")
	}
	want(t, w.do("POST", "/api/old/logout/", "", "Authorization", "Token "+token["token"]), 200, `{"status":"logged out"}`)
	want(t, w.do("POST", "/api/old/logout", "", "Authorization", "Token "+token["token"]), 401, `{"detail":"Invalid token."}`)
	want(t, w.do("POST", "/api/old/logout", ""), 401, `{"error":"not logged in"}`)
}

// Guesses through these routes count like others.
func TestCompatLoginIsLimited(t *testing.T) {
	w := newWorld(t, api.Options{Compat: api.Compat{Knox: api.CompatRoutes{Path: "/knox", Client: "web"}, DRF: api.CompatRoutes{Path: "/drf", Client: "web"}}},
		func(o *durin.Options) { o.LoginLimiter = nil })
	for range 30 {
		w.do("POST", "/knox/login/", "", "Authorization", basicAuth("alice:guess"))
	}
	body, _ := json.Marshal(map[string]string{"username": "alice", "password": "alice-pass"})
	if res := w.do("POST", "/drf", string(body), "Content-Type", "application/json"); res.StatusCode != 400 {
		t.Errorf("after thirty guesses: %d", res.StatusCode)
	}
}

func TestCompatOptions(t *testing.T) {
	w := newWorld(t, api.Options{})
	for name, c := range map[string]api.Compat{
		"no slash":  {Knox: api.CompatRoutes{Path: "knox", Client: "web"}},
		"no client": {DRF: api.CompatRoutes{Path: "/drf"}},
		"our own":   {Knox: api.CompatRoutes{Path: "/api/auth", Client: "web"}},
		"each other": {
			Knox: api.CompatRoutes{Path: "/old", Client: "web"}, Multitoken: api.CompatRoutes{Path: "/old/", Client: "web"},
		},
	} {
		if _, err := api.New(w.guard, api.Options{Compat: c}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	h, err := api.New(w.guard, api.Options{Compat: api.Compat{Knox: api.CompatRoutes{Path: "/k", Client: "knox"}, DRF: api.CompatRoutes{Path: "/d", Client: "web"}}})
	if err != nil {
		t.Fatal(err)
	}
	if missing, err := h.MissingClients(t.Context()); err != nil || len(missing) != 1 || missing[0] != "knox" {
		t.Errorf("%v, %v", missing, err)
	}
	for path, owned := range map[string]bool{"/k/login/": true, "/k/login": true, "/d": true, "/d/": true, "/k": false, "/k/login//": false, "/d/x": false} {
		if h.Owns(path) != owned {
			t.Errorf("%s: owned %v", path, !owned)
		}
	}
}

// A token that travels in a cookie is answered in no body: neither where the
// client has been one of cookies, nor where it becomes one.
func TestCompatOfACookieClient(t *testing.T) {
	w := newCompat(t, api.Options{CookieToken: true})
	logins := map[string]func() *http.Response{
		"knox": func() *http.Response {
			return w.do("POST", "/api/auth/knox/login/", "", "Authorization", basicAuth("alice:alice-pass"))
		},
		"drf": func() *http.Response {
			return w.do("POST", "/api-token-auth/", `username=alice&password=alice-pass`, formType...)
		},
		"multitoken": func() *http.Response {
			return w.do("POST", "/api/old/login", `username=alice&password=alice-pass`, formType...)
		},
	}
	for client, login := range logins {
		if res := login(); res.StatusCode != 200 {
			t.Fatalf("%s: %d", client, res.StatusCode)
		}
		if _, err := w.guard.UpdateClient(t.Context(), client, func(c *durin.Client) error { c.Cookie = true; return nil }); err != nil {
			t.Fatal(err)
		}
		before, _ := w.guard.Sessions(t.Context(), browse.Query{Client: client})
		want(t, login(), 409, `{"detail":"Tokens cannot be issued here: those of the client travel in a cookie."}`)
		if after, err := w.guard.Sessions(t.Context(), browse.Query{Client: client}); err != nil || len(after) != len(before) {
			t.Errorf("%s: %d sessions, %d before: %v", client, len(after), len(before), err)
		}
		if cookie, err := w.api.CookieClients(t.Context()); err != nil || !slices.Contains(cookie, client) {
			t.Errorf("%s: told %v, %v", client, cookie, err)
		}
	}
	if res := w.do("POST", "/api-token-auth/", `username=alice&password=no`, formType...); res.StatusCode != 400 {
		t.Errorf("a stranger is told of the client: %d", res.StatusCode)
	}
}

// Nor where HandOut issues for another client than the route's.
func TestCompatHandOutOfACookieClient(t *testing.T) {
	w := newCompat(t, api.Options{HandOut: func(r *http.Request, _ durin.User, req durin.IssueRequest, issue durin.IssueFunc) (durin.Issued, error) {
		req.Client = "browser"
		return issue(r.Context(), req)
	}})
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "browser", Cookie: true}); err != nil {
		t.Fatal(err)
	}
	res := w.do("POST", "/api-token-auth/", `username=alice&password=alice-pass`, formType...)
	want(t, res, 409, `{"detail":"Tokens cannot be issued here: those of the client travel in a cookie."}`)
	if left, err := w.guard.Sessions(t.Context(), browse.Query{Client: "browser"}); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

var formType = []string{"Content-Type", "application/x-www-form-urlencoded"}
