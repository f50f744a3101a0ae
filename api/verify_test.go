package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/storetest"
)

const verifyPath = "/api/auth/verify"

func TestVerify(t *testing.T) {
	w := newWorld(t, api.Options{})
	web, cli := "Token "+w.token("1", "web"), "Token "+w.token("1", "cli")
	for _, c := range []struct {
		name, target, auth string
		status             int
	}{
		{"any client", "", web, 200},
		{"with a slash", "/", web, 200},
		{"anonymous", "", "", 401},
		{"bad token", "", "Token x", 401},
		{"optional, anonymous", "?optional=1", "", 200},
		{"optional, bad token", "?optional=1", "Token x", 401},
		{"not optional", "?optional=0", "", 401},
		{"allowed", "?allow=web,cli", cli, 200},
		{"allowed, repeated", "?allow=web&allow=cli", cli, 200},
		{"not allowed", "?allow=web", cli, 403},
		{"nobody allowed", "?allow=", cli, 403},
		{"denied", "?deny=cli", cli, 403},
		{"not denied", "?deny=cli", web, 200},
		{"denied and allowed", "?allow=cli&deny=cli", cli, 403},
		{"allowed, anonymous", "?allow=web", "", 401},
		{"encoded", "?allow=%77eb", web, 200},
		{"a name with a comma is another name", "?allow=web%2Ccli", web, 403},
		{"blocked", "?throttle=none:0/m", web, 429},
		{"a throttle without a rate", "?throttle=user_per_client", web, 200},
		{"misspelt", "?alow=cli", web, 500},
		{"bad rate", "?throttle=x:often", web, 500},
		{"bad name of a throttle", `?throttle=a"b:1/m`, web, 500},
		{"no throttle", "?throttle=", web, 500},
		{"bad switch", "?optional=maybe", "", 500},
		{"bad encoding", "?allow=%zz", web, 500},
		{"bad refusal", "?refuse=200", web, 500},
		{"too many throttles", "?throttle=a:1/s,b:1/s,c:1/s,d:1/s,e:1/s", web, 500},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "PROPFIND"} {
			headers := []string{}
			if c.auth != "" {
				headers = append(headers, "Authorization", c.auth)
			}
			res := w.do(method, verifyPath+c.target, "", headers...)
			if res.StatusCode != c.status {
				t.Errorf("%s, %s: answered %d, want %d: %s", c.name, method, res.StatusCode, c.status, text(t, res))
			}
			if told := res.Header.Get("X-Durin-Client"); (told != "") != (c.status == 200 && c.auth != "") {
				t.Errorf("%s, %s: told the client %q", c.name, method, told)
			}
		}
	}
}

func TestVerifyIdentity(t *testing.T) {
	w := newWorld(t, api.Options{})
	odd, err := w.store.CreateClient(t.Context(), durin.Client{Name: "Füchse, 100%\r\nX: y", TTL: durin.Never, Policy: durin.PolicyReuse}) // as an import may
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		client string
		want   []string
	}{
		{"web", []string{"1", "alice", "web", "1", "2030-01-03T03:04:05.678901Z"}},
		{odd.Name, []string{"1", "alice", "F%C3%BCchse,%20100%25%0D%0AX:%20y", "2", "never"}},
		{"", []string{"", "", "", "", ""}},
	} {
		var headers []string
		if c.client != "" {
			headers = []string{"Authorization", "Token " + w.token("1", c.client)}
		}
		res := w.do("GET", verifyPath+"?optional=1", "", headers...)
		for i, name := range []string{"User-Id", "User", "Client", "Session", "Expiry"} {
			got := res.Header["X-Durin-"+name]
			if len(got) != 1 || got[0] != c.want[i] {
				t.Errorf("%q: %s is %q, want %q", c.client, name, got, c.want[i])
			}
		}
	}
	w = newWorld(t, api.Options{IdentityPrefix: "remote-"})
	res := w.do("GET", verifyPath, "", "Authorization", "Token "+w.token("2", "cli"))
	if got := res.Header.Get("Remote-User") + " " + res.Header.Get("Remote-User-Id"); got != "bob 2" {
		t.Errorf("with another prefix: %q", got)
	}
}

