package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/config"
)

// TestCORS: only listed origins get leave, and the cookie only where that is set.
func TestCORS(t *testing.T) {
	reached := false
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })
	for _, c := range []struct {
		name, method, path, origin, asked string
		credentials                       bool
		allowed, withCredentials          string
		reached                           bool
	}{
		{"preflight", "OPTIONS", "/api/auth/login/", "https://app.test", "POST", false, "https://app.test", "", false},
		{"preflight with credentials", "OPTIONS", "/api/auth/login/", "https://app.test", "POST", true, "https://app.test", "true", false},
		{"request", "POST", "/api/auth/login/", "https://app.test", "", false, "https://app.test", "", true},
		{"request with credentials", "POST", "/api/auth/login/", "https://app.test", "", true, "https://app.test", "true", true},
		{"another origin's preflight", "OPTIONS", "/api/auth/login/", "https://evil.test", "POST", true, "", "", true},
		{"another origin's request", "POST", "/api/auth/login/", "https://evil.test", "", true, "", "", true},
		{"no origin", "POST", "/api/auth/login/", "", "", true, "", "", true},
		{"null", "POST", "/api/auth/login/", "null", "", true, "", "", true},
		{"OPTIONS that is no preflight", "OPTIONS", "/api/auth/login/", "https://app.test", "", true, "https://app.test", "true", true},
	} {
		reached = false
		h := allowOrigins(&config.Config{
			CORSOrigins: []string{"https://app.test"}, CORSCredentials: c.credentials, LoginClient: config.LoginClient{Header: "X-Api-Client"},
		}, next)
		r := httptest.NewRequest(c.method, c.path, nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.asked != "" {
			r.Header.Set("Access-Control-Request-Method", c.asked)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header()
		if got.Get("Access-Control-Allow-Origin") != c.allowed || got.Get("Access-Control-Allow-Credentials") != c.withCredentials || reached != c.reached {
			t.Errorf("%s: %v, reached %v", c.name, got, reached)
		}
		if got.Get("Vary") == "" {
			t.Errorf("%s: caches may mix up origins", c.name)
		}
		if c.allowed != "" && c.asked != "" && (w.Code != 204 || got.Get("Access-Control-Allow-Methods") == "" || !strings.HasSuffix(got.Get("Access-Control-Allow-Headers"), ", X-Api-Client")) {
			t.Errorf("%s: %d %v", c.name, w.Code, got)
		}
	}
}

// TestCORSIsUnderTheMount: permission to call the API does not extend to the pages.
func TestCORSIsUnderTheMount(t *testing.T) {
	n, log, _ := newNode(t, "--cors-origin", "https://app.test")
	h, err := Handler(n, log)
	if err != nil {
		t.Fatal(err)
	}
	for path, allowed := range map[string]string{"/api/auth/login/": "https://app.test", "/api/auth/nosuch": "https://app.test", "/admin/": "", "/account/": "", "/api/authlogin": ""} {
		r := httptest.NewRequest("OPTIONS", path, nil)
		r.Header.Set("Origin", "https://app.test")
		r.Header.Set("Access-Control-Request-Method", "POST")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != allowed {
			t.Errorf("%s: %q is allowed, want %q", path, got, allowed)
		}
	}
}
