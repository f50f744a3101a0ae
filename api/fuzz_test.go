package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode/utf8"

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
