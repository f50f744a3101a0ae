package proxytest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
)

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func TestWhoPasses(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		web, cli := bearer(w.token("web")), bearer(w.token("cli"))
		w.want("allowed", w.do("GET", "/cli/things", nil, cli...), 200)
		w.want("denied", w.do("GET", "/things", nil, cli...), 403)
		for _, path := range []string{"/things", "/cli/things"} {
			w.want("anonymous", w.do("GET", path, nil), 401)
			w.want("a bad token", w.do("GET", path, nil, bearer("x")...), 401)
		}
		w.want("where anybody may", w.do("GET", "/public/", nil), 200)
		w.want("a bad token there", w.do("GET", "/public/", nil, bearer("x")...), 401)
		for range 5 {
			w.want("within the rate", w.do("GET", "/things", nil, web...), 200)
		}
		throttled := w.do("GET", "/things", nil, web...)
		w.want("throttled", throttled, 429)
		if throttled.header.Get("Retry-After") == "" || throttled.header.Get("Ratelimit") == "" {
			t.Errorf("429 with %v", throttled.header)
		}
		w.want("another client", w.do("GET", "/cli/things", nil, cli...), 200)
		w.want("the login is open", w.do("POST", "/api/auth/login/", strings.NewReader("{}"), "Content-Type", "application/json"), 400)
	}, "burst:50/s", "burst:5/m")
}

// Programs get JSON whatever happens, with all challenges of a 401.
func TestRefusals(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		check := func(what string, a answer, status int, detail string) {
			t.Helper()
			w.want(what, a, status)
			var told struct{ Detail string }
			if err := json.Unmarshal([]byte(a.body), &told); err != nil || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
				t.Errorf("%s: %s %q", what, a.header.Get("Content-Type"), a.body)
			}
			if !strings.HasPrefix(told.Detail, detail) {
				t.Errorf("%s: told %q, want %q", what, told.Detail, detail)
			}
			for name := range a.header {
				if strings.HasPrefix(name, "X-Durin") {
					t.Errorf("%s: the caller sees %s", what, name)
				}
			}
		}
		challenges := func(what string, a answer, want string) {
			t.Helper()
			if got := strings.Join(a.header["Www-Authenticate"], ", "); got != want {
				t.Errorf("%s: challenged with %q, want %q", what, got, want)
			}
		}
		web := bearer(w.token("web"))
		a := w.do("GET", "/", nil)
		check("anonymous", a, 401, "Authentication credentials were not provided.")
		challenges("anonymous", a, `Token, Bearer realm="durin"`)
		a = w.do("GET", "/", nil, bearer("x")...)
		check("a bad token", a, 401, "Invalid token.")
		challenges("a bad token", a, `Token, Bearer realm="durin", error="invalid_token", error_description="Invalid token."`)
		a = w.do("GET", "/", nil, bearer(w.token("cli"))...)
		check("another client", a, 403, "You do not have permission to perform this action.")
		challenges("another client", a, `Bearer realm="durin", error="insufficient_scope", error_description="You do not have permission to perform this action."`)
		w.want("within the rate", w.do("GET", "/", nil, web...), 200)
		check("throttled", w.do("GET", "/", nil, web...), 429, "Request was throttled. Expected available in ")
		check("a path of two meanings", w.do("GET", "/a//b", nil, web...), 400, "The path can be read in more than one way.")
		check("the proxy's question", w.do("GET", "/api/auth/verify", nil, web...), 404, "Not found.")
		w.app.Close()
		a = w.do("GET", "/cli/", nil, bearer(w.token("cli"))...)
		check("the application is down", a, 503, "The service is temporarily unavailable.")
		w.down.Store(true)
		a = w.do("GET", "/", nil, bearer(strings.Repeat("1", 64))...)
		check("the store is down", a, 503, "The service is temporarily unavailable.")
		w.durin.Close()
		a = w.do("GET", "/", nil, web...)
		check("Durin is down", a, 503, "The service is temporarily unavailable.")
	}, "burst:50/s", "burst:1/m")
}

