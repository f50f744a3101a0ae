package browsertest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/memstore"
)

const (
	site    = "app.example.test"    // ours
	sibling = "evil.example.test"   // of the same site, another's
	other   = "evil.elsewhere.test" // of another site
)

// A world is an application with sessions in cookies, and pages of others, in one
// server that a browser knows by several names.
type world struct {
	t     *testing.T
	ctx   context.Context // of a tab
	guard *durin.Guard
	port  string

	mu   sync.Mutex
	done []attempt
}

// An attempt is a request that would change something.
type attempt struct {
	path, site string // Sec-Fetch-Site
	cookie     bool   // it bore the cookie
	status     int
}

type anybody struct{}

func (anybody) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	if name != "ada" || password.Reveal() != "engine" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "1", Name: name}, nil
}

func newWorld(t *testing.T, start func(http.Handler) *httptest.Server) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	w.guard, err = durin.New(t.Context(), durin.Options{
		Store: memstore.New(), Authenticator: anybody{}, ReuseWithoutKey: durin.PolicyReplace, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.guard.Close(context.Background()) })
	for _, c := range []durin.Client{{Name: "web", Cookie: true}, {Name: "script"}} {
		if _, err := w.guard.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	auth, err := api.New(w.guard, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", auth)
	mux.HandleFunc("GET /durin.js", func(out http.ResponseWriter, r *http.Request) {
		http.ServeFile(out, r, "../../../../js/durin.js")
	})
	mux.Handle("/whoami", w.guard.Require(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(out, durin.SessionFrom(r.Context()).Client.Name)
	})))
	mux.Handle("/transfer", w.guard.Require(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, "done")
	})))
	mux.HandleFunc("GET /{$}", func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(out, "<!doctype html><title>page</title><p>"+r.Host)
	})
	server := start(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		note := &status{ResponseWriter: out, code: 200}
		mux.ServeHTTP(note, r)
		_, err := r.Cookie(durin.DefaultCookie)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.done = append(w.done, attempt{r.URL.Path, r.Header.Get("Sec-Fetch-Site"), err == nil, note.code})
	}))
	t.Cleanup(server.Close)
	_, w.port, _ = strings.Cut(server.Listener.Addr().String(), ":")
	w.open()
	return w
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// open starts a browser to which all names under .test are this machine.
func (w *world) open() {
	path := servers.Program(w.t, "chromium", "chromium")
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.IgnoreCertErrors, chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1")))
	w.t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, 90*time.Second)
	w.t.Cleanup(cancelTime)
	w.ctx = ctx
}

// visit opens a page. The answer to a form that was sent before can still arrive
// then and take its place, which ends in ERR_ABORTED; it can only once.
func (w *world) visit(url string) {
	w.t.Helper()
	err := chromedp.Do(w.ctx, chromedp.Navigate(url))
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		err = chromedp.Do(w.ctx, chromedp.Navigate(url))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// run lets a page's script work; it returns what the script returns, as text.
func (w *world) run(script string) string {
	w.t.Helper()
	got, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`(async () => { try { return String(await (async () => {`+script+`})()) } catch (e) { return "fault: " + e } })()`, chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%s: %v", script, err)
	}
	return got
}

// want runs a script that must return text.
func (w *world) want(what, script, text string) {
	w.t.Helper()
	if got := w.run(script); got != text {
		w.t.Errorf("%s: %q, want %q", what, got, text)
	}
}

// attempts are those on a path since the last call.
func (w *world) attempts(path string) []attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []attempt
	for _, a := range w.done {
		if a.path == path {
			some = append(some, a)
		}
	}
	w.done = nil
	return some
}

// refused waits for one attempt on path and checks that it was refused.
func (w *world) refused(what, path string, cookie bool, codes ...int) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		some := w.attempts(path)
		if len(some) == 0 && time.Now().Before(end) {
			continue
		}
		if len(some) != 1 || some[0].cookie != cookie || !contains(codes, some[0].status) {
			w.t.Errorf("%s: the server saw %+v, want one of %v", what, some, codes)
		}
		return
	}
}

func contains(codes []int, code int) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

const signIn = `const { Durin } = await import('/durin.js')
	globalThis.durin = new Durin({ url: '/api/auth', client: 'web' })
	const answer = await durin.signIn('ada', 'engine')
	return JSON.stringify(Object.keys(answer))`

