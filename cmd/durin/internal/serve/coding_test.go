package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever reads a body refuses one with a content coding, and one that is too
// long, in the same way wherever it is.
func TestBodiesAreRefusedAlike(t *testing.T) {
	n, log, _ := newNode(t, "--compat", "knox,drf,multitoken", "--compat-path", "drf=/token")
	h, err := Handler(n, log)
	if err != nil {
		t.Fatal(err)
	}
	send := func(path, body, coding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "http://127.0.0.1"+path, strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:999"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Content-Encoding", coding)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, path := range []string{
		"/api/auth/login/", "/api/auth/knox/login/", "/token/", "/api/auth/multitoken/login/", "/api/auth/introspect", "/api/auth/revoke",
		"/admin/sign-in", "/admin/", "/account/sign-in", "/account/", "/limits/lift",
	} {
		for _, coding := range []string{"gzip", "deflate", "br, gzip"} {
			if w := send(path, "a=b", coding); w.Code != http.StatusUnsupportedMediaType || w.Header().Get("Accept-Encoding") != "identity" {
				t.Errorf("%s, %s: %d %s", path, coding, w.Code, w.Body)
			}
		}
		if w := send(path, "a=b", "identity"); w.Code == http.StatusUnsupportedMediaType {
			t.Errorf("%s, no coding: %d %s", path, w.Code, w.Body)
		}
		if w := send(path, "a="+strings.Repeat("b", maxBody), ""); w.Code != http.StatusRequestEntityTooLarge && path != "/limits/lift" {
			t.Errorf("%s, too long: %d %s", path, w.Code, w.Body)
		}
	}
}
