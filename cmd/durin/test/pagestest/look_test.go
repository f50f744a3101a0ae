package pagestest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// pagesOf are all pages of the administrators, by what a picture of each is
// called.
func (w *world) pagesOf() map[string]string {
	bea := w.users["bea"].ID
	return map[string]string{
		"dashboard":        "/admin/",
		"dashboard-client": "/admin/?client=1&days=7",
		"clients":          "/admin/clients",
		"clients-none":     "/admin/clients?q=nothing",
		"client-new":       "/admin/clients/new",
		"client":           "/admin/clients/2",
		"client-delete":    "/admin/clients/1/delete",
		"clients-bulk":     "/admin/clients/bulk?action=end&id=1&id=2",
		"tokens":           "/admin/tokens",
		"tokens-user":      "/admin/tokens?user=bea&state=live",
		"tokens-meant":     "/admin/tokens?user=be",
		"token":            "/admin/tokens/1",
		"token-new":        "/admin/tokens/new?user=" + bea,
		"tokens-revoke":    "/admin/tokens/revoke?id=1&id=2",
		"tokens-all":       "/admin/tokens/revoke?all=1&client=phone",
		"users":            "/admin/users",
		"user":             "/admin/users/" + bea,
		"user-new":         "/admin/users/new",
		"user-change":      "/admin/users/" + bea + "/change",
		"user-password":    "/admin/users/" + bea + "/password",
		"user-delete":      "/admin/users/" + bea + "/delete",
		"history":          "/admin/history",
		"history-user":     "/admin/history?user=bea&action=login",
		"history-faults":   "/admin/history?from=soon",
		"not-found":        "/admin/nothing",
	}
}

// TestEveryPage looks at every page: axe-core finds nothing serious in wide and
// narrow windows, light and dark, nothing sticks out to the right, and nothing is
// loaded from elsewhere.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t).live()
	p := w.open(t, windows[0])
	p.visit("/admin/")
	p.see("Administrators' sign-in")
	p.look("admin-sign-in")
	p.click("Sign in")
	p.see("Fill in this field.")
	p.look("admin-sign-in-faults")
	p.signIn("/admin/", "ada", word)
	p.see("Dashboard")
	p.image("admin")
	if err := w.node.Audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, path := range w.pagesOf() {
		p.visit(path)
		p.look("admin-" + name)
	}
	p.visit("/admin/clients/new")
	p.fill("Name", "web")
	p.fill("Life time of its tokens (ttl)", "soon")
	p.click("Add a client")
	p.see("One field needs another look")
	p.look("admin-client-faults")
	p.visit("/admin/tokens/new?user=bea")
	p.choose("Client", "cli")
	p.click("Issue the token")
	p.see("cannot be shown again")
	p.look("admin-token-issued")
	empty := newWorld(t)
	p = empty.open(t, windows[0])
	p.signIn("/admin/", "ada", word)
	p.see("Begin with a client")
	for name, path := range map[string]string{"dashboard": "/admin/", "clients": "/admin/clients", "tokens": "/admin/tokens?state=expired"} {
		p.visit(path)
		p.look("admin-empty-" + name)
	}
}

func TestEveryAccountPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t).live()
	p := w.open(t, windows[0])
	p.visit("/account/")
	p.look("account-sign-in")
	p.signIn("/account/", "bea", word)
	p.see("Where you are signed in")
	p.image("account")
	for name, path := range map[string]string{
		"sessions": "/account/", "others": "/account/sessions/others", "end": "/account/sessions/1/end", "key": "/account/key",
		"key-replace": "/account/key/replace", "key-delete": "/account/key/delete", "password": "/account/password", "not-found": "/account/nothing",
	} {
		p.visit(path)
		p.look("account-" + name)
	}
	p.visit("/account/password")
	p.click("Change the password")
	p.see("3 fields need another look")
	p.look("account-password-faults")
	p.visit("/account/key/replace")
	p.click("Replace the key")
	p.see("Copy it now")
	p.look("account-key-new")
	p = w.open(t, windows[0])
	p.signIn("/account/", "clemens", word)
	p.see("Where you are signed in")
	p.visit("/account/key")
	p.look("account-key-none")
}

// look looks at the page that is there.
func (p *tab) look(name string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		for _, win := range []window{windows[0], windows[2]} {
			usual := (scheme == "light") == (win.name == "wide")
			if !usual && os.Getenv("DURIN_SCREENSHOTS") == "" {
				continue // colours change no widths
			}
			p.resize(win)
			what := fmt.Sprintf("%s-%s-%s", name, win.name, scheme)
			p.picture("DURIN_SCREENSHOTS", what, true)
			if usual {
				p.accessible(what)
			}
			if over := until[float64](p, what, `return document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				p.t.Errorf("%s: %v pixels stick out to the right", what, over)
			}
		}
	}
	p.scheme("light")
	p.resize(windows[0])
	if elsewhere := until[string](p, name, `return performance.getEntriesByType('resource').map((e) => e.name).filter((n) => !n.startsWith(location.origin)).join(' ')`); elsewhere != "" {
		p.t.Errorf("%s loads %s", name, elsewhere)
	}
	if text := p.text(); strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "%!") {
		p.t.Errorf("%s: a fault in a template:\n%s", name, text)
	}
}

// image is what the README shows of the page that is there.
func (p *tab) image(name string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.picture("DURIN_IMAGES", name+"-"+scheme, false)
	}
}
