package pagestest

import (
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/durin-go/durin"
)

var all = flag.Bool("all", false, "do each job in every window with and without scripts, not in two that differ in both")

// onEach does a job in windows of both widths, with and without scripts.
func onEach(t *testing.T, job func(t *testing.T, w *world, p *tab)) {
	for i, win := range windows {
		if !*all && i != 0 && i != 3 {
			continue
		}
		t.Run(win.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).live()
			job(t, w, w.open(t, win))
		})
	}
}

func (w *world) works(t *testing.T, token string, want error) {
	t.Helper()
	if _, err := w.node.Guard.Verify(t.Context(), durin.Secret(token)); !errors.Is(err, want) {
		t.Errorf("the token %.8s…: %v, want %v", token, err, want)
	}
}

// TestAdministrator does everything that an administrator does.
func TestAdministrator(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world, p *tab) {
		p.visit("/admin/clients?q=web")
		p.fill("User name", "bea")
		p.fill("Password", word)
		p.click("Sign in")
		p.see("Unable to sign in") // no administrator
		p.fill("User name", "ada")
		p.fill("Password", "wrong")
		p.click("Sign in")
		p.see("Unable to sign in")
		p.fill("Password", word)
		p.click("Sign in")
		p.see("/admin/clients", "The web application", "1 to 1 of 1") // where one was going
		p.notSee("iOS and Android")
		p.click("Dashboard")
		p.see("10,600", "Busiest users", "clemens")
		p.choose("Client", "phone")
		p.click("Show")
		p.see("Dashboard: phone")
		administerClients(p)
		administerUsers(p)
		administerTokens(w, p)
		lookThroughHistory(w, p)
		p.click("Sign out")
		p.see("You are signed out.")
		p.visit("/admin/users")
		p.see("Administrators' sign-in")
		p.notSee("clemens")
	})
}

func administerClients(p *tab) {
	p.t.Helper()
	p.click("Clients")
	p.see("1 to 4 of 4")
	p.click("Add a client")
	p.fill("Name", "tablet")
	p.fill("Life time of its tokens (ttl)", "a while")
	p.fill("Rate of one user (throttle)", "many")
	p.click("Add a client")
	p.see("2 fields need another look.", "Duration has wrong format.", `"many" is not a rate`)
	p.fill("Life time of its tokens (ttl)", "7d")
	p.fill("Rate of one user (throttle)", "100/h")
	p.choose("Policy", "evict")
	p.click("Add a client")
	p.see("The policy evict needs a maximum of at least 1.")
	p.fill("Most live tokens of one user (max-tokens)", "2")
	p.click("Add a client")
	p.see("Client tablet was added.")
	p.fill("Description", "For the kitchen")
	p.click("Save")
	p.see("Client tablet was changed.")
	if got := p.value("Description"); got != "For the kitchen" {
		p.t.Errorf("the description is %q", got)
	}
	p.click("Clients")
	p.see("1 to 5 of 5", "evict 2", "7d")
	p.choose("Policy", "evict")
	p.click("Search")
	p.see("1 to 2 of 2")
	p.notSee("reject 3")
	p.click("Reset")
	p.see("1 to 5 of 5")
	p.click("Choose tablet")
	p.choose("With the chosen:", "Delete")
	p.click("Go on")
	p.see("Delete these clients?", "tablet (tokens: 0, of them live: 0)")
	p.click("No, go back")
	p.click("tablet")
	p.click("Delete…")
	p.see("Delete client tablet?")
	p.click("Delete the client")
	p.see("Client tablet and its tokens were deleted.", "1 to 4 of 4")
}

