package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/admin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
)

// closed checks that nothing behind the gate opens.
func (b *browser) closed(what string, header ...string) {
	b.t.Helper()
	for _, path := range []string{"", "clients", "clients/1", "tokens", "tokens/1", "tokens/revoke?id=1", "users", "users/1", "users/1/password", "people/suggest?q=a", "nothing"} {
		if _, body := b.send("GET", "/admin/"+path, nil, header...); !strings.Contains(body, "sign-in</h1>") || !strings.HasPrefix(b.path, "/admin/sign-in") {
			b.t.Errorf("%s opens %q", what, path)
		}
	}
	for _, path := range []string{"clients/new", "clients/1", "clients/1/delete", "tokens/new", "tokens/1/renew", "tokens/revoke?id=1", "users/new", "users/1/delete"} {
		if status, body := b.send("POST", "/admin/"+path, url.Values{"name": {"forged"}}, header...); !strings.Contains(body, "nothing was changed") {
			b.t.Errorf("%s may do %q: %d", what, path, status)
		}
	}
}

func TestOnlyAdministrators(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "cookies", Cookie: true})
	ada, bob := s.users["ada"].ID, s.users["bob"].ID
	stranger := s.browser()
	stranger.closed("nothing")
	for _, name := range []string{"bob", "carol", "nobody", ""} {
		status, body := stranger.signIn(name, rightWord)
		if status != 422 || name != "" && !strings.Contains(body, "Unable to sign in") {
			t.Errorf("%s: %d", name, status)
		}
	}
	for what, token := range map[string]durin.Secret{
		"an administrator's token of another client":  s.Token(ada, "web"),
		"an administrator's cookie of another client": s.Token(ada, "cookies"),
		"a plain user's token":                        s.Token(bob, "web"),
		"a plain user's token of the pages":           s.Token(bob, durin.AdminClient),
		"nonsense":                                    "x",
	} {
		text := token.Reveal()
		stranger.closed(what, "Cookie", admin.DefaultCookie+"="+text)
		stranger.closed(what, "Cookie", durin.DefaultCookie+"="+text)
		stranger.closed(what, "Authorization", "Token "+text)
	}
	b := s.browser()
	shows(t, "an administrator", 200, "Dashboard")(b.signIn("ada", rightWord))
	for what, change := range map[string]func(*durin.User) error{
		"one who is an administrator no longer": func(u *durin.User) error { u.Admin = false; return nil },
		"a deactivated administrator":           func(u *durin.User) error { u.Active = false; return nil },
	} {
		if _, err := s.UpdateUser(t.Context(), ada, change); err != nil {
			t.Fatal(err)
		}
		b.closed(what)
		if _, err := s.UpdateUser(t.Context(), ada, func(u *durin.User) error { u.Active, u.Admin = true, true; return nil }); err != nil {
			t.Fatal(err)
		}
		shows(t, "an administrator again", 200, "Dashboard")(b.get("/admin/"))
	}
	if err := s.DeleteUser(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	b.closed("a deleted administrator")
}

