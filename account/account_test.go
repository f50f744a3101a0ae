package account_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/account"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
)

// people are an application's own users, by name; ids are "id of" and the name.
type people map[string]durin.Secret

func (p people) Authenticate(_ context.Context, name string, pw durin.Secret) (durin.User, error) {
	if pw == "" || p[name] != pw {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "id of " + name, Name: name}, nil
}

func (p people) userName(_ context.Context, id string) (string, error) {
	return strings.TrimPrefix(id, "id of "), nil
}

func (p people) setPassword(_ context.Context, u durin.User, pw durin.Secret) error {
	if len(pw) < 8 {
		return &durin.FieldError{Field: "password", Message: "This password is too short."}
	}
	p[u.Name] = pw
	return nil
}

type site struct {
	*durintest.Guard
	t      *testing.T
	people people
	pages  *account.Handler
	server *httptest.Server
}

func newSite(t *testing.T, change ...func(*account.Options)) *site {
	t.Helper()
	s := &site{t: t, people: people{"ada": "correct horse", "bea": "battery staple"}}
	s.Guard = durintest.New(t, func(o *durin.Options) { o.Authenticator = s.people })
	s.Client(durin.Client{Name: "api", TTL: durin.Never, Policy: durin.PolicyReplace})
	o := account.Options{APIKeyClient: "api", UserName: s.people.userName, SetPassword: s.people.setPassword}
	for _, f := range change {
		f(&o)
	}
	pages, err := account.New(s.Guard.Guard, o)
	if err != nil {
		t.Fatal(err)
	}
	s.pages = pages
	s.server = httptest.NewTLSServer(pages)
	t.Cleanup(s.server.Close)
	return s
}

// browser keeps cookies and follows redirects, without scripts.
type browser struct {
	*site
	client http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b := &browser{site: s, client: *s.server.Client()}
	b.client.Jar = jar
	return b
}

func (b *browser) send(method, path string, form url.Values, header ...string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+"/account/"+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
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
	return answer.StatusCode, string(text)
}

func (b *browser) get(path string, words ...string) string {
	b.t.Helper()
	status, body := b.send("GET", path, nil)
	return b.check("GET "+path, status, 200, body, words)
}

func (b *browser) post(want int, path string, pairs []string, words ...string) string {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	status, body := b.send("POST", path, form)
	return b.check("POST "+path, status, want, body, words)
}

func (b *browser) check(what string, status, want int, body string, words []string) string {
	b.t.Helper()
	if status != want {
		b.t.Errorf("%s: status %d, want %d", what, status, want)
	}
	if strings.Contains(body, "%!") || strings.Contains(body, "ZgotmplZ") {
		b.t.Errorf("%s: a fault in a template\n%s", what, body)
	}
	for _, word := range words {
		if strings.HasPrefix(word, "-") == strings.Contains(body, strings.TrimPrefix(word, "-")) {
			b.t.Errorf("%s: %q\n%s", what, word, body)
		}
	}
	return body
}

func (b *browser) signIn(name string) {
	b.t.Helper()
	b.post(200, "sign-in", []string{"name", name, "password", b.people[name].Reveal()}, "Where you are signed in")
}

func TestSessions(t *testing.T) {
	s := newSite(t)
	first, second, bea := s.browser(), s.browser(), s.browser()
	first.get("", "Sign in", "-Where you are")
	first.post(422, "sign-in", []string{"name", "ada", "password", "wrong"}, "Unable to sign in", `value="ada"`)
	first.post(422, "sign-in", []string{"name", "", "password", ""}, "2 fields need another look", "Fill in this field")
	first.signIn("ada")
	first.get("", "This session", "Firefox on Linux", "127.0.0.1", "signed in nowhere else", "-End all others")
	second.signIn("ada")
	bea.signIn("bea")
	body := first.get("", "End all others")
	links := regexp.MustCompile(`/account/sessions/(\d+)/end`).FindAllStringSubmatch(body, -1)
	if len(links) != 2 {
		t.Fatalf("%v, want two sessions", links)
	}
	other := "sessions/" + links[1][1] + "/end" // the present one comes first
	first.get(other, "End this session?", "-you will be signed out")
	first.get("sessions/"+links[0][1]+"/end", "you will be signed out")
	second.get("", "Where you are")
	if status, _ := bea.send("POST", other, nil); status != 404 {
		t.Errorf("another user's session can be ended: %d", status)
	}
	second.get("", "Where you are")
	first.post(200, other, nil, "The session was ended")
	second.get("", "Sign in", "-Where you are")
	second.signIn("ada")
	first.get("sessions/others", "End all other sessions?")
	first.post(200, "sessions/others", nil, "1 other session was ended")
	second.get("", "-Where you are")
	bea.get("", "Where you are")
	first.post(200, "sign-out", nil, "You are signed out")
	first.get("", "-Where you are")
	first.post(200, "key", nil, "so nothing was changed")
}

