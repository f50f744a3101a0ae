package admin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/admin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/loginlimit"
)

// passwords is an Authenticator of the store's users whose hash is the password
// itself, behind a word.
type passwords struct{ users durin.UserStore }

func (p passwords) Authenticate(ctx context.Context, name string, pw durin.Secret) (durin.User, error) {
	u, err := p.users.UserByName(ctx, name)
	if errors.Is(err, durin.ErrNotFound) || err == nil && (!u.Active || u.Password != "plain:"+pw.Reveal()) {
		return durin.User{}, durin.ErrBadCredentials
	}
	return u, err
}

func hash(_ context.Context, u durin.User, pw durin.Secret) (string, error) {
	if len(pw) < 8 {
		return "", &durin.FieldError{Field: "password", Message: "This password is too short."}
	}
	return "plain:" + pw.Reveal(), nil
}

const rightWord = "correct horse"

// site is the pages with a few users, clients and tokens: ada is an administrator,
// bob is not, carol is deactivated.
type site struct {
	*durintest.Guard
	t     *testing.T
	url   string
	users map[string]durin.User
	pages *admin.Handler
}

func newSite(t *testing.T, change ...func(*admin.Options)) *site {
	t.Helper()
	s := &site{t: t, users: map[string]durin.User{}}
	s.Guard = durintest.New(t, func(o *durin.Options) {
		users := o.Store.(durin.UserStore)
		o.Users, o.Authenticator = users, passwords{users}
	})
	for name, rights := range map[string][2]bool{"ada": {true, true}, "bob": {true, false}, "carol": {false, false}} {
		u, err := s.Store.CreateUser(t.Context(), durin.User{Name: name, Active: rights[0], Admin: rights[1], Password: "plain:" + rightWord, Created: s.Clock.Now()})
		if err != nil {
			t.Fatal(err)
		}
		s.users[name] = u
	}
	o := admin.Options{Users: s.Store, HashPassword: hash}
	for _, f := range change {
		f(&o)
	}
	var err error
	if s.pages, err = admin.New(s.Guard.Guard, o); err != nil {
		t.Fatal(err)
	}
	return s
}

// browser is a caller that keeps cookies and follows redirects, without scripts.
type browser struct {
	*site
	client *http.Client
	path   string // where the last answer came from
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewTLSServer(s.pages)
	s.t.Cleanup(server.Close)
	s.url = server.URL
	c := server.Client()
	c.Jar = jar
	return &browser{site: s, client: c}
}

func (b *browser) send(method, path string, form url.Values, header ...string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.path = answer.Request.URL.RequestURI()
	return answer.StatusCode, string(text)
}

func (b *browser) get(path string) (int, string) { return b.send("GET", path, nil) }

// post sends a form: name, value, name, value.
func (b *browser) post(path string, pairs ...string) (int, string) {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send("POST", path, form)
}

func (b *browser) signIn(name, password string) (int, string) {
	return b.post("/admin/sign-in", "name", name, "password", password)
}

// shows checks that a page came with status and has all the words in it.
func shows(t *testing.T, what string, wantStatus int, words ...string) func(int, string) {
	t.Helper()
	return func(status int, body string) {
		t.Helper()
		if status != wantStatus {
			t.Errorf("%s: status %d, want %d", what, status, wantStatus)
		}
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s: no %q in\n%s", what, word, body)
			}
		}
	}
}

func TestWhoIsHeldBackIsShown(t *testing.T) {
	var list []loginlimit.Held
	s := newSite(t, func(o *admin.Options) {
		o.Held = func(context.Context, time.Time) ([]loginlimit.Held, error) { return list, nil }
	})
	b := s.browser()
	status, body := b.signIn("ada", rightWord)
	if status != 200 || strings.Contains(body, "Held back") {
		t.Error("there is a list of nobody")
	}
	until := s.Clock.Now().Add(time.Minute)
	for range 22 {
		list = append(list, loginlimit.Held{Network: netip.MustParsePrefix("2001:db8::/64"), Locks: 3, Until: until})
	}
	list[0] = loginlimit.Held{Account: "<bob>", Known: true, Locks: 1, Until: until}
	shows(t, "the dashboard", 200, "Held back", "&lt;bob&gt;", "known devices", "everywhere", "2001:db8::/64", "every account", "2 more")(b.get("/admin/"))
}

// The methods of our limiters fit the option as they are.
func TestHeldOfALimiter(t *testing.T) {
	limiter := loginlimit.New(loginlimit.Numbers{Account: 1, Pair: 1})
	s := newSite(t, func(o *admin.Options) { o.Held = limiter.Held })
	attempt := durin.LoginAttempt{At: s.Clock.Now(), Name: "bob", Address: netip.MustParseAddr("192.0.2.7")}
	for range 2 {
		if ok, err := limiter.Admit(t.Context(), attempt); ok && err == nil {
			limiter.Done(t.Context(), attempt, durin.ErrBadCredentials)
		}
	}
	b := s.browser()
	shows(t, "the dashboard", 200, "Held back", "bob")(b.signIn("ada", rightWord))
}