// A proxy that passes its caller's query on would let everybody write rules.
func TestVerifyCallersQuery(t *testing.T) {
	w := newWorld(t, api.Options{})
	for _, c := range []struct {
		query, uri string
		status     int
	}{
		{"?optional=1", "/things?optional=1", 500},
		{"?optional=1", "https://app.test/things?optional=1", 500},
		{"?page=2", "/things?page=2", 500},
		{"?optional=1", "/things", 200},
		{"?optional=1", "/things?page=2", 200},
		{"", "/things?optional=1", 401},
		{"?", "/things?", 401},
	} {
		for _, header := range []string{"X-Forwarded-Uri", "X-Original-Uri"} {
			if res := w.do("GET", verifyPath+c.query, "", header, c.uri); res.StatusCode != c.status {
				t.Errorf("%q for %s: %d, want %d", c.query, c.uri, res.StatusCode, c.status)
			}
		}
	}
}

// Rules in headers count on their own route only: elsewhere a caller could send
// them.
func TestVerifyByHeaders(t *testing.T) {
	w := newWorld(t, api.Options{})
	web := "Token " + w.token("1", "web")
	for _, c := range []struct {
		name, path string
		status     int
		headers    []string
	}{
		{"no rules", "-headers", 200, []string{"Authorization", web}},
		{"behind the path", "-headers/of/the?optional=1", 401, nil},
		{"what a caller may send", "", 400, []string{"X-Durin-Optional", "1"}},
		{"what a caller may send, 2", "?allow=cli", 400, []string{"X-Durin-Allow", "web", "Authorization", web}},
		{"allow", "-headers/a", 403, []string{"X-Durin-Allow", "cli, key", "Authorization", web}},
		{"allow in two lines", "-headers/a", 200, []string{"X-Durin-Allow", "cli", "X-Durin-Allow", "web", "Authorization", web}},
		{"deny", "-headers/a", 403, []string{"X-Durin-Deny", "web", "Authorization", web}},
		{"optional", "-headers/a", 200, []string{"X-Durin-Optional", "1"}},
		{"no rule in a rule", "-headers/a", 401, []string{"X-Durin-Deny", "x&optional=1"}},
		{"throttle", "-headers/a", 429, []string{"X-Durin-Throttle", "b:0/s", "Authorization", web}},
		{"misspelt", "-headers/a", 500, []string{"X-Durin-Throttle", "b:x", "Authorization", web}},
		{"elsewhere", "-headersx", 404, []string{"Authorization", web}},
	} {
		for _, method := range []string{"GET", "DELETE", "OPTIONS"} {
			if res := w.do(method, verifyPath+c.path, "", c.headers...); res.StatusCode != c.status {
				t.Errorf("%s, %s: answered %d, want %d: %s", c.name, method, res.StatusCode, c.status, text(t, res))
			}
		}
	}
}

// A header that an application could take for one of ours is refused, whatever
// characters stand between its words: proxies that remove names one by one pass it
// on.
func TestVerifyReservedNames(t *testing.T) {
	for prefix, w := range map[string]*world{"X-Durin-": newWorld(t, api.Options{}), "Remote-": newWorld(t, api.Options{IdentityPrefix: "Remote-"})} {
		auth := "Token " + w.token("1", "web")
		ask := func(name string, want int) {
			t.Helper()
			for _, path := range []string{verifyPath + "?optional=1", verifyPath + "-headers/x"} {
				if res := w.do("GET", path, "", "Authorization", auth, name, "boss"); res.StatusCode != want {
					t.Errorf("%s with %s: answered %d, want %d", path, name, res.StatusCode, want)
				}
			}
		}
		for _, sep := range "!#$%&'*+.^_`|~" {
			for _, name := range []string{"User", "User-Id", "Client", "Session", "Expiry"} {
				ask(strings.ReplaceAll(prefix+name, "-", string(sep)), 400)
				ask(strings.Replace(prefix, "-", string(sep), 1)+name, 400)
			}
			ask("x"+string(sep)+"durin"+string(sep)+"admin", 400)
		}
		ask("X-Durin-Admin", 400)
		for _, name := range []string{"User", "User-Id", "Client", "Session", "Expiry"} {
			ask(prefix+name, 200) // the proxy overwrites it
		}
		for _, name := range []string{"X-Durin", "X-Durinuser", "Xx-Durin-User", "Durin-User", "Remote-Users", "Remote-Addr", "X-User"} {
			ask(name, 200)
		}
		res := w.do("GET", verifyPath, "", "Authorization", auth, "X-Durin-"+strings.Repeat("a", 5000), "boss")
		if body := text(t, res); res.StatusCode != 400 || len(body) > 300 {
			t.Errorf("%d with %d bytes", res.StatusCode, len(body))
		}
	}
}