func form(url string) string {
	return fmt.Sprintf(`const f = document.createElement('form'); f.method = 'POST'; f.action = %q; document.body.append(f); f.submit(); return 'sent'`, url)
}

func TestCookieInChromium(t *testing.T) {
	w := newWorld(t, httptest.NewTLSServer)
	at := func(host, path string) string { return "https://" + host + ":" + w.port + path }

	w.visit(at(site, "/"))
	w.want("the answer has no token", signIn, `["expiry"]`)
	w.want("a script reads no cookie", `return document.cookie + JSON.stringify(globalThis.cookieStore ? (await cookieStore.getAll()).map((c) => c.name) : [])`, "[]")
	w.want("our page's request", `return (await durin.fetch('/transfer', { method: 'POST' })).status`, "200")
	w.want("a token cannot be sent in a header", `return (await fetch('/whoami', { credentials: 'omit', headers: { Authorization: 'Token x' } })).status`, "401")
	w.want("it is renewed", `const before = durin.expiry; await new Promise((r) => setTimeout(r, 5)); await durin.renew(); return durin.expiry > before`, "true")
	w.attempts("")

	w.visit(at(other, "/"))
	target := at(site, "/transfer")
	w.run(fmt.Sprintf(`return (await fetch(%q, { method: 'POST', mode: 'no-cors', credentials: 'include' })).type`, target))
	w.refused("a cross-site fetch", "/transfer", false, 401, 403)
	w.run(form(target))
	w.refused("a cross-site form", "/transfer", false, 401, 403)
	w.visit(at(other, "/"))
	w.run(fmt.Sprintf(`await fetch(%q, { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'username=ada&password=engine&client=web' })`, at(site, "/api/auth/login/")))
	w.refused("a cross-site log-in", "/api/auth/login/", false, 403)

	w.visit(at(sibling, "/"))
	w.run(fmt.Sprintf(`return (await fetch(%q, { method: 'POST', mode: 'no-cors', credentials: 'include' })).type`, target))
	w.refused("a sibling's fetch, with the cookie", "/transfer", true, 403)
	w.run(fmt.Sprintf(`await new Promise((r) => { const s = new WebSocket(%q); s.onclose = r; s.onerror = r })`, strings.Replace(at(site, "/whoami"), "https", "wss", 1)))
	w.refused("a sibling's socket, with the cookie", "/whoami", true, 403)
	w.run(fmt.Sprintf(`document.cookie = '%s=planted; Domain=example.test; Path=/; Secure'; document.cookie = '%[1]s=planted; Domain=example.test; Path=/whoami; Secure'; return 1`, durin.DefaultCookie))
	w.run(form(target))
	w.refused("a sibling's form, with the cookie", "/transfer", true, 403)

	w.visit(at(site, "/"))
	w.want("nothing was planted", `return (await fetch('/whoami')).text()`, "web")
	w.want("a page of another tab goes on", signIn, `["expiry"]`)
	w.want("signing out", `await durin.signOut(); return (await fetch('/whoami')).status`, "401")
	if some := w.attempts("/whoami"); len(some) == 0 || some[len(some)-1].cookie {
		t.Errorf("after signing out the cookie is still there: %+v", some)
	}
}

// On plain http a cookie of this kind is for localhost at most.
func TestPlainHTTPInChromium(t *testing.T) {
	w := newWorld(t, httptest.NewServer)
	w.visit("http://localhost:" + w.port + "/")
	w.want("localhost: signing in", signIn, `["expiry"]`)
	w.want("localhost is as good as https to it", `return (await fetch('/whoami')).status`, "200")
	w.visit("http://" + site + ":" + w.port + "/")
	w.want("elsewhere: signing in", signIn, `["expiry"]`)
	w.want("elsewhere the cookie is not kept", `return (await fetch('/whoami')).status`, "401")
}

// A page of another origin that the API lets in uses a token of its own.
func TestTokenInChromium(t *testing.T) {
	w := newWorld(t, httptest.NewTLSServer)
	w.visit("https://" + site + ":" + w.port + "/")
	w.want("a token in a variable", `const { Durin } = await import('/durin.js')
		const d = new Durin({ url: '/api/auth', client: 'script', transport: 'token' })
		await d.signIn('ada', 'engine')
		const before = (await d.fetch('/whoami')).status
		const list = await d.sessions()
		await d.signOut()
		return [before, list.length, list[0].is_current, (await d.fetch('/whoami')).status].join()`, "200,1,true,401")
}
