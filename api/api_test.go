package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/loginlimit"
	"github.com/durin-go/durin/memstore"
)

// A world is an interface on a store in memory. Its users are alice, bob and
// carol, who is inactive; their passwords are their names and "-pass". Its
// clients are web (a day), cli (30 days), forever, key (a year).
type world struct {
	t     *testing.T
	store durin.Store
	guard *durin.Guard
	api   *api.Handler

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// passwords is an Authenticator without hashes.
type passwords struct{ users durin.UserStore }

func (p passwords) Authenticate(ctx context.Context, name string, password durin.Secret) (durin.User, error) {
	u, err := p.users.UserByName(ctx, name)
	if err != nil || !u.Active || password.Reveal() != u.Name+"-pass" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return u, nil
}

func newWorld(t *testing.T, opts api.Options, change ...func(*durin.Options)) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2030, 1, 2, 3, 4, 5, 678901000, time.UTC)}
	store := memstore.New()
	w.store = store
	for i, name := range []string{"alice", "bob", "carol"} {
		_, err := store.CreateUser(t.Context(), durin.User{ID: string(rune('1' + i)), Name: name, Active: name != "carol", Created: w.now})
		if err != nil {
			t.Fatal(err)
		}
	}
	ring, err := keyring.New(w.now)
	if err != nil {
		t.Fatal(err)
	}
	o := durin.Options{
		Store: store, Users: store, Authenticator: passwords{store}, Keyring: ring, LoginLimiter: loginlimit.Off(),
		Schemes: []string{"Token"}, Now: w.clock, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	if w.guard, err = durin.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.guard.Close(context.Background()) })
	for name, ttl := range map[string]time.Duration{"web": 24 * time.Hour, "cli": 30 * 24 * time.Hour, "forever": durin.Never, "key": 365 * 24 * time.Hour} {
		if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: name, TTL: ttl}); err != nil {
			t.Fatal(err)
		}
	}
	if w.api, err = api.New(w.guard, opts); err != nil {
		t.Fatal(err)
	}
	return w
}

// token is a token of the user, by id, for the client.
func (w *world) token(user, client string) string {
	w.t.Helper()
	issued, err := w.guard.Issue(w.t.Context(), durin.IssueRequest{UserID: user, Client: client})
	if err != nil {
		w.t.Fatal(err)
	}
	return issued.Token.Reveal()
}

// do sends a request; headers are pairs of name and value.
func (w *world) do(method, path, body string, headers ...string) *http.Response {
	w.t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.URL.Path = path
	r.RemoteAddr = "192.0.2.7:1234"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return rec.Result()
}

