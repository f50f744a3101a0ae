package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
)

type row struct {
	ID         int64
	Client     string
	HasExpired bool   `json:"has_expired"`
	IsCurrent  bool   `json:"is_current"`
	ExpiresIn  string `json:"expires_in_str"`
}

func TestRefresh(t *testing.T) {
	w := newWorld(t, api.Options{Expiry: api.ExpiryFormat("%d %H:%M", time.UTC)})
	auth := "Token " + w.token("1", "web")
	w.advance(time.Hour)
	for _, c := range []struct{ contentType, body string }{{"", ""}, {"application/json", "{"}, {"text/plain", "x"}} {
		want(t, w.do("POST", "/api/auth/refresh/", c.body, "Content-Type", c.contentType, "Authorization", auth), 200, `{"expiry":"03 04:04"}`)
	}
	want(t, w.do("POST", "/api/auth/refresh/", "", "Authorization", "Token "+w.token("1", "forever")), 200, `{"expiry":null}`)
	w.advance(25 * time.Hour)
	want(t, w.do("POST", "/api/auth/refresh/", "", "Authorization", auth), 401, `{"detail":"The given token has expired."}`)
}

func TestLogOut(t *testing.T) {
	w := newWorld(t, api.Options{})
	auth := "Token " + w.token("1", "web")
	other := "Token " + w.token("1", "cli")
	bob := "Token " + w.token("2", "web")
	want(t, w.do("POST", "/api/auth/logout", "{", "Authorization", auth), 204, "")
	want(t, w.do("POST", "/api/auth/logout/", "", "Authorization", auth), 401, `{"detail":"Invalid token."}`)
	want(t, w.do("POST", "/api/auth/logoutall/", "", "Authorization", other), 204, "")
	want(t, w.do("POST", "/api/auth/logoutall/", "", "Authorization", other), 401, `{"detail":"Invalid token."}`)
	want(t, w.do("POST", "/api/auth/refresh/", "", "Authorization", bob), 200, `{"expiry":"2030-01-03T03:04:05.678901Z"}`)
}

func TestSessions(t *testing.T) {
	w := newWorld(t, api.Options{Location: time.FixedZone("", 5*3600+1800)})
	w.token("1", "web")
	w.advance(time.Hour)
	auth := "Token " + w.token("1", "cli")
	w.token("2", "web")
	w.token("1", "forever")
	w.advance(24 * time.Hour)
	want(t, w.do("GET", "/api/auth/sessions/?page=2&limit=1", "", "Authorization", auth), 200, "["+
		`{"id":1,"client":"web","created":"2030-01-02T08:34:05.678901+05:30","expiry":"2030-01-03T08:34:05.678901+05:30","has_expired":true,"is_current":false,"expires_in_str":"expired"},`+
		`{"id":2,"client":"cli","created":"2030-01-02T09:34:05.678901+05:30","expiry":"2030-02-01T09:34:05.678901+05:30","has_expired":false,"is_current":true,"expires_in_str":"29 days"},`+
		`{"id":4,"client":"forever","created":"2030-01-02T09:34:05.678901+05:30","expiry":null,"has_expired":false,"is_current":false,"expires_in_str":"never"}]`)
}

// The list is whole, however long it is.
func TestManySessions(t *testing.T) {
	w := newWorld(t, api.Options{})
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "many", Policy: durin.PolicyEvict, MaxTokens: 5000}); err != nil {
		t.Fatal(err)
	}
	auth := "Token " + w.token("1", "web")
	const n = 2000 // of two pages
	for range n - 1 {
		w.token("1", "many")
	}
	rows := decode[[]row](t, w.do("GET", "/api/auth/sessions", "", "Authorization", auth), 200)
	for i, r := range rows {
		if r.ID != int64(i+1) {
			t.Fatalf("row %d has the id %d", i, r.ID)
		}
	}
	if len(rows) != n {
		t.Errorf("%d rows, want %d", len(rows), n)
	}
}

func TestDeleteSession(t *testing.T) {
	w := newWorld(t, api.Options{})
	auth := "Token " + w.token("1", "web") // 1
	w.token("1", "cli")                    // 2
	w.token("2", "web")                    // 3
	w.token("1", "forever")                // 4
	del := func(id string) *http.Response {
		return w.do("DELETE", "/api/auth/sessions/"+id, "", "Authorization", auth)
	}
	for _, id := range []string{
		"3", "/3", "99", "0", "-1", "+2", "002", " 2 ", "0_2", "٢", "2x", "x", "1e0", "0x2",
		"9223372036854775807", "9223372036854775808", "99999999999999999999999999",
	} {
		want(t, del(id), 404, `{"detail":"Not found."}`)
	}
	const current = `["Can't delete token if the request is authed with it.Use /api/auth/logout/ instead."]`
	want(t, del("/1"), 400, current)
	want(t, del("2"), 204, "")
	want(t, del("4/"), 204, "")
	for _, id := range []string{"2", "2/", "/2", "4", "4/", "/4"} { // ended already
		want(t, del(id), 404, `{"detail":"Not found."}`)
	}
	want(t, w.do("DELETE", "/api/auth/sessions/2", "", "Authorization", "Token "+w.token("2", "web")), 404, `{"detail":"Not found."}`)
	if rows := decode[[]row](t, w.do("GET", "/api/auth/sessions", "", "Authorization", auth), 200); len(rows) != 1 {
		t.Errorf("left: %+v", rows)
	}
}

