package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/durintest"
)

type key struct {
	Client     string
	Created    string
	Expiry     *string
	HasExpired bool   `json:"has_expired"`
	ExpiresIn  string `json:"expires_in_str"`
	Token      string
}

func TestAPIKey(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "key"})
	auth := "Token " + w.token("1", "web")
	do := func(method, auth string) *http.Response {
		return w.do(method, "/api/auth/apiaccess/", "{", "Authorization", auth, "Content-Type", "application/json")
	}
	want(t, do("GET", auth), 404, `{"detail":"Not found."}`)
	want(t, do("DELETE", auth), 404, `{"detail":"Not found."}`)
	res := do("POST", auth)
	body := text(t, res)
	if res.StatusCode != 201 || !strings.HasPrefix(body, `{"client":"key","created":"2030-01-02T03:04:05.678901Z","expiry":"2031-01-02T03:04:05.678901Z","has_expired":false,"expires_in_str":"a year","token":"`) {
		t.Fatalf("answered %d %s", res.StatusCode, body)
	}
	var made key
	if err := json.Unmarshal([]byte(body), &made); err != nil {
		t.Fatal(err)
	}
	const shown = `{"client":"key","created":"2030-01-02T03:04:05.678901Z","expiry":"2031-01-02T03:04:05.678901Z","has_expired":false,"expires_in_str":"a year"}`
	want(t, do("POST", auth), 400, `["An API token was already issued to you."]`)
	want(t, do("OPTIONS", auth), 204, "")
	want(t, do("GET", auth), 200, shown) // not the token, whatever came before
	want(t, do("GET", "Token "+made.Token), 200, shown)
	want(t, do("GET", "Token "+w.token("2", "web")), 404, `{"detail":"Not found."}`)
	want(t, do("DELETE", "Token "+made.Token), 204, "")
	want(t, do("DELETE", auth), 404, `{"detail":"Not found."}`)
	want(t, do("GET", "Token "+made.Token), 401, `{"detail":"Invalid token."}`)
}

// A session that was given a time to end at makes no key that outlives it.
func TestAPIKeyOfASessionWithACeiling(t *testing.T) {
	for _, c := range []struct {
		given  time.Duration
		asks   bool
		expiry string
	}{
		{15 * time.Minute, false, "2030-01-02T03:19:05.678901Z"},
		{2 * 365 * 24 * time.Hour, false, "2031-01-02T03:04:05.678901Z"}, // the client's own life time
		{durin.Never, false, "2031-01-02T03:04:05.678901Z"},
		{0, false, "2031-01-02T03:04:05.678901Z"},
		{15 * time.Minute, true, "2031-01-02T03:04:05.678901Z"},
	} {
		w := newWorld(t, api.Options{APIKeyClient: "key", APIKeyPassword: c.asks}, func(o *durin.Options) { o.Authenticator = anyone{} })
		issued, err := w.guard.Issue(t.Context(), durin.IssueRequest{UserID: "1", Client: "forever", TTL: c.given})
		if err != nil {
			t.Fatal(err)
		}
		auth := "Token " + issued.Token.Reveal()
		made := decode[key](t, w.do("POST", "/api/auth/apiaccess/", `{"password":"x"}`, "Authorization", auth, "Content-Type", "application/json"), 201)
		if made.Expiry == nil || *made.Expiry != c.expiry {
			t.Errorf("%v, %v: the key ends at %v, want %s", c.given, c.asks, *made.Expiry, c.expiry)
		}
		if c.given == 15*time.Minute && !c.asks {
			refreshed := decode[struct{ Expiry string }](t, w.do("POST", "/api/auth/refresh/", "", "Authorization", "Token "+made.Token), 200)
			if refreshed.Expiry != c.expiry {
				t.Errorf("the key is renewed until %s", refreshed.Expiry)
			}
		}
	}
}

// anyone lets the user 1 in by any password.
type anyone struct{}

func (anyone) Authenticate(context.Context, string, durin.Secret) (durin.User, error) {
	return durin.User{ID: "1", Name: "alice"}, nil
}