func (w *world) login(user, client string) *http.Response {
	body, _ := json.Marshal(map[string]string{"username": user, "password": user + "-pass", "client": client})
	return w.do("POST", "/api/auth/login/", string(body), "Content-Type", "application/json")
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// want checks an answer's status and exact body.
func want(t *testing.T, res *http.Response, status int, body string) {
	t.Helper()
	if got := text(t, res); res.StatusCode != status || got != body {
		t.Errorf("answered %d %s\n    want %d %s", res.StatusCode, got, status, body)
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("lacks no-store or nosniff: %v", res.Header)
	}
	if wantType := "application/json"; body != "" && res.Header.Get("Content-Type") != wantType {
		t.Errorf("Content-Type %q, want %q", res.Header.Get("Content-Type"), wantType)
	}
	if body == "" && res.Header.Get("Content-Type") != "" {
		t.Errorf("an empty answer has the Content-Type %q", res.Header.Get("Content-Type"))
	}
}

func decode[T any](t *testing.T, res *http.Response, status int) T {
	t.Helper()
	var v T
	body := text(t, res)
	if res.StatusCode != status {
		t.Fatalf("answered %d %s, want %d", res.StatusCode, body, status)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

func TestRoutes(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "key"})
	auth := "Token " + w.token("1", "web")
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"OPTIONS", "/api/auth/login/", 204, "POST, OPTIONS"},
		{"OPTIONS", "/api/auth/logout", 204, "POST, OPTIONS"},
		{"OPTIONS", "/api/auth/sessions", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/api/auth/sessions//5", 204, "DELETE, OPTIONS"},
		{"OPTIONS", "/api/auth/apiaccess/", 204, "GET, POST, DELETE, HEAD, OPTIONS"},
		{"GET", "/api/auth/login/", 405, "POST, OPTIONS"},
		{"HEAD", "/api/auth/refresh/", 405, "POST, OPTIONS"},
		{"PATCH", "/api/auth/apiaccess", 405, "GET, POST, DELETE, HEAD, OPTIONS"},
		{"GET", "/api/auth/sessions/5", 405, "DELETE, OPTIONS"},
		{"GET", "/api/auth/sessions", 200, "GET, HEAD, OPTIONS"},
		{"HEAD", "/api/auth/sessions/", 200, "GET, HEAD, OPTIONS"},
		{"DELETE", "/api/auth/sessions/99", 404, "DELETE, OPTIONS"},
		{"DELETE", "/api/auth/sessions/99/", 404, "DELETE, OPTIONS"},
		{"DELETE", "/api/auth/sessions//99", 404, "DELETE, OPTIONS"},
		{"DELETE", "/api/auth/sessions//99/", 404, ""},
		{"DELETE", "/api/auth/sessions///99", 404, ""},
		{"DELETE", "/api/auth/sessions//9.9", 404, ""},
		{"GET", "/api/auth/sessions//", 404, ""},
		{"GET", "/api/auth/login//", 404, ""},
		{"POST", "/api/auth/login/x", 404, ""},
		{"POST", "/api/auth/Login/", 404, ""},
		{"POST", "/api/auth//login/", 404, ""},
		{"GET", "/api/auth/", 404, ""},
		{"GET", "/api/auth", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "", 404, ""},
	} {
		res := w.do(c.method, c.path, "", "Authorization", auth)
		if res.StatusCode != c.status || res.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", c.method, c.path, res.StatusCode, res.Header.Get("Allow"), c.status, c.allow)
		}
		if own := w.api.Owns(c.path); own != (c.allow != "") {
			t.Errorf("Owns(%q) = %t", c.path, own)
		}
	}
}

// Who asks is looked at before the method, and OPTIONS before either.
func TestOrderOfChecks(t *testing.T) {
	w := newWorld(t, api.Options{})
	want(t, w.do("GET", "/api/auth/refresh/", ""), 401, `{"detail":"Authentication credentials were not provided."}`)
	want(t, w.do("DELETE", "/api/auth/sessions//x", ""), 401, `{"detail":"Authentication credentials were not provided."}`)
	auth := "Token " + w.token("1", "web")
	want(t, w.do("GET", "/api/auth/refresh/", "", "Authorization", auth), 405, `{"detail":"Method \"GET\" not allowed."}`)
	want(t, w.do("FOO", "/api/auth/login", ""), 405, `{"detail":"Method \"FOO\" not allowed."}`)
	want(t, w.do("OPTIONS", "/api/auth/refresh", "", "Authorization", "Token x y"), 204, "")
	want(t, w.do("GET", "/api/auth/apiaccess/", "", "Authorization", auth), 404, `{"detail":"Not found."}`)
	res := w.do("POST", "/api/auth/logout", "", "Authorization", "Token x")
	if got := res.Header["Www-Authenticate"]; !reflect.DeepEqual(got, []string{"Token"}) {
		t.Errorf("WWW-Authenticate %q", got)
	}
	want(t, res, 401, `{"detail":"Invalid token."}`)
}

func TestPrefix(t *testing.T) {
	w := newWorld(t, api.Options{Prefix: "/"})
	auth := "Token " + w.token("1", "web")
	want(t, w.do("DELETE", "/sessions/1", "", "Authorization", auth), 400,
		`["Can't delete token if the request is authed with it.Use /logout/ instead."]`)
	if _, err := api.New(w.guard, api.Options{Prefix: "api"}); err == nil {
		t.Error("a prefix without a slash at its begin is taken")
	}
	if _, err := api.New(nil, api.Options{}); err == nil {
		t.Error("no Guard is taken")
	}
	if _, err := api.New(w.guard, api.Options{MaxBody: -1}); err == nil {
		t.Error("a negative MaxBody is taken")
	}
}

