package serve

import (
	"bufio"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequest sends raw requests through everything that the program serves:
// none ends in a panic, and none is our fault.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=B\r\n\r\n4\r\n--B\r\n0\r\n\r\n",
		"DELETE /api/auth/sessions//9223372036854775808 HTTP/1.1\r\nHost: a\r\nAuthorization: Token x\r\n\r\n",
		"GET /api/auth/verify?allow=web&throttle=%zz HTTP/1.1\r\nHost: a\r\nX-Forwarded-Uri: //\\\r\nCookie: __Host-durin=x\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: null\r\nAccess-Control-Request-Method: \r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
		"GET http://b/readyz HTTP/1.1\r\nHost: a\r\nForwarded: for=\"\r\nVia: x\r\n\r\n",
		"GET /admin/clients?page=-1&sort=%00 HTTP/1.0\r\n\r\n",
		"POST /account/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n\r\nname=%00",
		"PROPFIND /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /api/auth/introspect HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Og==\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\ntoken=%ff",
		"GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: a b\r\n\r\n",
	} {
		f.Add(seed)
	}
	n, _, _ := newNode(f, "--demo", "--cors-origin", "https://app.example.org", "--trusted-proxies", "127.0.0.0/8", "--login-limit", "off")
	h, err := Handler(n, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		r.RemoteAddr = "127.0.0.1:9"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 && !strings.Contains(w.Body.String(), "A rule of the proxy") {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
		for name, values := range w.Header() {
			if all := strings.Join(values, ""); strings.ContainsAny(all, "\r\n\x00") {
				t.Errorf("the header %s: %q", name, all)
			}
		}
	})
}