// What was filtered for is there again when something was done to a part of it.
func TestBackToTheFilter(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "web"})
	s.Client(durin.Client{Name: "cli", Policy: durin.PolicyEvict, MaxTokens: 9})
	bob := s.users["bob"].ID
	for range 3 {
		s.Token(bob, "cli")
	}
	b := s.browser()
	b.signIn("ada", rightWord)
	follow := func(list, do string, more ...string) {
		t.Helper()
		_, body := b.get("/admin/" + list)
		query := url.Values{}
		_, form, _ := strings.Cut(body, `action="/admin/`+do+`"`)
		for _, m := range regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`).FindAllStringSubmatch(form, -1) {
			query.Add(m[1], m[2])
		}
		for i := 0; i < len(more); i += 2 {
			query.Add(more[i], more[i+1])
		}
		post := url.Values{}
		if do == "clients/bulk" {
			post = url.Values{"action": query["action"], "id": query["id"]}
		}
		shows(t, list, 200, "revoked")(b.send("POST", "/admin/"+do+"?"+query.Encode(), post))
		_, want, _ := strings.Cut(list, "?")
		_, got, _ := strings.Cut(b.path, "?")
		wanted, _ := url.ParseQuery(want)
		if there, _ := url.ParseQuery(got); there.Encode() != wanted.Encode() {
			t.Errorf("%s: back at %s", list, b.path)
		}
	}
	follow("tokens?client=cli&state=live&user=bob", "tokens/revoke", "id", "1")
	follow("tokens", "tokens/revoke", "id", "2")
	follow("clients?policy=evict&q=cl&sort=-name", "clients/bulk", "action", "end", "id", "2")
}

// Addresses of pages are good with a slash at their end, and those that lead out of
// the pages are not come back to.
func TestAddresses(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "web"})
	b := s.browser()
	b.signIn("ada", rightWord)
	for path, want := range map[string]string{"users/": "users", "users/?q=b": "users?q=b", "clients/1/": "clients/1", "tokens//": "tokens"} {
		if status, _ := b.get("/admin/" + path); status != 200 || b.path != "/admin/"+want {
			t.Errorf("%s: %d at %s", path, status, b.path)
		}
	}
	if status, _ := b.get("/admin/nothing/"); status != 404 {
		t.Errorf("nothing/: %d", status)
	}
	for _, next := range []string{"/admin/..", "/admin/../", "/admin/%2e%2e", "/admin/.%2E/x", "/admin/users/../../x", "/admin/.", "//evil.example", "/admin\\..\\x", "https://evil.example/admin/", "/adminx"} {
		b.post("/admin/sign-in", "name", "ada", "password", rightWord, "next", next)
		if b.path != "/admin/" {
			t.Errorf("next=%s leads to %s", next, b.path)
		}
	}
	b.post("/admin/sign-in", "name", "ada", "password", rightWord, "next", "/admin/users?q=..")
	if b.path != "/admin/users?q=.." {
		t.Errorf("at %s", b.path)
	}
}

func TestEveryPage(t *testing.T) {
	s := newSite(t)
	s.Client(durin.Client{Name: "web", Rate: durin.Rate{N: 5, Period: time.Minute}})
	s.Client(durin.Client{Name: "cli", Policy: durin.PolicyEvict, MaxTokens: 3})
	bob := s.users["bob"].ID
	s.Token(bob, "web")
	day := s.Clock.Now().Truncate(24 * time.Hour)
	if err := s.Store.AddActivity(t.Context(), browse.Batch{}, []browse.Activity{{Day: day, ClientID: 1, Requests: 9, Throttled: 2, Logins: 3}, {Day: day, Refused: 4, Failed: 5}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.AddUsage(t.Context(), browse.Batch{}, []browse.Usage{{Day: day, UserID: bob, ClientID: 1, Requests: 9, Throttled: 2}}); err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	shows(t, "signed in", 200, "Dashboard", "ada")(b.signIn("ada", rightWord))
	for path, words := range map[string][]string{
		"":                                     {"Live tokens", "Throttled today", "Busiest users", "bob", "<svg"},
		"?client=1&days=7":                     {"Dashboard: web"},
		"clients":                              {"web", "cli", "5/m", "evict 3"},
		"clients?q=WE&sort=-ttl":               {"web", `aria-sort="descending"`},
		"clients?q=nothing":                    {"Nothing found"},
		"clients/new":                          {"Life time of its tokens"},
		"clients/1":                            {"web", "Live tokens"},
		"clients/1/delete":                     {"Delete client web?", "web (tokens: 1, of them live: 1)"},
		"clients/bulk?action=end&id=1&id=2":    {"Revoke all tokens of these clients?"},
		"clients/bulk?action=delete&id=1&id=2": {"Delete these clients?"},
		"tokens":                               {"bob", "web", "Live", "not used yet"},
		"tokens?user=bob&state=live":           {"Revoke all that match"},
		"tokens?state=soon":                    {"durin-admin"},
		"tokens?state=expired":                 {"Nothing found"},
		"tokens?user=bo":                       {"There is no user of this name", ">bob<"},
		"tokens?id=1":                          {"bob"},
		"tokens?id=x":                          {"whole number"},
		"tokens/new":                           {"Issue a token"},
		"tokens/1":                             {"Token 1", "Only a digest"},
		"tokens/revoke?id=1":                   {"Token 1 of bob for web"},
		"tokens/revoke?all=1&user=bob":         {"match now: 1"},
		"users":                                {"ada", "bob", "carol", "Administrator", "Deactivated"},
		"users?q=bo":                           {"bob"},
		"users?kind=admin":                     {"ada"},
		"users/new":                            {"Administrator"},
		"users/" + bob:                         {"bob", "Tokens", "Requests"},
		"users/" + bob + "/change":             {"Change bob"},
		"users/" + bob + "/password":           {"New password for bob"},
		"users/" + bob + "/delete":             {"Delete user bob?", "bob (tokens: 1)"},
	} {
		status, body := b.get("/admin/" + path)
		shows(t, path, 200, words...)(status, body)
		if strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "%!") {
			t.Errorf("%s: a fault in a template\n%s", path, body)
		}
	}
}