func TestIndent(t *testing.T) {
	w := newWorld(t, api.Options{})
	const plain = `{"detail":"Not found."}`
	for accept, body := range map[string]string{
		"":                             plain,
		"text/html":                    plain,
		"application/json":             plain,
		"application/json; indent=0":   plain,
		"application/json; indent=-1":  plain,
		"application/json; indent=x":   plain,
		"text/html; indent=4":          plain,
		"application/json; indent=4":   "{\n    \"detail\": \"Not found.\"\n}",
		"text/html, */*;q=1; indent=2": "{\n  \"detail\": \"Not found.\"\n}",
		"Application/JSON;Indent=99":   "{\n        \"detail\": \"Not found.\"\n}",
	} {
		t.Run(accept, func(t *testing.T) { want(t, w.do("GET", "/nowhere", "", "Accept", accept), 404, body) })
	}
	auth := "Token " + w.token("1", "web")
	want(t, w.do("POST", "/api/auth/logout/", "", "Authorization", auth, "Accept", "application/json; indent=4"), 204, "")
}

func TestOpenAPI(t *testing.T) {
	for prefix, server := range map[string]string{"": "/api/auth", "/api/": "/api", "/": "/", "/a\"b": "/a%22b"} {
		var doc struct {
			OpenAPI string
			Servers []struct{ URL string }
		}
		if err := json.Unmarshal(api.OpenAPI(api.Description{Prefix: prefix}), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || doc.Servers[0].URL != server {
			t.Errorf("OpenAPI(%q): %+v", prefix, doc)
		}
	}
}

// The document has only what generators of clients understand: a schema has one
// type, null aside, and is not one of several; a server has no variables.
func TestOpenAPIIsPlain(t *testing.T) {
	var doc any
	if err := json.Unmarshal(api.OpenAPI(api.Description{}), &doc); err != nil {
		t.Fatal(err)
	}
	types := 0
	var walk func(at string, node any)
	walk = func(at string, node any) {
		switch node := node.(type) {
		case []any:
			for i, v := range node {
				walk(fmt.Sprint(at, "/", i), v)
			}
		case map[string]any:
			for name, v := range node {
				switch name {
				case "anyOf", "oneOf", "allOf", "const", "variables":
					t.Errorf("%s has %s", at, name)
				case "type":
					types++
					if several, ok := v.([]any); ok && (len(several) != 2 || several[1] != "null") {
						t.Errorf("%s has the types %v", at, v)
					}
				case "content":
					if content, ok := v.(map[string]any); ok && strings.Contains(at, "/responses/") && len(content) > 1 {
						t.Errorf("%s has %d forms", at, len(content))
					}
				}
				walk(at+"/"+name, v)
			}
		}
	}
	walk("", doc)
	if types < 50 {
		t.Errorf("only %d types were looked at", types)
	}
}

// The document tells what a login has to name its client by.
func TestOpenAPIOfLogins(t *testing.T) {
	for name, c := range map[string]struct {
		d                api.Description
		required, header string
	}{
		"standard":   {api.Description{}, "username password client", ""},
		"by default": {api.Description{ClientField: "client"}, "username password client", ""},
		"a field":    {api.Description{ClientField: "app"}, "username password app", ""},
		"a header":   {api.Description{ClientHeader: "X-App"}, "username password", "X-App"},
		"known":      {api.Description{ClientKnown: true}, "username password", ""},
	} {
		var doc struct {
			Paths map[string]struct {
				Post struct {
					Parameters  []struct{ Name, In string }
					RequestBody struct {
						Content map[string]struct{ Example map[string]string }
					}
				}
			}
			Components struct {
				Schemas map[string]struct {
					Required   []string
					Properties map[string]any
				}
				SecuritySchemes map[string]struct{ Name string }
			}
		}
		c.d.CookieName = "SESSION"
		if err := json.Unmarshal(api.OpenAPI(c.d), &doc); err != nil {
			t.Fatal(err)
		}
		if got := doc.Components.SecuritySchemes["cookie"].Name; got != "SESSION" {
			t.Errorf("%s: the cookie is %q", name, got)
		}
		for _, schema := range []string{"Credentials", "FormCredentials"} {
			s := doc.Components.Schemas[schema]
			if got := strings.Join(s.Required, " "); got != c.required || len(s.Properties) != len(s.Required)+1 { // device
				t.Errorf("%s: %s requires %q of %v", name, schema, got, s.Properties)
			}
		}
		login := doc.Paths["/login/"].Post
		header := ""
		if len(login.Parameters) == 1 && login.Parameters[0].In == "header" {
			header = login.Parameters[0].Name
		}
		if example := login.RequestBody.Content["application/json"].Example; header != c.header || len(example) != len(strings.Fields(c.required)) {
			t.Errorf("%s: the header is %q, the example %v", name, header, example)
		}
	}
}
