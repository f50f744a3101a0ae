package serve

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/durin-go/durin"
)

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		setting, limits string
		held            int
	}{{"on", "node", 1}, {"pair=2,account=4", "node", 2}, {"off", "off", 0}} {
		n, log, _ := newNode(t, "--login-limit", c.setting)
		h, err := Handler(n, log)
		if err != nil {
			t.Fatal(err)
		}
		ask := func(change func(*http.Request)) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "/limits", nil)
			r.RemoteAddr = "127.0.0.1:999"
			change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		if n.Logins != nil {
			for i := range 30 {
				a := durin.LoginAttempt{At: n.Guard.Now(), Name: "ada"}
				if i < 12 {
					a.Name = "grace"
				}
				if ok, err := n.Logins.Admit(t.Context(), a); err != nil {
					t.Fatal(err)
				} else if ok {
					n.Logins.Done(t.Context(), a, durin.ErrBadCredentials)
				}
			}
			c.held = 2
		}
		w := ask(func(*http.Request) {})
		var answer heldReport
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || answer.Limits != c.limits || len(answer.Held) != c.held || answer.More != 0 {
			t.Errorf("%s: %d %s", c.setting, w.Code, w.Body)
		}
		if w := ask(func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }); w.Code != 404 || strings.Contains(w.Body.String(), "ada") {
			t.Errorf("from elsewhere: %d %s", w.Code, w.Body)
		}
		if w := ask(func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }); w.Code != 404 {
			t.Errorf("through a proxy: %d", w.Code)
		}
		ops := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/limits", nil)
		r.RemoteAddr = "192.0.2.1:1"
		OpsHandler(n, log).ServeHTTP(ops, r)
		if ops.Code != 404 {
			t.Errorf("ops-addr from elsewhere: %d", ops.Code)
		}
	}
}