// The proxy's question is the proxy's alone.
func TestQuestionIsClosed(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, path := range []string{
			"/api/auth/verify", "/api/auth/verify/", "/api/auth/verify?optional=1", "/api/auth/verify-headers/x", "/api/auth/%76erify", "/api/auth//verify",
			"/api/auth/./verify", "/api/auth/x/../verify", "/api/auth/VERIFY", "/api/%61uth/verify", "/api/auth/%2e/verify", "/api/auth%2fverify", "/_durin",
		} {
			w.asked.Store(nil)
			a := w.do("GET", path, nil, bearer(w.token("web"))...)
			if asked := w.asked.Load(); asked != nil && asked.headers["X-Forwarded-Uri"] == nil && a.status == 200 {
				t.Errorf("%s: a caller asks: %d", path, a.status)
			}
			if a.status == 200 && a.seen == nil {
				t.Errorf("%s: answered %d %s", path, a.status, a.body)
			}
		}
	})
}

// Durin's pages are behind the proxy too.
func TestPagesAreRouted(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for path, want := range map[string]int{
			"/account/": 303, "/account/sign-in": 200, "/admin/": 303, "/admin/sign-in": 200, "/.well-known/oauth-authorization-server": 200, "/.well-known/openid-configuration": 200, "/api/auth/sessions//5": 401,
		} {
			a := w.do("GET", path, nil, "Accept", "text/html")
			if a.status != want {
				t.Errorf("%s: answered %d %v, want %d", path, a.status, a.header, want)
			}
		}
	})
}

func TestEndings(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		old := bearer(w.token("web"))
		w.want("warm", w.do("GET", "/", nil, old...), 200)
		if _, err := w.guard.End(t.Context(), durin.Selection{Client: "web"}); err != nil {
			t.Fatal(err)
		}
		w.want("revoked", w.do("GET", "/", nil, old...), 401)
		late := bearer(w.token("web"))
		w.want("warm again", w.do("GET", "/", nil, late...), 200)
		w.ahead.Store(int64(25 * time.Hour))
		w.want("expired", w.do("GET", "/", nil, late...), 401)
	})
}

// Who asks is told, and only Durin tells it.
func TestIdentity(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		auth := bearer(w.token("web"))
		forged := []string{
			"X-Durin-User", "mallory", "x-durin-user", "mallory", "X-DURIN-USER-ID", "666", "X-Durin-Client", "root", "X_Durin_User", "mallory",
			"X-Durin_User", "mallory", "X-Durin-Session", "666", "X-Durin-Expiry", "mallory",
		}
		for what, headers := range map[string][]string{"plain": auth, "forged": append(forged, auth...)} {
			a := w.do("GET", "/", nil, headers...)
			w.want(what, a, 200)
			if a.seen == nil {
				continue
			}
			for name, want := range map[string]string{"User-Id": "1", "User": "ada", "Client": "web", "Session": "1"} {
				if got := a.seen.Headers["X-Durin-"+name]; len(got) != 1 || got[0] != want {
					t.Errorf("%s: %s is %q, want %q", what, name, got, want)
				}
			}
			if at, err := time.Parse(time.RFC3339, a.seen.Headers.Get("X-Durin-Expiry")); err != nil || time.Until(at) > 25*time.Hour {
				t.Errorf("%s: the expiry is %q", what, a.seen.Headers.Get("X-Durin-Expiry"))
			}
			for name, values := range a.seen.Headers {
				plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
				if strings.HasPrefix(plain, "x-durin-") && (strings.Contains(name, "_") || strings.Contains(strings.Join(values, " "), "mallory")) {
					t.Errorf("%s: the application sees %s: %q", what, name, values)
				}
			}
		}
		// What a caller says of the rules or of its request changes nothing.
		for _, headers := range [][]string{
			forged,
			{"X-Original-Method", "OPTIONS", "X-Forwarded-Method", "OPTIONS", "Access-Control-Request-Method", "GET"},
		} {
			w.want("anonymous, forged", w.do("GET", "/?optional=1", nil, headers...), 401)
		}
		w.want("anonymous, by OPTIONS", w.do("OPTIONS", "/", nil), 401)
		w.want("anonymous, by HEAD", w.do("HEAD", "/", nil), 401)
	})
}