// A session of the pages is not good for the API, nor is the client.
func TestSessionIsForThePagesOnly(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn("ada", rightWord)
	u, _ := url.Parse(b.url)
	token := ""
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == admin.DefaultCookie {
			token = c.Value
		}
	}
	if _, err := s.VerifyAdmin(t.Context(), durin.Secret(token)); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"Authorization: Token " + token, "Cookie: " + durin.DefaultCookie + "=" + token} {
		r := httptest.NewRequest("GET", "/", nil)
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
		if _, err := s.Check(r); !errors.Is(err, durin.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Login(t.Context(), durin.LoginRequest{Name: "ada", Password: rightWord, Client: durin.AdminClient}); !errors.Is(err, durin.ErrUnknownClient) {
		t.Errorf("a log-in for the client of the pages: %v", err)
	}
	if body := second(b.get("/admin/clients")); strings.Contains(body, durin.AdminClient) {
		t.Error("the client of the pages is among those that can be changed")
	}
}

func second(_ int, body string) string { return body }

func TestSessionEnds(t *testing.T) {
	s := newSite(t)
	b, other := s.browser(), s.browser()
	b.signIn("ada", rightWord)
	for range 20 {
		s.Clock.Advance(28 * time.Minute)
		shows(t, "a session in use", 200, "Dashboard")(b.get("/admin/"))
	}
	for range 6 {
		s.Clock.Advance(28 * time.Minute)
		_, _ = b.get("/admin/")
	}
	b.closed("a session of more than twelve hours")
	b.signIn("ada", rightWord)
	s.Clock.Advance(31 * time.Minute)
	b.closed("an idle session")
	b.signIn("ada", rightWord)
	shows(t, "an answer by GET", 200)(b.get("/admin/sign-out"))
	shows(t, "signing out needs a form", 200, "Dashboard")(b.get("/admin/"))
	other.signIn("ada", rightWord)
	shows(t, "signed out", 200, "You are signed out")(b.post("/admin/sign-out"))
	b.closed("a session that was signed out")
	shows(t, "another session", 200, "Dashboard")(other.get("/admin/"))
	if _, err := s.End(t.Context(), durin.Selection{UserID: s.users["ada"].ID}); err != nil {
		t.Fatal(err)
	}
	other.closed("a session that was ended elsewhere")
}

// What gives lasting access, loosens a rule or cannot be undone asks for the
// password once the sign-in is older than ten minutes, and loses nothing that was
// typed. The session gets a new token.
func TestPasswordAgain(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "web"})
	s.Client(durin.Client{Name: "cli", Policy: durin.PolicyEvict, MaxTokens: 9})
	bob, carol := s.users["bob"].ID, s.users["carol"].ID
	b := s.browser()
	b.signIn("ada", rightWord)
	for range 3 {
		s.Token(bob, "cli")
	}
	for _, path := range []string{"clients/1/delete", "clients/1", "tokens/new"} {
		if body := second(b.get("/admin/" + path)); strings.Contains(body, "Your password") {
			t.Errorf("%s asks for the password right after the sign-in", path)
		}
	}
	client := []string{"name", "web", "ttl", "never", "policy", "evict", "max-tokens", "99"}
	cases := []struct {
		path string
		form []string
		done string
		kept string // what has to be in the question, and come with the answer
	}{
		{"clients/new", []string{"name", "loose", "ttl", "never", "policy", "reuse", "description", "<two\nlines>"}, "Client loose was added", "&lt;two\nlines&gt;"},
		{"clients/1", client, "Client web was changed", `name="max-tokens" value="99"`},
		{"tokens/new", []string{"user", "bob", "client", "cli", "ttl", "never"}, "cannot be shown again", `name="user" value="bob"`},
		{"tokens/2/renew", nil, "Token 2 was renewed", ""},
		{"tokens/revoke?id=2&id=3", nil, "2 tokens were revoked", ""},
		{"tokens/revoke?all=1&user=bob", nil, "tokens were revoked", ""},
		{"users/new", []string{"name", "eve", "active", "on", "password", "long enough"}, "User eve was added", `name="name" value="eve"`},
		{"users/" + bob + "/change", []string{"name", "robert", "active", "on"}, "User robert was changed", `value="robert"`},
		{"users/" + carol + "/change", []string{"name", "carol", "active", "on"}, "User carol was changed", ""},
		{"users/" + bob + "/change", []string{"name", "robert", "active", "on", "admin", "on"}, "User robert was changed", `name="admin" value="on"`},
		{"users/" + bob + "/change", []string{"name", "robert"}, "User robert was changed", ""},
		{"users/" + bob + "/password", []string{"password", "long enough", "repeat", "long enough"}, "The password of robert was set", ""},
		{"clients/bulk", []string{"action", "end", "id", "1"}, "tokens were revoked", `name="id" value="1"`},
		{"users/" + carol + "/delete", nil, "User carol was deleted", ""},
		{"clients/1/delete", nil, "Client web and its tokens were deleted", ""},
	}
	forms, _ := s.pages.Forms()
	for _, path := range forms {
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`\\{[a-z]+\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/?]+") + `(\?.*)?$`)
		tried := false
		for _, c := range cases {
			tried = tried || pattern.MatchString(c.path)
		}
		if !tried {
			t.Errorf("%s is not tried", path)
		}
	}
	for _, c := range cases {
		s.Clock.Advance(11 * time.Minute)
		before := s.census()
		shows(t, c.path, 422, "Your password again", c.kept)(b.post("/admin/"+c.path, c.form...))
		shows(t, c.path+" with none", 422, "Fill in this field", c.kept)(b.post("/admin/"+c.path, append(slices.Clone(c.form), "your-password", "")...))
		shows(t, c.path+" with a wrong one", 422, "This is not your password", c.kept)(b.post("/admin/"+c.path, append(slices.Clone(c.form), "your-password", "guess")...))
		if after := s.census(); after != before {
			t.Errorf("%s without the password changes\n%s\nto\n%s", c.path, before, after)
		}
		if _, body := b.post("/admin/"+c.path, c.form...); strings.Contains(body, `value="guess"`) {
			t.Errorf("%s: the visitor's password is in the page", c.path)
		}
		shows(t, c.path+" with the right one", 200, c.done)(b.post("/admin/"+c.path, append(slices.Clone(c.form), "your-password", rightWord)...))
		if _, body := b.get("/admin/clients/2"); strings.Contains(body, "Your password") {
			t.Errorf("%s: the password is asked for again right after it was given", c.path)
		}
	}
	list, err := s.Sessions(t.Context(), browse.Query{Client: durin.AdminClient})
	if err != nil || len(list) != 1 {
		t.Errorf("%d sessions of the pages, want the new one only (%v)", len(list), err)
	}
}

// What asks for the password shows the field in its form at once.
func TestPasswordInTheForm(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "web"})
	bob := s.users["bob"].ID
	s.Token(bob, "web")
	b := s.browser()
	b.signIn("ada", rightWord)
	s.Clock.Advance(11 * time.Minute)
	for _, path := range []string{"clients/new", "clients/1", "clients/1/delete", "clients/bulk?action=end&id=1", "tokens/new", "tokens/revoke?id=1&id=2", "tokens/revoke?all=1&user=bob",
		"users/new", "users/" + bob + "/change", "users/" + bob + "/delete", "users/" + bob + "/password"} {
		shows(t, path, 200, `name="your-password"`)(b.get("/admin/" + path))
	}
	if body := second(b.get("/admin/tokens/revoke?id=1")); strings.Contains(body, "your-password") {
		t.Error("ending one token asks for the password")
	}
	shows(t, "one token needs none", 200, "1 token was revoked")(b.post("/admin/tokens/revoke?id=1"))
	mine, err := s.Sessions(t.Context(), browse.Query{Client: durin.AdminClient})
	if err != nil || len(mine) != 1 {
		t.Fatal(len(mine), err)
	}
	id := strconv.FormatInt(mine[0].ID, 10)
	shows(t, "one's own among several", 200, "sign-in</h1>")(b.post("/admin/tokens/revoke?id=1&id="+id, "your-password", rightWord))
	b.closed("a session that was revoked by itself")
}

// A sign-in counts as the last login, and so does the password that is given again.
func TestLastLogin(t *testing.T) {
	s := newSite(t)
	last := func() time.Time {
		t.Helper()
		u, err := s.Store.UserByID(t.Context(), s.users["ada"].ID)
		if err != nil {
			t.Fatal(err)
		}
		return u.LastLogin
	}
	b := s.browser()
	b.signIn("ada", "a wrong one")
	if at := last(); !at.IsZero() {
		t.Errorf("a wrong password counts as a login at %v", at)
	}
	b.signIn("ada", rightWord)
	if at := last(); !at.Equal(s.Clock.Now()) {
		t.Errorf("the last login is %v, not now", at)
	}
	s.Clock.Advance(11 * time.Minute)
	b.post("/admin/clients/new", "name", "web", "policy", "reuse", "your-password", rightWord)
	if at := last(); !at.Equal(s.Clock.Now()) {
		t.Errorf("after the password was given again the last login is %v", at)
	}
}

// Every form has a rule, which says why, and every rule a form.
func TestEveryFormHasARule(t *testing.T) {
	forms, rules := newSite(t).pages.Forms()
	for _, path := range forms {
		if rules[path].Why == "" {
			t.Errorf("%s has no rule that says why it asks for the password, or does not", path)
		}
	}
	for path := range rules {
		if !slices.Contains(forms, path) {
			t.Errorf("there is a rule for %s, and no such form", path)
		}
	}
	if !rules.Ask("a form without a rule", nil) {
		t.Error("a form without a rule does not ask for the password")
	}
}

// census is all that could be changed, but for uses.
func (s *site) census() string {
	ctx := context.Background()
	var b strings.Builder
	clients, _ := s.Store.Clients(ctx)
	for _, c := range clients {
		b.WriteString(c.Name + " ")
	}
	users, _ := s.Store.Users(ctx, "", 0)
	for _, u := range users {
		b.WriteString(u.Name + u.Password)
		if u.Admin {
			b.WriteString("!")
		}
	}
	sessions, _ := s.Store.Sessions(ctx, browse.Query{})
	for _, one := range sessions {
		b.WriteString(one.Digest.String()[:6] + " ")
	}
	return b.String()
}

func TestForged(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "web"})
	s.Token(s.users["bob"].ID, "web")
	b := s.browser()
	b.signIn("ada", rightWord)
	before := s.census()
	for what, header := range map[string][]string{
		"another site":           {"Sec-Fetch-Site", "cross-site"},
		"a sibling":              {"Sec-Fetch-Site", "same-site"},
		"an old browser":         {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"a sandboxed frame":      {"Sec-Fetch-Site", "", "Origin", "null"},
		"a sibling, old browser": {"Sec-Fetch-Site", "", "Origin", "https://sub.127.0.0.1"},
	} {
		for _, path := range []string{"clients/new", "clients/1/delete", "tokens/new", "tokens/revoke?id=1", "tokens/1/renew", "users/new", "sign-out", "sign-in"} {
			status, body := b.send("POST", "/admin/"+path, url.Values{"name": {"forged"}, "user": {"bob"}, "client": {"web"}}, header...)
			if status != 403 || !strings.Contains(body, "sent from another site") {
				t.Errorf("%s, %s: %d", what, path, status)
			}
		}
	}
	for _, path := range []string{"clients/1/delete", "tokens/revoke?id=1", "users/" + s.users["bob"].ID + "/delete", "tokens/1/renew"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			_, _ = b.send(method, "/admin/"+path, nil)
		}
	}
	if after := s.census(); after != before {
		t.Errorf("changed from\n%s\nto\n%s", before, after)
	}
	shows(t, "still signed in", 200, "Dashboard")(b.get("/admin/"))
}

// What an administrator could not take back alone is refused.
func TestNotOneself(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn("ada", rightWord)
	ada := "/admin/users/" + s.users["ada"].ID
	shows(t, "delete", 200, "ask another administrator")(b.post(ada + "/delete"))
	shows(t, "demote", 422, "ask another administrator")(b.post(ada+"/change", "name", "ada", "active", "on"))
	shows(t, "deactivate", 422, "ask another administrator")(b.post(ada+"/change", "name", "ada", "admin", "on"))
	shows(t, "rename", 200, "User lovelace was changed")(b.post(ada+"/change", "name", "lovelace", "active", "on", "admin", "on"))
}

// No page but that of a new token has a secret in it.
func TestNoSecret(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "web"})
	bob := s.users["bob"].ID
	token := s.Token(bob, "web").Reveal()
	b := s.browser()
	b.signIn("ada", rightWord)
	status, body := b.post("/admin/tokens/new", "user", "bob", "client", "web")
	shows(t, "a token that bob has", 200, "The user has a token already")(status, body)
	for _, path := range []string{"tokens/new", "tokens", "tokens/1", "users/" + bob, "clients/1", ""} {
		body += second(b.get("/admin/" + path))
	}
	if strings.Contains(body, token) || strings.Contains(body, "plain:") {
		t.Error("a secret is on a page")
	}
}

// directory is an application's own users.
type directory map[string]durin.User

func (d directory) User(_ context.Context, id string) (durin.User, error) {
	if !strings.HasPrefix(id, "u/") { // as a database says whose ids are UUIDs
		return durin.User{}, fmt.Errorf("invalid input syntax for type uuid: %q", id)
	}
	u, ok := d[id]
	if !ok {
		return u, durin.ErrNotFound
	}
	if u.Name == "broken" {
		return u, errors.New("the directory is away")
	}
	return u, nil
}

func (d directory) Search(_ context.Context, prefix string, limit int) ([]durin.User, error) {
	if d[prefix].Name == "broken" {
		return nil, errors.New("the directory is away")
	}
	var some []durin.User
	for id, u := range d {
		if strings.HasPrefix(u.Name, prefix) && len(some) < limit {
			u.ID = id
			some = append(some, u)
		}
	}
	return some, nil
}

func (d directory) Authenticate(_ context.Context, name string, pw durin.Secret) (durin.User, error) {
	for id, u := range d {
		if u.Name == name && pw == rightWord {
			return durin.User{ID: id, Name: name}, nil
		}
	}
	return durin.User{}, durin.ErrBadCredentials
}

func TestOwnUsers(t *testing.T) {
	d := directory{"u/1": {Name: "ada@example.org", Active: true, Admin: true}, "u/2": {Name: "bob@example.org", Active: true}, "u/3": {Name: "broken"}}
	g := durintest.New(t, func(o *durin.Options) { o.Authenticator = d })
	pages, err := admin.New(g.Guard, admin.Options{Path: "/ops/pages", Directory: d, Brand: "Shop"})
	if err != nil {
		t.Fatal(err)
	}
	g.Token("u/2", "web")
	server := httptest.NewTLSServer(pages)
	t.Cleanup(server.Close)
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	call := func(method, path string, form url.Values) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/ops/pages/"+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	shows(t, "a plain user", 422, "Unable to sign in")(call("POST", "sign-in", url.Values{"name": {"bob@example.org"}, "password": {rightWord}}))
	status, body := call("POST", "sign-in", url.Values{"name": {"ada@example.org"}, "password": {rightWord}})
	shows(t, "an administrator", 200, "Shop", "ada@example.org")(status, body)
	if strings.Contains(body, "/users\"") {
		t.Error("there is a list of users that the store does not have")
	}
	shows(t, "tokens", 200, "bob@example.org")(call("GET", "tokens", nil))
	shows(t, "tokens by name", 200, "bob@example.org")(call("GET", "tokens?user=bob@example.org", nil))
	shows(t, "tokens by id", 200, "bob@example.org")(call("GET", "tokens?user="+url.QueryEscape("u/2"), nil))
	shows(t, "a user", 200, "bob@example.org", "u/2")(call("GET", "users/"+url.PathEscape("u/2"), nil))
	shows(t, "a user who is gone", 200, "u/9")(call("GET", "users/"+url.PathEscape("u/9"), nil))
	for _, path := range []string{"tokens?user=abc", "tokens?user=ab%00"} {
		shows(t, path, 200, "There is no user of this name or id")(call("GET", path, nil))
	}
	shows(t, "the page of what is no id", 200, "This user has no tokens")(call("GET", "users/abc", nil))
	shows(t, "a token for what is no id", 422, "There is no user of this name or id")(call("POST", "tokens/new", url.Values{"user": {"abc"}, "client": {"web"}}))
	shows(t, "a directory that fails", 503, "Temporarily unavailable")(call("GET", "users/"+url.PathEscape("u/3"), nil))
	shows(t, "no list", 404, "Page not found")(call("GET", "users", nil))
	shows(t, "issue", 200, "cannot be shown again")(call("POST", "tokens/new", url.Values{"user": {"ada@example.org"}, "client": {"web"}}))
	shows(t, "suggestions", 200, `["bob@example.org"]`)(call("GET", "people/suggest?q=bo", nil))
	d["u/1"] = durin.User{Name: "ada@example.org", Active: true}
	shows(t, "an administrator no longer", 200, "sign-in</h1>")(call("GET", "tokens", nil))
}

func TestMisconfigured(t *testing.T) {
	g := durintest.New(t)
	for name, o := range map[string]admin.Options{
		"nobody":      {},
		"both":        {Users: g.Store, Directory: directory{}},
		"path":        {Users: g.Store, Path: "admin"},
		"idle":        {Users: g.Store, Idle: time.Second},
		"life":        {Users: g.Store, MaxLife: time.Minute},
		"recent":      {Users: g.Store, Recent: -1},
		"odd origins": {Users: g.Store, Origins: []string{"not an origin"}},
	} {
		if _, err := admin.New(g.Guard, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := admin.New(nil, admin.Options{Users: g.Store}); err == nil {
		t.Error("no Guard: no error")
	}
	bare := durintest.New(t, func(o *durin.Options) { o.Store = struct{ durin.Store }{o.Store} })
	if _, err := admin.New(bare.Guard, admin.Options{Directory: directory{}}); err == nil {
		t.Error("a store that cannot be browsed: no error")
	}
}

// Forms of any kind are read without harm.
func FuzzForms(f *testing.F) {
	for _, seed := range []string{"clients/new?name=a&ttl=7d", "tokens?user=%00&state=soon&after=9&at=-1", "clients?page=999999999&sort=-used&q=%ff", "tokens/revoke?id=1&id=x&all=", "users?after=%F4%8F%BF%BF&kind=admin", "users/new?name=%20&admin=on", "tokens/new?user=bob&client=web&ttl=-1"} {
		path, query, _ := strings.Cut(seed, "?")
		f.Add(path, query, true)
		f.Add(path, query, false)
	}
	f.Fuzz(func(t *testing.T, path, query string, post bool) {
		s := newSite(t)
		b := s.browser()
		b.signIn("ada", rightWord)
		u, err := url.Parse("/admin/" + path)
		if err != nil || strings.ContainsAny(path, "\x00\r\n ") || !strings.HasPrefix(u.Path, "/admin/") {
			return
		}
		r := httptest.NewRequest("GET", "/admin/", nil)
		if post {
			r = httptest.NewRequest("POST", "/admin/", strings.NewReader(query))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = u.Path, u.RawPath, query
		base, _ := url.Parse(b.url)
		for _, c := range b.client.Jar.Cookies(base) {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.pages.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "ZgotmplZ") {
			t.Errorf("a fault in a template: %s", w.Body)
		}
	})
}
