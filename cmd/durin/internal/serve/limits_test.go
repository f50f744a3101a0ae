package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/keyring"
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
		keys, err := node.ReadKeys(n.Config)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := keyring.New(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		look := func(keys *keyring.Ring, at time.Time) string {
			text, err := node.NewLook(keys, at)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		proof := look(keys, time.Now())
		ask := func(change func(*http.Request)) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "http://127.0.0.1:8000/limits", nil)
			r.RemoteAddr = "127.0.0.1:999"
			r.Header.Set(node.LookHeader, proof)
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
		for what, wrong := range map[string]string{
			"": "", "nonsense": "x:y:z", "another key": look(foreign, time.Now()), "an old proof": look(keys, time.Now().Add(-2*time.Minute)),
		} {
			if w := ask(func(r *http.Request) { r.Header.Set(node.LookHeader, wrong) }); w.Code != 404 || strings.Contains(w.Body.String(), "ada") {
				t.Errorf("without the key file, %s: %d %s", what, w.Code, w.Body)
			}
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

// TestLift: who has the key file lifts an account's locks, and that is recorded;
// nobody else does.
func TestLift(t *testing.T) {
	n, log, _ := newNode(t)
	h, err := Handler(n, log)
	if err != nil {
		t.Fatal(err)
	}
	for range 12 {
		a := durin.LoginAttempt{At: n.Guard.Now(), Name: "s3cret typed as a name"}
		if ok, err := n.Logins.Admit(t.Context(), a); err != nil {
			t.Fatal(err)
		} else if ok {
			n.Logins.Done(t.Context(), a, durin.ErrBadCredentials)
		}
	}
	locks := func() int {
		held, _, err := n.Logins.Held(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(held)
	}
	if locks() == 0 {
		t.Fatal("nobody is locked")
	}
	keys, err := node.ReadKeys(n.Config)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := keyring.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	signed := func(keys *keyring.Ring, at time.Time) node.Lift {
		l, err := node.NewLift(keys, "s3cret typed as a name", "root", at)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	good := signed(keys, time.Now())
	send := func(h http.Handler, l node.Lift, change func(*http.Request)) *httptest.ResponseRecorder {
		body, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "http://localhost/limits/lift", bytes.NewReader(body))
		r.RemoteAddr = "127.0.0.1:999"
		change(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	same := func(*http.Request) {}
	other := good
	other.Account = "ada"
	unsigned := good
	unsigned.Mark = "::"
	for name, c := range map[string]struct {
		lift   node.Lift
		change func(*http.Request)
		status int
	}{
		"another account":  {other, same, 404},
		"not signed":       {unsigned, same, 404},
		"an empty mark":    {node.Lift{Account: good.Account, At: good.At}, same, 404},
		"another key file": {signed(foreign, time.Now()), same, 404},
		"an old one":       {signed(keys, time.Now().Add(-2*time.Minute)), same, 404},
		"a future one":     {signed(keys, time.Now().Add(2*time.Minute)), same, 404},
		"from elsewhere":   {good, func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }, 404},
		"through a proxy":  {good, func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }, 404},
		"a GET":            {good, func(r *http.Request) { r.Method = "GET" }, 405},
	} {
		for where, h := range map[string]http.Handler{"": h, " on ops-addr": OpsHandler(n, log)} {
			if w := send(h, c.lift, c.change); w.Code != c.status || locks() == 0 {
				t.Errorf("%s%s: %d %s, %d locks", name, where, w.Code, w.Body, locks())
			}
		}
	}
	if w := send(h, good, same); w.Code != 200 || !strings.Contains(w.Body.String(), `"lifted":1`) || locks() != 0 {
		t.Errorf("%d %s, %d locks", w.Code, w.Body, locks())
	}
	if err := n.Audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := n.Store.FindAudit(t.Context(), audit.Filter{Action: audit.LoginUnlock}, audit.Cursor{}, 9)
	if err != nil || len(rows) != 1 || rows[0].Actor != (audit.Actor{Kind: audit.Command, ID: "root"}) || strings.Contains(fmt.Sprint(rows), "s3cret") {
		t.Errorf("%+v, %v", rows, err)
	}
}