func TestExpiredAPIKeyIsReplaced(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "key", ShowAPIKey: true})
	auth := "Token " + w.token("1", "forever")
	old := decode[key](t, w.do("POST", "/api/auth/apiaccess", "", "Authorization", auth), 201)
	w.advance(366 * 24 * time.Hour)
	shown := decode[key](t, w.do("GET", "/api/auth/apiaccess", "", "Authorization", auth), 200)
	if !shown.HasExpired || shown.ExpiresIn != "expired" {
		t.Errorf("an expired key shows as %+v", shown)
	}
	fresh := decode[key](t, w.do("POST", "/api/auth/apiaccess", "", "Authorization", auth), 201)
	if fresh.Token == old.Token || fresh.HasExpired {
		t.Errorf("an expired key came back: %+v", fresh)
	}
}

func TestShowAPIKey(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "key", ShowAPIKey: true})
	auth := "Token " + w.token("1", "web")
	made := decode[key](t, w.do("POST", "/api/auth/apiaccess", "", "Authorization", auth), 201)
	shown := decode[key](t, w.do("GET", "/api/auth/apiaccess", "", "Authorization", auth), 200)
	if shown.Token != made.Token {
		t.Errorf("the key shows as %q", shown.Token)
	}
	for _, res := range []*http.Response{w.do("GET", "/api/auth/sessions", "", "Authorization", auth)} {
		if body := text(t, res); strings.Contains(body, made.Token) {
			t.Errorf("the sessions show a token: %s", body)
		}
	}
}

// A key without a seal is told of, but not shown.
func TestUnsealedAPIKey(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "kept", ShowAPIKey: true})
	if _, err := w.guard.CreateClient(t.Context(), durin.Client{Name: "kept", Policy: durin.PolicyReplace}); err != nil {
		t.Fatal(err)
	}
	auth := "Token " + w.token("1", "web")
	w.token("1", "kept")
	if shown := decode[key](t, w.do("GET", "/api/auth/apiaccess", "", "Authorization", auth), 200); shown.Token != "" || shown.Client != "kept" {
		t.Errorf("shows as %+v", shown)
	}
}

func TestAPIKeyWithoutItsClient(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "nowhere", HideAPIKey: true})
	auth := "Token " + w.token("1", "web")
	for method, body := range map[string]string{
		"GET": `{"detail":"Not found."}`, "DELETE": `{"detail":"Not found."}`, "POST": `{"detail":"API keys cannot be issued: their client does not exist."}`,
	} {
		want(t, w.do(method, "/api/auth/apiaccess", "", "Authorization", auth), 404, body)
	}
	if rows := decode[[]row](t, w.do("GET", "/api/auth/sessions", "", "Authorization", auth), 200); len(rows) != 1 {
		t.Errorf("sessions: %+v", rows)
	}
}

func TestHideAPIKey(t *testing.T) {
	w := newWorld(t, api.Options{APIKeyClient: "key", HideAPIKey: true})
	auth := "Token " + w.token("1", "web")
	made := decode[key](t, w.do("POST", "/api/auth/apiaccess", "", "Authorization", auth), 201)
	for _, a := range []string{auth, "Token " + made.Token} {
		if rows := decode[[]row](t, w.do("GET", "/api/auth/sessions", "", "Authorization", a), 200); len(rows) != 1 || rows[0].Client != "web" {
			t.Errorf("sessions: %+v", rows)
		}
		want(t, w.do("DELETE", "/api/auth/sessions//2", "", "Authorization", a), 404, `{"detail":"Not found."}`)
	}
}

// broken is a store whose connection is lost after start.
type broken struct {
	durin.Store
	away bool
}

var errAway = errors.New("connection lost to 10.0.0.1")

func (b *broken) Lookup(ctx context.Context, d durin.Digest) (durin.Session, error) {
	if b.away {
		return durin.Session{}, errAway
	}
	return b.Store.Lookup(ctx, d)
}

func (b *broken) Issue(ctx context.Context, t durin.NewToken) (durin.IssuedToken, error) {
	if b.away {
		return durin.IssuedToken{}, errAway
	}
	return b.Store.Issue(ctx, t)
}

// A store that is away is 503, and never the caller's fault.
func TestOutage(t *testing.T) {
	var store *broken
	w := newWorld(t, api.Options{APIKeyClient: "key"}, func(o *durin.Options) {
		store = &broken{Store: o.Store}
		o.Store = store
	})
	auth := "Token " + w.token("1", "web")
	store.away = true
	const body = `{"detail":"The service is temporarily unavailable. Try again shortly."}`
	for _, path := range []string{"refresh", "logout", "logoutall", "apiaccess"} {
		res := w.do("POST", "/api/auth/"+path, "", "Authorization", auth)
		if res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
		want(t, res, 503, body)
	}
	want(t, w.login("alice", "web"), 503, body)
}