// What nginx keeps of a refusal are its status, if that is 401 or 403, and its
// headers.
func TestVerifyRefusalInHeaders(t *testing.T) {
	w := newWorld(t, api.Options{SignInURL: "https://login.example.org/in"}, func(o *durin.Options) { o.Schemes = []string{"Token", "Bearer"} })
	web := "Token " + w.token("1", "web")
	const bearer = `Bearer realm="durin"`
	for _, c := range []struct {
		name, query           string
		status                int
		told, challenge, body string
		headers               []string
	}{
		{"passes", "", 200, "", "", "", []string{"Authorization", web}},
		{"anonymous", "", 403, "401", "Token, " + bearer, `{"detail":"Authentication credentials were not provided."}`, nil},
		{"a bad token", "", 403, "401", "Token, " + bearer + `, error="invalid_token", error_description="Invalid token."`, `{"detail":"Invalid token."}`, []string{"Authorization", "Token x"}},
		{"denied", "&deny=web", 403, "403", bearer + `, error="insufficient_scope", error_description="You do not have permission to perform this action."`,
			`{"detail":"You do not have permission to perform this action."}`, []string{"Authorization", web}},
		{"throttled", "&throttle=none:0/m", 403, "429", "", `{"detail":"Request was throttled. Expected available in 60 seconds."}`, []string{"Authorization", web}},
		{"a page", "", 403, "302", "", "", []string{"X-Forwarded-Method", "GET", "Accept", "text/html"}},
		{"a reserved name", "", 403, "400", "",
			`{"detail":"A header of the request has a name that is reserved for what the application is told about its caller: X-Durin-Admin. Send it under another name."}`, []string{"X-Durin-Admin", "boss"}},
		{"a rule that is not understood", "&x=1", 500, "", "", "", nil},
	} {
		res := w.do("GET", verifyPath+"?refuse=403"+c.query, "", c.headers...)
		h := res.Header
		got := []string{h.Get("X-Durin-Status"), strings.Join(h["Www-Authenticate"], " and "), h.Get("X-Durin-Body")}
		if c.told == "429" && strings.HasPrefix(got[2], `{"detail":"Request was throttled.`) {
			got[2] = c.body
		}
		if want := []string{c.told, c.challenge, c.body}; res.StatusCode != c.status || !slices.Equal(got, want) {
			t.Errorf("%s: answered %d %q, want %d %q", c.name, res.StatusCode, got, c.status, want)
		}
		if c.told == "302" && h.Get("Location") != "https://login.example.org/in" || c.told == "429" && h.Get("Retry-After") == "" {
			t.Errorf("%s: answered with %v", c.name, h)
		}
	}
}

// What limits requests has a name of its own: the old one is refused and told of.
func TestVerifyScopeIsNoThrottle(t *testing.T) {
	w := newWorld(t, api.Options{})
	auth := "Token " + w.token("1", "web")
	for query, want := range map[string]string{
		"?scope=burst:10/s":           "throttle=NAME:RATE",
		"?scope=burst%3A10%2Fs":       "throttle=NAME:RATE",
		"?scope=a,burst:10/s":         "throttle=NAME:RATE",
		"?optional=1&scope=burst:1/s": "throttle=NAME:RATE",
		"?scope=notes":                "no rule scope",
		"?scope=":                     "no rule scope",
	} {
		if res := w.do("GET", verifyPath+query, "", "Authorization", auth); res.StatusCode != 500 || !strings.Contains(text(t, res), want) {
			t.Errorf("%s: %d", query, res.StatusCode)
		}
	}
	if res := w.do("GET", verifyPath+"-headers/a", "", "Authorization", auth, "X-Durin-Scope", "burst:10/s"); res.StatusCode != 500 {
		t.Errorf("in a header: %d", res.StatusCode)
	}
}