func administerUsers(p *tab) {
	p.t.Helper()
	p.click("Users")
	p.see("clemens")
	p.click("Add a user")
	p.fill("Name", "bea")
	p.fill("Password", "short")
	p.click("Add a user")
	p.see("This password is too short.")
	p.fill("Password", "long enough for eve")
	p.click("Add a user")
	p.see("A user with this name already exists.")
	p.fill("Name", "eve")
	p.fill("Password", "long enough for eve")
	p.click("Administrator")
	p.click("Add a user")
	p.see("User eve was added.", "This user has no tokens.")
	p.click("Change")
	p.fill("Name", "evelyn")
	p.click("Active")
	p.click("Administrator")
	p.click("Save")
	p.see("User evelyn was changed.", "Deactivated")
	p.click("Users")
	p.fill("Name begins with", "ev")
	p.click("Search")
	p.see("evelyn")
	p.notSee("clemens")
	p.choose("Role", "Administrators")
	p.click("Search")
	p.see("Nothing found")
	p.visit("/admin/users?kind=inactive")
	p.see("evelyn", "dagny")
	p.click("evelyn")
	p.click("Set password")
	p.fill("New password", "something new")
	p.fill("The same once more", "something else")
	p.click("Set the password")
	p.see("The two are not the same.")
	p.fill("New password", "something new")
	p.fill("The same once more", "something new")
	p.click("Set the password")
	p.see("The password of evelyn was set.")
	p.click("Delete…")
	p.see("Delete user evelyn?")
	p.click("Delete the user")
	p.see("User evelyn was deleted.")
	p.visit("/admin/users?q=ada")
	p.click("ada")
	p.see("Live tokens")
	p.notSee("Delete…") // oneself
}

func administerTokens(w *world, p *tab) {
	p.t.Helper()
	p.click("Tokens")
	p.see("clemens", "Bea's phone", "Edge on Windows", "203.0.113.40", "This session", "User deactivated")
	p.fill("User name or id", "clem")
	p.click("Search")
	p.see("There is no user of this name or id.", "Names that begin so:")
	p.click("clemens")
	p.see("Revoke all that match…")
	p.notSee("Bea's phone")
	p.visit("/admin/tokens?state=expired")
	p.see("192.0.2.78")
	p.notSee("198.51.100.7")
	p.visit("/admin/tokens")
	p.fill("Token id", "1")
	p.click("Search")
	p.see("198.51.100.7")
	p.notSee("203.0.113.40")

	p.click("Issue a token")
	p.fill("User", "nobody")
	p.choose("Client", "cli")
	p.click("Issue the token")
	p.see("There is no user of this name or id.")
	p.fill("User", "bea")
	p.click("Issue the token")
	p.see("It cannot be shown again.")
	token := p.read("#token")
	w.works(p.t, token, nil)
	p.click("Look at it")
	p.see("issued by ada")
	if strings.Contains(p.text(), token) {
		p.t.Error("the token is shown a second time")
	}
	p.click("Renew")
	p.see("was renewed.")
	p.click("Revoke…")
	p.see("of bea for cli")
	p.click("Revoke the token")
	p.see("1 token was revoked.")
	w.works(p.t, token, durin.ErrInvalidToken)

	for _, title := range []string{"The new token", "The user has a token already"} { // by the policy reuse
		p.visit("/admin/tokens/new?user=bea")
		p.choose("Client", "web")
		p.click("Issue the token")
		p.see(title)
	}
	p.notSee(token)

	p.visit("/admin/tokens")
	p.click("Choose token 3")
	p.click("Choose token 4")
	p.click("Revoke the chosen…")
	p.see("Token 3 of clemens for web", "Token 4 of clemens for cli")
	p.click("Revoke 2 tokens")
	p.see("2 tokens were revoked.")
	p.visit("/admin/tokens?user=bea")
	p.click("Revoke all that match…")
	p.see("Tokens that match now: 3", "User name or id: bea")
	p.click("Revoke all that match")
	p.see("3 tokens were revoked.", "Nothing found")
}

func lookThroughHistory(w *world, p *tab) {
	p.t.Helper()
	if err := w.node.Audit.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.visit("/admin/")
	p.click("History")
	p.see("Token revoked", "token.revoke", "administrator", "127.0.0.1")
	p.choose("Action", "Client changed")
	p.click("Search")
	p.see("tablet", "For the kitchen", "ada")
	p.notSee("evelyn")
	p.click("Reset")
	p.fill("Done to user", "clemens")
	p.click("Search")
	p.see("clemens")
	p.notSee("tablet")
	p.visit("/admin/history?from=2020-01-01&to=2020-01-31")
	p.see("Nothing found")
	p.visit("/admin/users?q=bea")
	p.click("bea")
	p.click("The user's history")
	p.see("Token issued", "Token revoked")
	p.visit("/admin/clients?q=web")
	p.click("web")
	p.click("Its history")
	p.see("Client added", "application") // newWorld is one
}