// A caller cannot say where it comes from, neither to Durin nor to the
// application.
func TestAddress(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		auth := bearer(w.token("web"))
		for what, headers := range map[string][]string{
			"plain":           nil,
			"Forwarded":       {"Forwarded", "for=192.0.2.66", "forwarded", "for=192.0.2.67"},
			"X-Forwarded-For": {"X-Forwarded-For", "192.0.2.66", "x-forwarded-for", "192.0.2.67"},
			"all":             {"Forwarded", "for=192.0.2.66", "X-Forwarded-For", "192.0.2.66", "X-Real-IP", "192.0.2.66", "True-Client-IP", "192.0.2.66"},
		} {
			for _, path := range []string{"/", "/public/", "/api/auth/sessions/"} {
				w.asked.Store(nil)
				a := w.do("GET", path, nil, append(headers, auth...)...)
				asked := w.asked.Load()
				if asked == nil {
					t.Fatalf("%s, %s: %d, and Durin is not asked", what, path, a.status)
				}
				if asked.address.String() != "127.0.0.1" {
					t.Errorf("%s, %s: Durin takes %s for the caller's address", what, path, asked.address)
				}
				sees := map[string]http.Header{"Durin": asked.headers}
				if a.seen != nil {
					sees["the application"] = a.seen.Headers
				}
				for who, got := range sees {
					if f := got["Forwarded"]; f != nil {
						t.Errorf("%s, %s: %s sees Forwarded: %q", what, path, who, f)
					}
					if f := got["X-Forwarded-For"]; len(f) != 1 || f[0] != "127.0.0.1" {
						t.Errorf("%s, %s: %s sees X-Forwarded-For: %q", what, path, who, f)
					}
				}
			}
		}
	})
}

func TestCookies(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		cookie := []string{"Cookie", "a=b; __Host-durin=" + w.token("browser")}
		with := func(headers ...string) []string { return append(headers, cookie...) }
		w.want("a page", w.do("GET", "/", nil, with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")...), 200)
		w.want("our form", w.do("POST", "/", strings.NewReader("a=b"), with("Sec-Fetch-Site", "same-origin")...), 200)
		w.want("their form", w.do("POST", "/", strings.NewReader("a=b"), with("Sec-Fetch-Site", "cross-site")...), 403)
		w.want("a sibling's form", w.do("POST", "/", strings.NewReader("a=b"), with("Sec-Fetch-Site", "same-site")...), 403)
		w.want("our form by an old browser", w.do("POST", "/", strings.NewReader("a=b"), with("Origin", "http://"+w.proxy)...), 200)
		w.want("their form by an old browser", w.do("POST", "/", strings.NewReader("a=b"), with("Origin", "http://evil.test")...), 403)
		w.want("a method told wrongly", w.do("POST", "/", strings.NewReader("a=b"), with("Sec-Fetch-Site", "cross-site", "X-Forwarded-Method", "GET", "X-Original-Method", "GET")...), 403)
		w.want("its token in a header", w.do("GET", "/", nil, bearer(strings.TrimPrefix(cookie[1], "a=b; __Host-durin="))...), 401)
	})
}