func TestKey(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn("ada")
	b.get("key", "You have no API key")
	body := b.post(200, "key", nil, "Copy it now", "curl -H")
	key := durin.Secret(regexp.MustCompile(`<code id="key">([^<]+)</code>`).FindStringSubmatch(body)[1])
	if u, err := s.Verify(t.Context(), key); err != nil || u.UserID != "id of ada" {
		t.Fatalf("the key: %v, %v", u, err)
	}
	b.get("key", "-"+key.Reveal(), "Live", "Replace")
	b.get("", "-api")
	b.post(200, "key", nil, "You have an API key already", "-"+key.Reveal())
	b.post(200, "sessions/others", nil, "0 other sessions")
	if _, err := s.Verify(t.Context(), key); err != nil {
		t.Errorf("the key ends with the sessions: %v", err)
	}
	b.get("key/replace", "Replace the API key?")
	body = b.post(200, "key/replace", nil, "Copy it now")
	fresh := durin.Secret(regexp.MustCompile(`<code id="key">([^<]+)</code>`).FindStringSubmatch(body)[1])
	if _, err := s.Verify(t.Context(), key); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("the old key: %v", err)
	}
	b.get("key/delete", "Delete the API key?")
	b.post(200, "key/delete", nil, "The API key was deleted", "You have no API key")
	if _, err := s.Verify(t.Context(), fresh); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("the deleted key: %v", err)
	}
	if err := s.DeleteClient(t.Context(), "api"); err != nil {
		t.Fatal(err)
	}
	b.post(200, "key", nil, "cannot be issued yet")
}