// Whatever meets, everybody gets an answer that makes sense.
func TestRaces(t *testing.T) {
	for _, c := range []struct {
		name    string
		options api.Options
		request func(w *world, auth string) []func() *http.Response
		fine    map[int]int // status → most answers of it; zero: any number
	}{
		{"first logins", api.Options{}, func(w *world, _ string) []func() *http.Response {
			one := func() *http.Response { return w.login("bob", "cli") }
			return []func() *http.Response{one, one, one, one, one, one}
		}, map[int]int{200: 0}},
		{"refresh and logout", api.Options{}, func(w *world, auth string) []func() *http.Response {
			refresh := func() *http.Response { return w.do("POST", "/api/auth/refresh", "", "Authorization", auth) }
			logout := func() *http.Response { return w.do("POST", "/api/auth/logout", "", "Authorization", auth) }
			return []func() *http.Response{refresh, logout, refresh, logout, refresh}
		}, map[int]int{200: 3, 204: 1, 401: 0}},
		{"everything ends", api.Options{}, func(w *world, auth string) []func() *http.Response {
			logout := func() *http.Response { return w.do("POST", "/api/auth/logoutall", "", "Authorization", auth) }
			list := func() *http.Response { return w.do("GET", "/api/auth/sessions", "", "Authorization", auth) }
			return []func() *http.Response{logout, list, logout, list, logout}
		}, map[int]int{200: 2, 204: 1, 401: 0}},
		{"one session ended twice", api.Options{}, func(w *world, auth string) []func() *http.Response {
			w.token("1", "cli")
			del := func(id string) func() *http.Response {
				return func() *http.Response { return w.do("DELETE", "/api/auth/sessions/"+id, "", "Authorization", auth) }
			}
			return []func() *http.Response{del("/2"), del("2"), del("2/")}
		}, map[int]int{204: 1, 404: 2}},
		{"keys", api.Options{APIKeyClient: "key", ShowAPIKey: true}, func(w *world, auth string) []func() *http.Response {
			create := func() *http.Response { return w.do("POST", "/api/auth/apiaccess", "", "Authorization", auth) }
			show := func() *http.Response { return w.do("GET", "/api/auth/apiaccess", "", "Authorization", auth) }
			return []func() *http.Response{create, show, create, show, create}
		}, map[int]int{200: 2, 201: 1, 400: 2, 404: 2}},
		{"a key made and ended", api.Options{APIKeyClient: "key", ShowAPIKey: true}, func(w *world, auth string) []func() *http.Response {
			create := func() *http.Response { return w.do("POST", "/api/auth/apiaccess", "", "Authorization", auth) }
			end := func() *http.Response { return w.do("DELETE", "/api/auth/apiaccess", "", "Authorization", auth) }
			show := func() *http.Response { return w.do("GET", "/api/auth/apiaccess", "", "Authorization", auth) }
			return []func() *http.Response{create, end, show, create, end, show}
		}, map[int]int{200: 2, 201: 2, 204: 2, 400: 1, 404: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 20 {
				w := newWorld(t, c.options)
				auth := "Token " + w.token("1", "web")
				requests := c.request(w, auth)
				statuses := make([]int, len(requests))
				var all sync.WaitGroup
				for i, request := range requests {
					all.Go(func() { statuses[i] = request().StatusCode })
				}
				all.Wait()
				count := map[int]int{}
				for _, s := range statuses {
					count[s]++
				}
				for s, n := range count {
					if most, ok := c.fine[s]; !ok || most > 0 && n > most {
						t.Fatal(fmt.Sprint("answers: ", statuses))
					}
				}
			}
		})
	}
}

func TestDeleteOtherSessions(t *testing.T) {
	for name, c := range map[string]struct {
		options api.Options
		left    []string
	}{
		"without API keys":  {api.Options{}, []string{"web"}},
		"a key that shows":  {api.Options{APIKeyClient: "key"}, []string{"web"}},
		"a key that is not": {api.Options{APIKeyClient: "key", HideAPIKey: true}, []string{"web", "key"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.options)
			web, bob := w.token("1", "web"), w.token("2", "web")
			tokens := map[string]string{"web": web, "cli": w.token("1", "cli"), "forever": w.token("1", "forever"), "key": w.token("1", "key")}
			want(t, w.do("DELETE", "/api/auth/sessions/others", ""), 401, `{"detail":"Authentication credentials were not provided."}`)
			for _, path := range []string{"/api/auth/sessions/others", "/api/auth/sessions/others/"} { // again: nothing is left to end
				want(t, w.do("DELETE", path, "", "Authorization", "Token "+web), 204, "")
			}
			for client, token := range tokens {
				status := 401
				if slices.Contains(c.left, client) {
					status = 200
				}
				if res := w.do("GET", "/api/auth/sessions/", "", "Authorization", "Token "+token); res.StatusCode != status {
					t.Errorf("the session of %s: %d, want %d", client, res.StatusCode, status)
				}
			}
			want(t, w.do("GET", "/api/auth/sessions/others", "", "Authorization", "Token "+bob), 405, `{"detail":"Method \"GET\" not allowed."}`)
		})
	}
}