// The lines that the files offer keep tokens from the application, and a caller's own
// cookies reach it.
func TestSecretsStay(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for what, headers := range map[string][]string{
			"a token":  bearer(w.token("web")),
			"a cookie": {"Cookie", "own=1; __Host-durin=" + w.token("browser") + "; last=2"},
		} {
			a := w.do("GET", "/", nil, headers...)
			w.want(what, a, 200)
			if a.seen == nil {
				continue
			}
			if got := a.seen.Headers.Get("Authorization"); got != "" {
				t.Errorf("%s: the application gets Authorization: %s", what, got)
			}
			if got := a.seen.Headers.Get("Cookie"); what == "a cookie" && got != "own=1; last=2" {
				t.Errorf("%s: the application gets Cookie: %s", what, got)
			}
		}
	}, "# proxy_set_header Authorization", "proxy_set_header Authorization", "# request_header -Authorization", "request_header -Authorization",
		"# http-request del-header Authorization", "http-request del-header Authorization")
}

func TestUpload(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		body := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MiB
		sum := sha256.Sum256(body)
		for what, reader := range map[string]io.Reader{"of known length": bytes.NewReader(body), "in pieces": io.MultiReader(bytes.NewReader(body))} {
			a := w.do("PUT", "/upload", reader, bearer(w.token("web"))...)
			w.want(what, a, 200)
			if a.seen != nil && (a.seen.Body != hex.EncodeToString(sum[:]) || a.seen.Method != "PUT" || a.seen.Path != "/upload") {
				t.Errorf("%s: the application saw %v", what, a.seen)
			}
		}
	})
}

func TestWebSocket(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		const key = "dGhlIHNhbXBsZSBub25jZQ=="
		open := func(extra string) (*http.Response, *bufio.Reader, net.Conn) {
			conn, err := net.Dial("tcp", w.proxy)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			_, err = io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: "+w.proxy+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "+key+"\r\nSec-WebSocket-Version: 13\r\n"+extra+"\r\n")
			if err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			return res, r, conn
		}
		res, r, conn := open("Authorization: Token " + w.token("web") + "\r\n")
		if res.StatusCode != 101 || res.Header.Get("Sec-Websocket-Accept") != accept(key) {
			t.Fatalf("the handshake: %s %v", res.Status, res.Header)
		}
		for _, message := range []string{"\x81\x85\x00\x00\x00\x00hello", "\x82\x83\x01\x02\x03\x04\x05\x06\x07"} {
			if _, err := io.WriteString(conn, message); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(message))
			if _, err := io.ReadFull(r, got); err != nil || string(got) != message {
				t.Errorf("got %q, %v", got, err)
			}
		}
		before := w.reached.Load()
		if res, _, _ := open(""); res.StatusCode != 401 {
			t.Errorf("anonymous: %s", res.Status)
		}
		cookie := "Cookie: __Host-durin=" + w.token("browser") + "\r\n"
		if res, _, _ := open(cookie + "Origin: http://evil.test\r\n"); res.StatusCode != 403 {
			t.Errorf("of another origin's page: %s", res.Status)
		}
		if n := w.reached.Load() - before; n != 0 {
			t.Errorf("%d of them reached the application", n)
		}
		if res, _, _ := open(cookie + "Origin: http://" + w.proxy + "\r\n"); res.StatusCode != 101 {
			t.Errorf("of our own page: %s", res.Status)
		}
	})
}

// When Durin or its store is down nobody gets through, and nobody is told that
// the token is bad.
func TestOutage(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		auth := bearer(w.token("web"))
		w.down.Store(true)
		before := w.reached.Load()
		a := w.do("GET", "/", nil, auth...)
		w.want("the store is down", a, 503)
		if a.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
		w.down.Store(false)
		w.want("it is back", w.do("GET", "/", nil, auth...), 200)
		w.durin.Close()
		for _, path := range []string{"/", "/public/x"} {
			w.want("Durin is down", w.do("GET", path, nil, auth...), 503)
			w.want("Durin is down, anonymous", w.do("GET", path, nil), 503)
		}
		if n := w.reached.Load() - before; n != 1 {
			t.Errorf("%d requests reached the application, want 1", n)
		}
	})
}