// A session that was left open, or stolen, gives no key without the password.
func TestKeyAsksForThePassword(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn("ada")
	s.Clock.Advance(11 * time.Minute)
	keys := func(want int) {
		t.Helper()
		if n, err := s.CountSessions(t.Context(), browse.Filter{Client: "api"}, 9); err != nil || n != want {
			t.Errorf("%d keys, want %d (%v)", n, want, err)
		}
	}
	for i, path := range []string{"key", "key/replace"} {
		b.post(422, path, nil, "Your password again", "-Copy it now")
		b.post(422, path, []string{"your-password", ""}, "Fill in this field", "-Copy it now")
		b.post(422, path, []string{"your-password", "guess"}, "This is not your password", "-Copy it now", "-guess")
		b.post(422, path, []string{"your-password", "battery staple"}, "This is not your password", "-Copy it now")
		keys(i)
		b.post(200, path, []string{"your-password", "correct horse"}, "Copy it now")
		keys(1)
	}
	b.get("key/replace", "Your password")
	b.post(200, "key/delete", nil, "The API key was deleted")
	// A session that was given a time to end at, by whoever, was not opened by the password.
	s.Client(durin.Client{Name: "browser", Cookie: true})
	short, err := s.Issue(t.Context(), durin.IssueRequest{UserID: "id of ada", Client: "browser", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := s.browser().send("POST", "key", nil, "Cookie", durin.DefaultCookie+"="+short.Token.Reveal()); status != 422 || !strings.Contains(body, "Your password again") {
		t.Errorf("a session with a ceiling makes a key: %d", status)
	}
	keys(0)
	forms, said := s.pages.Forms()
	for _, path := range forms {
		if rule, ok := said[path]; !ok || rule.Why == "" {
			t.Errorf("nothing is said about %q", path)
		}
	}
	if len(forms) != len(said) {
		t.Errorf("%d forms, %d rules", len(forms), len(said))
	}
}

func TestPassword(t *testing.T) {
	s := newSite(t)
	b, other := s.browser(), s.browser()
	b.signIn("ada")
	other.signIn("ada")
	key := s.Token("id of ada", "api")
	b.get("password", "All your other sessions are ended", "Keep the API key")
	ask := func(current, new, repeat string) []string {
		return []string{"current", current, "password", new, "repeat", repeat}
	}
	b.post(422, "password", ask("", "", ""), "3 fields need")
	b.post(422, "password", ask("wrong", "long enough", "long enough"), "This is not your present password")
	b.post(422, "password", ask("correct horse", "long enough", "other"), "The two are not the same")
	b.post(422, "password", ask("correct horse", "short", "short"), "too short", "-short\"")
	other.get("", "Where you are")
	b.post(200, "password", ask("correct horse", "long enough", "long enough"), "Your password was changed. 1 other session was ended. The API key was deleted.")
	other.get("", "-Where you are")
	b.get("", "Where you are")
	if _, err := s.Verify(t.Context(), key); !errors.Is(err, durin.ErrInvalidToken) {
		t.Errorf("the key: %v", err)
	}
	other.signIn("ada")
}

// Guessing the present password with a stolen session is slowed like any
// guessing.
func TestPasswordIsLimited(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn("ada")
	for range 12 {
		b.post(422, "password", []string{"current", "guess", "password", "long enough", "repeat", "long enough"})
	}
	b.post(422, "password", []string{"current", "correct horse", "password", "long enough", "repeat", "long enough"}, "not your present password")
	if s.people["ada"] != "correct horse" {
		t.Error("the password was changed while the limit held")
	}
	s.Clock.Advance(time.Hour)
	b.signIn("ada")
	b.post(200, "password", []string{"current", "correct horse", "password", "long enough", "repeat", "long enough"}, "was changed")
}

func TestForged(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.signIn("ada")
	for name, header := range map[string][]string{
		"cross-site":   {"Sec-Fetch-Site", "cross-site"},
		"sibling":      {"Sec-Fetch-Site", "same-site"},
		"other origin": {"Origin", "https://evil.example"},
		"null origin":  {"Origin", "null"},
	} {
		for _, path := range []string{"key", "sessions/others", "sign-out", "sign-in", "password"} {
			status, body := b.send("POST", path, url.Values{"name": {"bea"}, "password": {"battery staple"}}, header...)
			if status != 403 || !strings.Contains(body, "sent from another site") {
				t.Errorf("%s on %s: %d", name, path, status)
			}
		}
	}
	b.get("key", "You have no API key", "ada")
	for _, path := range []string{"", "key", "password"} {
		for _, method := range []string{"PUT", "DELETE", "PATCH"} {
			if status, _ := b.send(method, path, nil); status != 405 {
				t.Errorf("%s %s: %d", method, path, status)
			}
		}
	}
	// A token in a header, or of a client without cookies, opens nothing.
	stranger := s.browser()
	token := s.Token("id of ada", "api").Reveal()
	for _, header := range [][]string{{"Authorization", "Token " + token}, {"Cookie", durin.DefaultCookie + "=" + token}} {
		if _, body := stranger.send("GET", "", nil, header...); strings.Contains(body, "Where you are") {
			t.Errorf("%s opens the page", header[0])
		}
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	answer, err := b.client.Get(s.server.URL + "/account/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	policy := answer.Header.Get("Content-Security-Policy")
	if answer.Header.Get("Cache-Control") != "no-store" || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%v", answer.Header)
	}
	for _, odd := range []string{"<style", " style=", "onclick=", "javascript:", "http://", "https://"} {
		if strings.Contains(strings.ReplaceAll(string(body), "http://www.w3.org", ""), odd) {
			t.Errorf("%q is in the page", odd)
		}
	}
	asset := regexp.MustCompile(`/account/assets/pages\.[0-9a-f]{16}\.css`).FindString(string(body))
	answer, err = b.client.Get(s.server.URL + asset)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != 200 || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/css") {
		t.Errorf("%s: %d %v", asset, answer.StatusCode, answer.Header)
	}
	for _, path := range []string{"assets/pages.css", "assets/../x", "assets/"} {
		if answer, err = b.client.Get(s.server.URL + "/account/" + path); err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode == 200 && strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s is there", path)
		}
	}
}

func TestMisconfigured(t *testing.T) {
	g := durintest.New(t)
	for name, o := range map[string]account.Options{
		"path":       {Path: "account"},
		"odd path":   {Path: "/a{b}/"},
		"client":     {Client: durin.AdminClient},
		"one client": {Client: "x", APIKeyClient: "x"},
		"example":    {Example: "/relative"},
		"return":     {ReturnTo: []string{"https://app.example.org"}},
		"wild":       {ReturnTo: []string{"*.example.org"}},
		"no return":  {ReturnTo: []string{""}},
		"quote":      {Example: "https://example.org/'"},
	} {
		if _, err := account.New(g.Guard, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := account.New(nil, account.Options{}); err == nil {
		t.Error("no Guard: no error")
	}
	s := newSite(t, func(o *account.Options) { o.Client, o.Logger = "web", slog.New(slog.DiscardHandler) })
	s.Client(durin.Client{Name: "web"})
	s.browser().post(500, "sign-in", []string{"name", "ada", "password", "correct horse"}, "Something went wrong")
}