// TestVerifyApart: where the proxy has an address of its own, rules are believed
// there and nowhere else.
func TestVerifyApart(t *testing.T) {
	w := newWorld(t, api.Options{VerifyApart: true})
	auth := "Token " + w.token("1", "web")
	for path, status := range map[string]int{
		verifyPath + "?allow=web": 200, verifyPath + "/": 200, verifyPath + "?allow=cli": 403, verifyPath + "-headers/a/b": 200,
		"/api/auth/login/": 404, "/api/auth/sessions/": 404, "/": 404,
	} {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", auth)
		w.api.Verify().ServeHTTP(rec, r)
		if rec.Code != status {
			t.Errorf("the proxy's own address, %s: %d, want %d", path, rec.Code, status)
		}
	}
	for _, path := range []string{verifyPath, verifyPath + "/", verifyPath + "?optional=1", verifyPath + "-headers/a"} {
		if res := w.do("GET", path, "", "Authorization", auth); res.StatusCode != 404 {
			t.Errorf("the main address, %s: %d", path, res.StatusCode)
		}
	}
	if w.api.Owns(verifyPath) || !w.api.Owns("/api/auth/login/") {
		t.Error("what the main address owns")
	}
}

// TestStrangersRules: whatever strangers ask with, the proxy's rules stay
// remembered, and little else does; what is not understood is logged once a minute.
func TestStrangersRules(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, api.Options{}, func(o *durin.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	ask := func(query string) int { return w.do("GET", verifyPath+"?"+query, "").StatusCode }
	for i := range 5000 {
		ask("optional=1&allow=" + strconv.Itoa(i))
		ask("optional=1&allow=" + strings.Repeat("x", 2000) + strconv.Itoa(i))
		if code := ask("nosuch=" + strconv.Itoa(i)); code != 500 {
			t.Fatal(code)
		}
		if i%100 == 0 {
			ask("optional=1&allow=the-proxy")
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("logged:\n%s", &log)
	}
	n, has := w.api.Remembered("optional=1&allow=the-proxy")
	if n > 1000 || !has {
		t.Errorf("%d rules are remembered, the proxy's: %v", n, has)
	}
}

// Every question counts, however often the token was checked before.
func TestVerifyThrottle(t *testing.T) {
	w := newWorld(t, api.Options{})
	auth := "Token " + w.token("1", "web")
	for i := range 5 {
		res := w.do("GET", verifyPath+"?throttle=burst:2/m", "", "Authorization", auth)
		if want := map[bool]int{true: 200, false: 429}[i < 2]; res.StatusCode != want {
			t.Fatalf("question %d: %d, want %d", i+1, res.StatusCode, want)
		}
		if got := res.Header.Get("RateLimit"); !strings.HasPrefix(got, `"burst";r=`) {
			t.Errorf("question %d: RateLimit is %q", i+1, got)
		}
		if i >= 2 && res.Header.Get("Retry-After") != "60" {
			t.Errorf("Retry-After is %q", res.Header.Get("Retry-After"))
		}
	}
}

func TestVerifyEnds(t *testing.T) {
	var down atomic.Bool
	w := newWorld(t, api.Options{}, func(o *durin.Options) {
		o.Store = storetest.Faulty(o.Store, storetest.Faults{Before: func(context.Context, string) error {
			if down.Load() {
				return errors.New("no route to host")
			}
			return nil
		}})
		o.Users = o.Store.(durin.UserStore)
	})
	auth := "Token " + w.token("1", "web")
	ask := func(want int) *http.Response {
		t.Helper()
		res := w.do("GET", verifyPath, "", "Authorization", auth)
		if res.StatusCode != want {
			t.Errorf("answered %d, want %d", res.StatusCode, want)
		}
		return res
	}
	ask(200)
	want(t, w.do("POST", "/api/auth/logout", "", "Authorization", auth), 204, "")
	ask(401)
	auth = "Token " + w.token("1", "web")
	ask(200)
	w.advance(24*time.Hour + time.Microsecond)
	want(t, ask(401), 401, `{"detail":"The given token has expired."}`)
	auth = "Token " + w.token("1", "web")
	down.Store(true)
	if res := ask(503); res.Header.Get("Retry-After") == "" || strings.Contains(text(t, res), "route") {
		t.Error("the outage is told wrongly")
	}
}

func TestVerifyCookie(t *testing.T) {
	w := newWorld(t, api.Options{})
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "browser", Cookie: true}); err != nil {
		t.Fatal(err)
	}
	cookie := "__Host-durin=" + w.token("1", "browser")
	for _, c := range []struct {
		name, path, method string
		status             int
		headers            []string
	}{
		{"a page", "", "GET", 200, []string{"X-Forwarded-Method", "GET", "Sec-Fetch-Site", "cross-site"}},
		{"our form", "", "GET", 200, []string{"X-Forwarded-Method", "POST", "Sec-Fetch-Site", "same-origin"}},
		{"their form", "", "GET", 403, []string{"X-Forwarded-Method", "POST", "Sec-Fetch-Site", "cross-site"}},
		{"their form, as nginx tells", "", "GET", 403, []string{"X-Original-Method", "POST", "Sec-Fetch-Site", "cross-site"}},
		{"the method is not told", "", "GET", 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"their form, method kept", "-headers/x", "POST", 403, []string{"Sec-Fetch-Site", "cross-site", "X-Forwarded-Method", "GET"}},
		{"our form by an old browser", "", "GET", 200, []string{"X-Forwarded-Method", "POST", "Origin", "https://app.test", "X-Forwarded-Host", "app.test"}},
		{"their form by an old browser", "", "GET", 403, []string{"X-Forwarded-Method", "POST", "Origin", "https://evil.test", "X-Forwarded-Host", "app.test"}},
		{"a sibling's socket", "", "GET", 403, []string{"X-Forwarded-Method", "GET", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "websocket"}},
	} {
		res := w.do(c.method, verifyPath+c.path, "", append(c.headers, "Cookie", cookie)...)
		if res.StatusCode != c.status {
			t.Errorf("%s: answered %d, want %d", c.name, res.StatusCode, c.status)
		}
	}
}

