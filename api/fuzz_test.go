package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
)

// FuzzLogin sends any body of any type: the answer is never our fault, and JSON.
func FuzzLogin(f *testing.F) {
	for _, seed := range []struct{ contentType, body string }{
		{"application/json", `{"username":"alice","password":"alice-pass","client":"web"}`},
		{"application/json", `{"username":"\ud800","password":["\u0000"],"client":{}}`},
		{"application/json; charset=utf-16", "\xff\xfe{\x00}\x00"},
		{"application/x-www-form-urlencoded", "username=alice&password=alice-pass&client=%FF%00"},
		{"multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=username\r\n\r\nalice\r\n--B--"},
		{"text/plain", "\xff"},
	} {
		f.Add(seed.contentType, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		w := newWorld(t, api.Options{LoginUser: true})
		res := w.do("POST", "/api/auth/login", string(body), "Content-Type", contentType)
		answer := text(t, res)
		switch res.StatusCode {
		case 200, 400, 413, 415:
		default:
			t.Errorf("answered %d %s", res.StatusCode, answer)
		}
		if !json.Valid([]byte(answer)) || !utf8.ValidString(answer) {
			t.Errorf("answered %d with no JSON: %q", res.StatusCode, answer)
		}
	})
}

// FuzzPath sends any path: nothing is redirected, and all answers are JSON.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/api/auth/sessions//2", "/api/auth/sessions/2/", "/api/auth/../login", "", "/api/auth/sessions//-9223372036854775808", "/api/auth/sessions//\x00"} {
		f.Add("DELETE", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		w := newWorld(t, api.Options{APIKeyClient: "key"})
		if _, err := http.NewRequest(method, "/", nil); err != nil {
			t.Skip("no method")
		}
		res := w.do(method, path, "", "Authorization", "Token "+w.token("1", "web"))
		answer := text(t, res)
		if res.StatusCode >= 300 && res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("answered %d %s", res.StatusCode, answer)
		}
		if answer != "" && !json.Valid([]byte(answer)) {
			t.Errorf("answered %d with no JSON: %q", res.StatusCode, answer)
		}
	})
}

// FuzzLoginHeaders logs in with any headers and query around good credentials:
// the answer is JSON and never our fault, and no header is made of what came.
func FuzzLoginHeaders(f *testing.F) {
	for _, seed := range [][5]string{
		{"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "", "application/json", "", "client=web"},
		{"curl/8.5\x00\xff", "__Host-durin=COOKIE; a", "text/html;q=0.1, */*", "for=\"[::1]:x\";proto=https", "format=api&indent=8"},
		{"()<>@,;:\\\"/[]?={}", "=;=;__Host-durin", "application/json; indent=99999999999999999999", "203.0.113.9, x", "client=%FF%00&client"},
		{strings.Repeat("a", 5000), strings.Repeat("b=c;", 2000), "application/json; indent=-1", ",,,", "&&;=%"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	f.Fuzz(func(t *testing.T, agent, cookie, accept, forwarded, query string) {
		w := newWorld(t, api.Options{})
		var err error
		if w.api, err = api.New(w.guard, api.Options{LoginUser: true, Client: api.ClientFromUserAgent(w.guard, 9, durin.Client{Cookie: true})}); err != nil {
			t.Fatal(err)
		}
		cookie = strings.ReplaceAll(cookie, "COOKIE", w.token("1", "web"))
		res := w.do("POST", "/api/auth/login/?"+query, `{"username":"alice","password":"alice-pass"}`, "Content-Type", "application/json",
			"User-Agent", agent, "Cookie", cookie, "Accept", accept, "Forwarded", forwarded, "X-Forwarded-For", forwarded, "X-Forwarded-Proto", forwarded)
		answer := text(t, res)
		if res.StatusCode >= 500 || !json.Valid([]byte(answer)) || !utf8.ValidString(answer) {
			t.Errorf("answered %d %q", res.StatusCode, answer)
		}
		for name, values := range res.Header {
			if all := strings.Join(values, ""); strings.ContainsAny(all, "\r\n\x00") {
				t.Errorf("the header %s: %q", name, all)
			}
		}
	})
}

// FuzzResource sends any form of any type to introspect and revoke, in which
// SECRET and TOKEN stand for good ones: a token is told of and ended for who has
// the secret only, and all answers are JSON.
func FuzzResource(f *testing.F) {
	const formType = "application/x-www-form-urlencoded"
	for _, seed := range [][3]string{
		{"Bearer SECRET", formType, "token=TOKEN&token_type_hint=access_token"},
		{"bearer  SECRET ", formType + "; charset=utf-8", "token=TOKEN&transport=cookie"},
		{"Basic Og==", formType, "token=TOKEN"},
		{"Basic \xff", formType, "token=%00&token=%ff"},
		{"Bearer SECRETSECRET", "multipart/form-data; boundary=B", "--B\r\n"},
		{"", formType, "client_id=billing&client_secret=SECRET&token=TOKEN"},
		{"Bearer", formType + "; =", "token=" + strings.Repeat("a", 17<<10)},
	} {
		f.Add(false, seed[0], seed[1], seed[2])
		f.Add(true, seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, revoke bool, authorization, contentType, body string) {
		w := newWorld(t, api.Options{})
		secret, _, err := w.guard.CreateResourceServer(t.Context(), "billing", durin.Never)
		if err != nil {
			t.Fatal(err)
		}
		token := w.token("1", "web")
		authorization = strings.ReplaceAll(authorization, "SECRET", secret.Reveal())
		sent := strings.NewReplacer("TOKEN", token, "SECRET", secret.Reveal()).Replace(body)
		path := "/api/auth/introspect"
		if revoke {
			path = "/api/auth/revoke"
		}
		res := w.do("POST", path, sent, "Authorization", authorization, "Content-Type", contentType)
		answer := text(t, res)
		switch res.StatusCode {
		case 200, 400, 401, 413:
		default:
			t.Errorf("answered %d %s", res.StatusCode, answer)
		}
		if answer != "" && !json.Valid([]byte(answer)) {
			t.Errorf("answered %d with no JSON: %q", res.StatusCode, answer)
		}
		knows := strings.Contains(authorization+sent, secret.Reveal())
		unread := authorization == "" && (res.StatusCode == 400 || res.StatusCode == 413) // the form, in which a secret may be
		if !knows && res.StatusCode != 401 && !unread || strings.Contains(answer, "alice") && !strings.Contains(body, "TOKEN") {
			t.Errorf("a stranger is answered %d %s", res.StatusCode, answer)
		}
		if _, err := w.guard.Verify(t.Context(), durin.Secret(token)); err != nil && !(revoke && knows && strings.Contains(body, "TOKEN")) {
			t.Errorf("ended: %v", err)
		}
	})
}