// TestKeyTakesPassword: where Options.APIKeyPassword is set, a token alone makes no
// key.
func TestKeyTakesPassword(t *testing.T) {
	auth := &keyPasswords{}
	g := durintest.New(t, func(o *durin.Options) {
		auth.users = o.Store.(durin.UserStore)
		o.Users, o.Authenticator = auth.users, auth
	})
	for _, name := range []string{"ada", "bob"} {
		if _, err := g.CreateUser(t.Context(), durin.User{Name: name, Password: name + "'s", Active: true}); err != nil {
			t.Fatal(err)
		}
	}
	g.Client(durin.Client{Name: "key", TTL: durin.Never, Policy: durin.PolicyReplace})
	h, err := api.New(g.Guard, api.Options{APIKeyClient: "key", APIKeyPassword: true})
	if err != nil {
		t.Fatal(err)
	}
	token := g.Token("1", "web").Reveal()
	post := func(body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/api/auth/apiaccess/", strings.NewReader(body))
		r.Header.Set("Authorization", "Token "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, c := range []struct {
		body   string
		status int
		answer string
	}{
		{``, 400, `{"password":["This field is required."]}`},
		{`{}`, 400, `{"password":["This field is required."]}`},
		{`{"password":""}`, 400, `{"password":["This field may not be blank."]}`},
		{`{"password":"wrong"}`, 400, `{"password":["This is not your password."]}`},
		{`{"password":"bob's"}`, 400, `{"password":["This is not your password."]}`},
		{`{"password":"ada's"}`, 201, `"client":"key"`},
	} {
		if w := post(c.body); w.Code != c.status || !strings.Contains(w.Body.String(), c.answer) {
			t.Errorf("%s: answered %d %s, want %d %s", c.body, w.Code, w.Body, c.status, c.answer)
		}
	}
	if l := g.Stats().Logins; l.Wrong != 2 || l.Accepted != 0 {
		t.Errorf("counted %+v", l)
	}
}

// keyPasswords is an Authenticator whose hashes are the passwords.
type keyPasswords struct{ users durin.UserStore }

func (k *keyPasswords) Authenticate(ctx context.Context, name string, pw durin.Secret) (durin.User, error) {
	u, err := k.users.UserByName(ctx, name)
	if err == nil && u.Password != pw.Reveal() {
		err = durin.ErrBadCredentials
	}
	return u, err
}

// TestTwoAuthorizations: whoever reads the first of several headers lets somebody
// else in than who reads the last.
func TestTwoAuthorizations(t *testing.T) {
	g := durintest.New(t)
	h, err := api.New(g.Guard, api.Options{Compat: api.Compat{Knox: api.CompatRoutes{Path: "/knox", Client: "web"}}})
	if err != nil {
		t.Fatal(err)
	}
	good := "Token " + g.Token("ada", "web").Reveal()
	secret, _, err := g.CreateResourceServer(t.Context(), "shop", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	server := "Bearer " + secret.Reveal()
	for _, c := range []struct {
		method, path string
		first, last  string
		status       int
	}{
		{"GET", "sessions/", good, good, 200}, {"GET", "sessions/", good, "Token x", 401}, {"GET", "sessions/", "Basic eDp4", good, 401},
		{"GET", "verify", good, good, 200}, {"GET", "verify", good, "Token x", 401}, {"GET", "verify?optional=1", "Basic eDp4", good, 401},
		{"POST", "introspect", server, server, 400}, {"POST", "introspect", server, "Bearer x", 401}, {"POST", "revoke", "Basic eDp4", server, 401}, {"POST", "revoke", "", server, 401},
		{"POST", "/knox/login", "Basic eDp4", "Basic eTp5", 401}, {"POST", "/knox/login", good, "Basic eDp4", 401},
	} {
		path := c.path
		if path[0] != '/' {
			path = "/api/auth/" + path
		}
		r := httptest.NewRequest(c.method, path, nil)
		r.Header["Authorization"] = []string{c.first, c.last}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s with %.9q and %.9q: answered %d %s, want %d", c.path, c.first, c.last, w.Code, w.Body, c.status)
		}
	}
}
