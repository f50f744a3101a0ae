package pagestest

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/durin-go/durin"
	"github.com/durin-go/durin/admin"
)

// tabTo presses the tabulator until something is in focus that is called text,
// and sees to it that the focus can be seen on the way.
func (p *tab) tabTo(text string) {
	p.t.Helper()
	for range 120 {
		p.keys(kb.Tab)
		state := until[[]string](p, "the focus", `const el = document.activeElement;
			if (document.readyState !== 'complete' || !el) return null;
			const name = el.labels && el.labels.length && !el.getAttribute('aria-label') ? words(el.labels[0]).replace(/ \(optional\)$/, '') : words(el);
			const s = getComputedStyle(el);
			return [name, el === document.body || parseFloat(s.outlineWidth) >= 2 && s.outlineStyle !== 'none' ? 'seen' : 'hidden']`)
		if state[1] != "seen" {
			p.t.Errorf("the focus on %q cannot be seen", state[0])
		}
		if state[0] == text {
			return
		}
	}
	p.t.Fatalf("the tabulator does not lead to %q:\n%s", text, p.text())
}

// press goes to something and presses a key there; Enter leads to another page.
func (p *tab) press(text, key string) {
	p.t.Helper()
	p.tabTo(text)
	if key == kb.Enter {
		p.enter()
		return
	}
	p.keys(key)
}

// write goes to a field and types.
func (p *tab) write(label, text string) {
	p.t.Helper()
	p.press(label, text)
}

// TestKeyboard does the whole job of an administrator without a mouse, on pages
// that ask for the password each time.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t).live()
	pages, err := admin.New(w.node.Guard, admin.Options{
		Path: "/deep/down/", Users: w.node.Store, Recent: time.Nanosecond,
		HashPassword: w.hash,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	w.url = server.URL
	p := w.open(t, windows[0])
	p.visit("/deep/down/")
	p.see("Administrators' sign-in")
	p.write("User name", "ada")
	p.write("Password", word)
	p.enter()
	p.see("Busiest users")
	p.keys(kb.Tab)
	until[bool](p, "the way past the navigation", `return words(document.activeElement) === 'Skip to the content' && document.activeElement.getBoundingClientRect().top >= 0 ? true : null`)
	p.keys(kb.Enter)
	p.press("Show as a table", " ")
	p.see("Monday,")
	p.visit("/deep/down/")
	p.see("Busiest users")
	p.press("Clients", kb.Enter)
	p.see("1 to 4 of 4")
	p.press("Add a client", kb.Enter)
	p.see("What a login does about live tokens.")
	p.write("Name", "tablet")
	p.write("Life time of its tokens (ttl)", "7d")
	p.press("Policy", "rep")
	if got := p.value("Policy"); got != string(durin.PolicyReplace) {
		t.Errorf("the policy is %q", got)
	}
	p.write("Your password", word)
	p.press("Add a client", kb.Enter)
	p.see("Client tablet was added.")
	if got := p.value("Policy"); got != string(durin.PolicyReplace) {
		t.Errorf("the policy is %q", got)
	}
	p.press("Tokens", kb.Enter)
	p.see("Revoke the chosen…")
	p.press("Issue a token", kb.Enter)
	p.see("Its text is shown once")
	p.write("User", "bea")
	p.press("Client", "tab")
	p.write("Your password", word)
	p.press("Issue the token", kb.Enter)
	p.see("It cannot be shown again.")
	token := p.read("#token")
	w.works(t, token, nil)
	p.press("Tokens", kb.Enter)
	p.see("Revoke the chosen…")
	p.press("Choose token 1", " ")
	p.press("Choose token 2", " ") // downwards from the newest: once more around
	p.keysTo("Revoke the chosen…")
	p.see("Token 1 of bea for web", "Your password")
	p.press("Revoke 2 tokens", kb.Enter)
	p.see("Fill in this field.")
	p.write("Your password", "wrong")
	p.press("Go on", kb.Enter)
	p.see("This is not your password.")
	p.write("Your password", word)
	p.press("Go on", kb.Enter)
	p.see("2 tokens were revoked.")
	p.press("Users", kb.Enter)
	p.see("Name begins with")
	p.press("clemens", kb.Enter)
	p.see("Last login")
	p.press("Change", kb.Enter)
	p.see("Change clemens")
	p.press("Administrator", " ")
	p.press("Save", kb.Enter)
	p.see("Fill in this field.")
	p.write("Your password", word)
	p.enter()
	p.see("User clemens was changed.", "Administrator")
	p.press("Delete…", kb.Enter)
	p.see("Delete user clemens?")
	p.write("Your password", word)
	p.enter()
	p.see("User clemens was deleted.")
	p.press("Clients", kb.Enter)
	p.press("tablet", kb.Enter)
	p.see("tablet")
	p.press("Delete…", kb.Enter)
	p.see("tablet (tokens: 1, of them live: 1)")
	p.write("Your password", word)
	p.enter()
	p.see("Client tablet and its tokens were deleted.")
	w.works(t, token, durin.ErrInvalidToken)
	p.press("Sign out", kb.Enter)
	p.see("You are signed out.")
	if !strings.HasPrefix(p.text(), "/deep/down/") {
		t.Errorf("at %s", p.text())
	}
}

// keysTo goes backwards to something and presses Enter.
func (p *tab) keysTo(text string) {
	p.t.Helper()
	for range 120 {
		if err := chromedp.Do(p.ctx, chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8))); err != nil {
			p.t.Fatal(err)
		}
		if until[string](p, "the focus", `return words(document.activeElement)`) == text {
			p.enter()
			return
		}
	}
	p.t.Fatalf("the tabulator does not lead back to %q", text)
}