func TestVerifyPreflight(t *testing.T) {
	w := newWorld(t, api.Options{})
	for target, want := range map[string]int{"?preflight=1": 200, "?preflight=0": 401, "": 401} {
		res := w.do("GET", verifyPath+target, "", "X-Forwarded-Method", "OPTIONS", "Access-Control-Request-Method", "PUT")
		if res.StatusCode != want {
			t.Errorf("%q: %d, want %d", target, res.StatusCode, want)
		}
	}
	for _, headers := range [][]string{
		{"X-Forwarded-Method", "OPTIONS"},
		{"X-Forwarded-Method", "PUT", "Access-Control-Request-Method", "PUT"},
		// told in two ways: one of them is the caller's own
		{"X-Forwarded-Method", "OPTIONS", "X-Original-Method", "GET", "Access-Control-Request-Method", "GET"},
		{"X-Forwarded-Method", "GET", "X-Original-Method", "OPTIONS", "Access-Control-Request-Method", "GET"},
	} {
		if res := w.do("GET", verifyPath+"?preflight=1", "", headers...); res.StatusCode != 401 {
			t.Errorf("%v passed", headers)
		}
	}
}

func TestSignIn(t *testing.T) {
	w := newWorld(t, api.Options{SignInURL: "https://login.example.org/in", ReturnTo: []string{"App.example.org", "app.example.org:8443"}})
	page := []string{"X-Forwarded-Method", "GET", "Accept", "text/html,*/*", "Sec-Fetch-Mode", "navigate", "X-Forwarded-Proto", "https"}
	const plain = "https://login.example.org/in"
	for _, c := range []struct {
		name     string
		query    string
		status   int
		location string
		headers  []string
	}{
		{"a page", "", 302, plain + "?next=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc", append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", "/a?b=c")},
		{"as nginx tells", "?signin=401", 401, plain + "?next=https%3A%2F%2Fapp.example.org%3A8443%2F", append(page, "X-Forwarded-Host", "APP.example.org:8443", "X-Original-Uri", "/")},
		{"without the newer header", "", 302, plain, []string{"X-Original-Method", "GET", "Accept", "text/html"}},
		{"another host", "", 302, plain, append(page, "X-Forwarded-Host", "evil.test", "X-Forwarded-Uri", "/")},
		{"a longer host", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org.evil.test", "X-Forwarded-Uri", "/")},
		{"another port", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org:1", "X-Forwarded-Uri", "/")},
		{"a user before the host", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org@evil.test", "X-Forwarded-Uri", "/")},
		{"a whole address", "", 302, plain + "?next=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc", append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", "HTTPS://App.example.org/a?b=c")},
		{"a whole address with a port", "", 302, plain + "?next=https%3A%2F%2Fapp.example.org%3A8443%2F%3Fb", append(page, "X-Forwarded-Host", "app.example.org:8443", "X-Forwarded-Uri", "https://app.example.org:8443?b")},
		{"a whole address without a path", "", 302, plain + "?next=https%3A%2F%2Fapp.example.org%2F", append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", "http://app.example.org")},
		{"a whole address of another host", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", "https://app.example.org.evil.test/")},
		{"a whole address with a user", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", "https://app.example.org@evil.test/")},
		{"a whole address of another scheme", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", "javascript://app.example.org/")},
		{"an address for a path", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", "https://evil.test/")},
		{"the path goes on the host", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", ".evil.test/")},
		{"a backslash", "", 302, plain, append(page, "X-Forwarded-Host", "app.example.org", "X-Forwarded-Uri", `/\evil.test`)},
		{"a form", "", 401, "", []string{"X-Forwarded-Method", "POST", "Accept", "text/html", "Sec-Fetch-Mode", "navigate"}},
		{"a fetch", "", 401, "", []string{"X-Forwarded-Method", "GET", "Accept", "text/html", "Sec-Fetch-Mode", "cors"}},
		{"a script over plain HTTP", "", 401, "", []string{"X-Forwarded-Method", "GET", "Accept", "text/html", "X-Requested-With", "XMLHttpRequest"}},
		{"a page in an application's own window", "", 302, plain, []string{"X-Forwarded-Method", "GET", "Accept", "text/html", "X-Requested-With", "org.example.app"}},
		{"a program", "", 401, "", []string{"X-Forwarded-Method", "GET", "Accept", "*/*"}},
		{"the method is not told", "", 401, "", []string{"Accept", "text/html"}},
	} {
		res := w.do("GET", verifyPath+c.query, "", c.headers...)
		if got := res.Header.Get("Location"); res.StatusCode != c.status || got != c.location {
			t.Errorf("%s: answered %d to %q, want %d to %q", c.name, res.StatusCode, got, c.status, c.location)
		}
	}
	res := w.do("GET", verifyPath+"?allow=web", "", append(page, "Authorization", "Token "+w.token("1", "cli"))...)
	if res.StatusCode != 403 || res.Header.Get("Location") != "" {
		t.Error("who may not pass is sent to sign in:", res.StatusCode)
	}
}

// A sign-in page on the same host is told the path alone, whatever the host is.
func TestSignInOnTheSameHost(t *testing.T) {
	page := []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "X-Forwarded-Method", "GET", "X-Forwarded-Host", "any.example.org:8443"}
	for signIn, begin := range map[string]string{"/account/": "/account/?", "/in?a=b": "/in?a=b&"} {
		w := newWorld(t, api.Options{SignInURL: signIn})
		for uri, want := range map[string]string{
			"/a?b=c": begin + "next=%2Fa%3Fb%3Dc", "": signIn, "/\\evil.example": signIn, "/a b": signIn, "a": signIn, "//evil.example": signIn,
		} {
			res := w.do("GET", verifyPath, "", append(page, "X-Forwarded-Uri", uri)...)
			if got := res.Header.Get("Location"); res.StatusCode != 302 || got != want {
				t.Errorf("%q: %d to %q, want %q", uri, res.StatusCode, got, want)
			}
		}
	}
}

// A sign-in page that nobody can open for the length of its address leads nowhere: the
// query of a long address to return to is left out, and all of it if need be.
func TestSignInFromALongAddress(t *testing.T) {
	page := []string{"Accept", "text/html", "X-Forwarded-Method", "GET", "X-Forwarded-Host", "app.example.org", "X-Forwarded-Proto", "https"}
	for signIn, begin := range map[string]string{"/account/": "/account/?next=", "https://app.example.org/account/": "https://app.example.org/account/?next=https%3A%2F%2Fapp.example.org"} {
		w := newWorld(t, api.Options{SignInURL: signIn, ReturnTo: []string{"app.example.org"}})
		for _, c := range []struct{ uri, want string }{
			{"/a?b=" + strings.Repeat("c", 6000), begin + "%2Fa%3Fb%3D" + strings.Repeat("c", 6000)},
			{"/a?b=" + strings.Repeat("c", 7200), begin + "%2Fa"},
			{"/a?b=" + strings.Repeat("%20", 2000), begin + "%2Fa"},
			{"/" + strings.Repeat("a", 7200) + "?b=c", signIn},
		} {
			res := w.do("GET", verifyPath, "", append(page, "X-Forwarded-Uri", c.uri)...)
			if got := res.Header.Get("Location"); res.StatusCode != 302 || got != c.want {
				t.Errorf("%.20s… of %d bytes: %d to %.80q… of %d", c.uri, len(c.uri), res.StatusCode, got, len(got))
			}
		}
	}
}

func TestBesideOptions(t *testing.T) {
	w := newWorld(t, api.Options{})
	for name, o := range map[string]api.Options{
		"public URL": {PublicURL: "auth.example.org"},
		"sign-in":    {SignInURL: "//login"},
		"odd path":   {SignInURL: "/\\login"},
		"return":     {ReturnTo: []string{"https://app.example.org"}},
		"wild":       {ReturnTo: []string{"*.example.org"}},
		"prefix":     {IdentityPrefix: "X Y-"},
	} {
		if _, err := api.New(w.guard, o); err == nil {
			t.Errorf("%s: %+v was taken", name, o)
		}
	}
}

// Rules that strangers make up are not remembered without end.
func TestVerifyManyRules(t *testing.T) {
	w := newWorld(t, api.Options{})
	auth := "Token " + w.token("1", "web")
	for i := range 1500 {
		if res := w.do("GET", fmt.Sprintf("%s?deny=c%d", verifyPath, i), "", "Authorization", auth); res.StatusCode != 200 {
			t.Fatal(res.StatusCode)
		}
	}
	if res := w.do("GET", verifyPath+"?deny=web&deny=c1501", "", "Authorization", auth); res.StatusCode != 403 {
		t.Error(res.StatusCode)
	}
}

// Nothing in a query lets an anonymous caller pass but optional and preflight.
func FuzzVerify(f *testing.F) {
	for _, seed := range []string{"allow=web", "throttle=a:1/s", "optional=1", "deny=%2c,&&=", "preflight=1&signin=401", "optional=%31"} {
		f.Add(seed, seed)
	}
	var w *world
	f.Fuzz(func(t *testing.T, query, header string) {
		if w == nil {
			w = newWorld(t, api.Options{SignInURL: "https://login.example.org/", ReturnTo: []string{"app.example.org"}})
		}
		w.t = t
		if strings.ContainsAny(query, "#") {
			return
		}
		res := w.do("GET", verifyPath+"?"+query, "", "X-Forwarded-Uri", header, "X-Forwarded-Host", header, "Accept", "text/html", "X-Forwarded-Method", "GET")
		if res.StatusCode == 200 && !strings.Contains(query, "optional") {
			t.Errorf("an anonymous caller passes by %q", query)
		}
		if to := res.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "https://login.example.org/") {
			t.Errorf("sent to %q", to)
		}
	})
}