// TestUser does everything that users do for themselves.
func TestUser(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world, p *tab) {
		p.signIn("/account/", "bea", "wrong")
		p.see("Unable to sign in")
		p.fill("Password", word)
		p.click("Sign in")
		p.see("Where you are signed in", "This session", "Firefox on Linux", "Safari on iOS", "Bea's phone", "198.51.100.7")
		p.click("End the session on Firefox on Linux")
		p.see("End this session?", "198.51.100.7")
		p.click("End the session")
		p.see("The session was ended.")
		p.notSee("198.51.100.7")
		p.click("End all others…")
		p.click("End all others")
		p.see("1 other session was ended.", "You are signed in nowhere else.")

		p.click("API key")
		p.see("Live", "not used yet", "curl -H 'Authorization: Token …'")
		p.click("Delete…")
		p.click("Delete the key")
		p.see("The API key was deleted.", "You have no API key")
		p.click("Create an API key")
		p.see("Copy it now")
		key := p.read("#key")
		w.works(t, key, nil)
		if line := p.read("#curl"); !strings.Contains(line, key) || !strings.Contains(line, w.url+"/api/auth/sessions/") {
			t.Errorf("the line is %s", line)
		}
		p.click("Done")
		p.see("Replace…")
		p.notSee(key)
		p.click("Replace…")
		p.click("Replace the key")
		p.see("Copy it now")
		w.works(t, key, durin.ErrInvalidToken)
		key = p.read("#key")
		w.works(t, key, nil)

		p.click("Password")
		p.fill("Present password", "wrong")
		p.fill("New password", "eleven copper rings")
		p.fill("The new one once more", "eleven copper rings")
		p.click("Change the password")
		p.see("This is not your present password.")
		p.fill("Present password", word)
		p.fill("New password", "password")
		p.fill("The new one once more", "password")
		p.click("Change the password")
		p.see("This password is too common.")
		other := w.open(t, windows[0])
		other.signIn("/account/", "bea", word)
		other.see("Where you are signed in")
		p.fill("Present password", word)
		p.fill("New password", "eleven copper rings")
		p.fill("The new one once more", "eleven copper rings")
		p.click("Change the password")
		p.see("Your password was changed. 1 other session was ended. The API key was deleted.")
		w.works(t, key, durin.ErrInvalidToken)
		other.visit("/account/")
		other.see("User name")
		p.click("Sign out")
		p.see("You are signed out.")
		p.signIn("/account/key", "bea", "eleven copper rings")
		p.see("You have no API key")
	})
}

// TestScripts sees what scripts add.
func TestScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t).live()
	p := w.open(t, windows[0])
	p.signIn("/admin/tokens", "ada", word)
	p.see("Revoke the chosen…")
	exact := until[string](p, "a time", `const t = document.querySelector('tbody time'); return t && !t.innerText.includes('UTC') ? t.title : null`)
	if !strings.HasSuffix(exact, " UTC") {
		t.Errorf("the exact instant is %q", exact)
	}
	p.click("All on this page")
	if n := until[float64](p, "chosen rows", `return document.querySelectorAll('td input:checked').length`); n < 9 {
		t.Errorf("%v rows are chosen", n)
	}
	p.fill("User name or id", "cle")
	until[bool](p, "a suggestion", `return document.querySelector('datalist option[value=clemens]') ? true : null`)
	p.visit("/account/")
	p.signIn("/account/key", "clemens", word)
	p.click("Create an API key")
	p.see("Copy it now")
	p.click("Copy the key")
	p.see("Copied")

	plain := w.open(t, windows[1])
	plain.signIn("/admin/tokens", "ada", word)
	plain.see("Revoke the chosen…", " UTC")
	plain.notSee("All on this page")
}
