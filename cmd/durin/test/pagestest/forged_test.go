package pagestest

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/durin-go/durin"
	"github.com/durin-go/durin/admin"
	"github.com/durin-go/durin/browse"
)

// state is what a forged request would change.
func (w *world) state(t *testing.T) string {
	t.Helper()
	clients, err := w.node.Guard.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	users, err := w.node.Store.Users(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := w.node.Guard.Sessions(t.Context(), browse.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range clients {
		fmt.Fprintf(&b, "%+v\n", c)
	}
	for _, u := range users {
		fmt.Fprintf(&b, "%+v\n", u)
	}
	for _, s := range sessions {
		fmt.Fprintln(&b, s.ID, s.Digest, s.Created, s.IssuedAt)
	}
	return b.String()
}

func (p *tab) run(script string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](`(async () => {`+script+`})()`, chromedp.EvalAwaitPromise)); err != nil {
		p.t.Fatal(err)
	}
}

// TestForged lets pages of other sites, and of a sibling host, do what they can
// against an administrator and a user who are signed in: nothing changes.
func TestForged(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, httptest.NewTLSServer).live()
	at := func(host, path string) string { return "https://" + host + ":" + port(w.url) + path }
	p := w.open(t, windows[0])
	p.signIn(at("app.example.test", "/admin/"), "ada", word)
	p.see("Busiest users")
	p.signIn(at("app.example.test", "/account/"), "bea", word)
	p.see("Where you are signed in")
	bea := w.users["bea"].ID
	targets := map[string]string{
		"/admin/clients/new":                  "name=forged&policy=replace",
		"/admin/clients/1/delete":             "",
		"/admin/clients/bulk":                 "action=delete&id=1&id=2",
		"/admin/tokens/new":                   "user=bea&client=cli",
		"/admin/tokens/revoke?id=1":           "",
		"/admin/tokens/revoke?all=1&user=bea": "",
		"/admin/users/new":                    "name=forged&active=on&admin=on",
		"/admin/users/" + bea + "/delete":     "",
		"/admin/users/" + bea + "/change":     "name=bea&active=on&admin=on",
		"/admin/users/" + bea + "/password":   "password=forged+word&repeat=forged+word",
		"/admin/sign-out":                     "",
		"/account/key/delete":                 "",
		"/account/sessions/others":            "",
		"/account/sign-out":                   "",
		"/account/sign-in":                    "name=clemens&password=twelve+iron+rings",
		"/account/password":                   "current=twelve+iron+rings&password=forged+word&repeat=forged+word",
	}
	before := w.state(t)
	for _, host := range []string{"evil.elsewhere.test", "evil.example.test", "example.test"} {
		for path, body := range targets {
			p.visit(at(host, "/healthz"))
			p.run(fmt.Sprintf(`await fetch(%q, {method: 'POST', mode: 'no-cors', credentials: 'include', headers: {'Content-Type': 'application/x-www-form-urlencoded'}, body: %q}).catch(() => 0)`, at("app.example.test", path), body))
			if now := w.state(t); now != before {
				t.Fatalf("a fetch from %s to %s changes\n%s\nto\n%s", host, path, before, now)
			}
		}
		for _, path := range []string{"/admin/clients/1/delete", "/admin/users/new", "/account/sessions/others"} {
			p.visit(at(host, "/healthz"))
			fields := ""
			for _, pair := range strings.Split(targets[path], "&") {
				name, value, _ := strings.Cut(pair, "=")
				fields += fmt.Sprintf(`{const i = document.createElement('input'); i.name = %q; i.value = %q; f.append(i)}`, name, value)
			}
			p.run(fmt.Sprintf(`const f = document.createElement('form'); f.method = 'POST'; f.action = %q; %s document.body.append(f); f.submit()`, at("app.example.test", path), fields))
			p.see("Request refused")
			if now := w.state(t); now != before {
				t.Fatalf("a form from %s to %s changes\n%s\nto\n%s", host, path, before, now)
			}
		}
		// A page in a frame shows nothing.
		p.visit(at(host, "/healthz"))
		p.run(fmt.Sprintf(`const f = document.createElement('iframe'); f.src = %q; document.body.append(f); await new Promise((r) => { f.onload = r; setTimeout(r, 3000) })`, at("app.example.test", "/admin/")))
		if shown := until[bool](p, "the frame", `try { return !!document.querySelector('iframe').contentDocument?.body?.innerText.includes('Dashboard') } catch (e) { return false }`); shown {
			t.Errorf("a page of %s has the pages in a frame", host)
		}
	}
	p.visit(at("app.example.test", "/admin/"))
	p.see("Busiest users") // signed in all the while
	p.visit(at("app.example.test", "/account/"))
	p.see("Where you are signed in", "bea")
}

// TestPlainUser opens nothing for who is signed in but no administrator, whatever
// cookie the token is put into.
func TestPlainUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t).live()
	p := w.open(t, windows[0])
	p.signIn("/account/", "bea", word)
	p.see("Where you are signed in")
	token, err := w.node.Guard.Issue(t.Context(), durin.IssueRequest{UserID: w.users["bea"].ID, Client: "cli"})
	if err != nil {
		t.Fatal(err)
	}
	// The session of an administrator who is one no longer.
	former := w.open(t, windows[0])
	former.signIn("/admin/", "ada", word)
	former.see("Busiest users")
	adminOf, err := w.node.Guard.Issue(t.Context(), durin.IssueRequest{UserID: w.users["bea"].ID, Client: durin.AdminClient})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.node.Guard.UpdateUser(t.Context(), w.users["ada"].ID, func(u *durin.User) error { u.Admin = false; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, path := range w.pagesOf() {
		former.visit(path)
		former.see("Administrators' sign-in")
		p.visit(path)
		p.see("Administrators' sign-in")
		if name == "dashboard" {
			for _, cookie := range []string{token.Token.Reveal(), adminOf.Token.Reveal()} {
				_, err := chromedp.Call(p.ctx, network.SetCookie, network.SetCookieParams{Name: admin.DefaultCookie, Value: cookie, URL: w.url + "/", Path: "/", Secure: ptr(true)})
				if err != nil {
					t.Fatal(err)
				}
				p.visit(path)
				p.see("Administrators' sign-in")
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

// TestNoEncryption: over plain HTTP the pages work on this machine, by whatever
// name, and say what is wrong elsewhere.
func TestNoEncryption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.open(t, windows[0])
	for _, host := range []string{"localhost", "127.0.0.1"} {
		w.url = "http://" + host + ":" + port(w.url)
		p.url = w.url
		p.signIn("/admin/", "ada", word)
		p.see("Live tokens")
		p.signIn("/account/", "ada", word)
		p.see("Where you are signed in")
	}
	p.visit("http://app.example.test:" + port(w.url) + "/admin/")
	p.see("This connection is not encrypted")
}
