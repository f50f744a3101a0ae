package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/client"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/loginlimit"
)

// A world is the real API, with a route /things that it protects. Its user is
// ada; its clients are cli (a day) and browser (a cookie).
type world struct {
	*durintest.Guard
	t     *testing.T
	base  string
	mu    sync.Mutex
	asked map[string]int // requests by path
	fail  atomic.Int64   // the status of the API's answers; zero: its own
	slow  chan struct{}  // when set, refreshes wait for it
}

type accounts struct{}

func (accounts) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	if name != "ada" || password.Reveal() != "engine" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "1", Name: name}, nil
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, asked: map[string]int{}}
	w.Guard = durintest.New(t, func(o *durin.Options) { o.Authenticator, o.LoginLimiter = accounts{}, loginlimit.Off() })
	w.Client(durin.Client{Name: "cli", Policy: durin.PolicyReplace})
	w.Client(durin.Client{Name: "browser", Cookie: true})
	auth, err := api.New(w.Guard.Guard, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	things := w.Require(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(out, "%s: %s", durin.SessionFrom(r.Context()).UserID, body)
	}))
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked[r.URL.Path]++
		w.mu.Unlock()
		switch {
		case !auth.Owns(r.URL.Path):
			things.ServeHTTP(out, r)
		case w.fail.Load() != 0:
			http.Error(out, "down", int(w.fail.Load()))
		default:
			if w.slow != nil && strings.Contains(r.URL.Path, "refresh") {
				<-w.slow
			}
			auth.ServeHTTP(out, r)
		}
	}))
	t.Cleanup(server.Close)
	w.base = server.URL
	return w
}

func (w *world) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked["/api/auth/"+path+"/"]
}

func (w *world) client(change ...func(*client.Options)) *client.Client {
	w.t.Helper()
	o := client.Options{URL: w.base + "/api/auth/", Client: "cli", Now: w.Clock.Now}
	for _, f := range change {
		f(&o)
	}
	c, err := client.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) signedIn(change ...func(*client.Options)) *client.Client {
	w.t.Helper()
	c := w.client(change...)
	if _, err := c.Login(w.t.Context(), "ada", "engine"); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func credentials(o *client.Options) {
	o.Credentials = func(context.Context) (string, string, error) { return "ada", "engine", nil }
}

// ask sends a request to /things and returns its status.
func (w *world) ask(c *client.Client) int {
	w.t.Helper()
	res, err := c.HTTP().Get(w.base + "/things")
	if err != nil {
		w.t.Error(err)
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	if got := w.ask(c); got != 401 {
		t.Errorf("before the log-in: %d", got)
	}
	if _, err := c.Token(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) {
		t.Errorf("before the log-in: %v", err)
	}
	_, err := c.Login(t.Context(), "ada", "wrong")
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != 400 || refused.Detail != "Unable to log in with provided credentials." {
		t.Errorf("a wrong password: %v", err)
	}
	token, err := c.Login(t.Context(), "ada", "engine")
	if err != nil || token.Expiry != w.Now().Add(24*time.Hour) {
		t.Fatal(token, err)
	}
	if got := w.ask(c); got != 200 {
		t.Errorf("logged in: %d", got)
	}
	if err := c.Logout(t.Context()); err != nil {
		t.Error(err)
	}
	if got := w.ask(c); got != 401 {
		t.Errorf("logged out: %d", got)
	}
	if err := c.Logout(t.Context()); err != nil {
		t.Errorf("logged out twice: %v", err)
	}
}

// Fifty goroutines share a client at the moment of expiry: one renewal, and none
// of their calls fails.
func TestOneRenewal(t *testing.T) {
	for name, at := range map[string]time.Duration{"shortly before": 24*time.Hour - time.Second, "in the last instant": 24 * time.Hour} {
		w := newWorld(t)
		c := w.signedIn()
		w.Clock.Advance(at)
		w.slow = make(chan struct{})
		var all sync.WaitGroup
		var begun sync.WaitGroup
		begun.Add(50)
		for range 50 {
			all.Go(func() {
				begun.Done()
				if got := w.ask(c); got != 200 {
					t.Errorf("%s: %d", name, got)
				}
			})
		}
		begun.Wait()
		close(w.slow)
		all.Wait()
		if n := w.count("refresh"); n != 1 {
			t.Errorf("%s: %d renewals", name, n)
		}
	}
}

// The same when the token has run out, or was ended: one log-in.
func TestOneLogin(t *testing.T) {
	for name, end := range map[string]func(*world){
		"expired": func(w *world) { w.Clock.Advance(24*time.Hour + time.Second) },
		"ended":   func(w *world) { _, _ = w.End(context.Background(), durin.Selection{UserID: "1"}) },
		"ended and due": func(w *world) {
			_, _ = w.End(context.Background(), durin.Selection{UserID: "1"})
			w.Clock.Advance(24*time.Hour - time.Second)
		},
	} {
		w := newWorld(t)
		c := w.signedIn(credentials)
		end(w)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := w.ask(c); got != 200 {
					t.Errorf("%s: %d", name, got)
				}
			})
		}
		all.Wait()
		if n := w.count("login"); n != 2 {
			t.Errorf("%s: %d log-ins, want the first and one more", name, n)
		}
	}
}

func TestRenewalFails(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn(credentials)
	w.Clock.Advance(23*time.Hour + time.Minute)
	w.fail.Store(503)
	for range 20 {
		if got := w.ask(c); got != 200 {
			t.Fatalf("with a token that is good: %d", got)
		}
	}
	if n := w.count("refresh"); n != 1 {
		t.Errorf("%d renewals were tried in a moment", n)
	}
	w.fail.Store(0)
	w.Clock.Advance(3 * time.Second)
	w.ask(c)
	if token, err := c.Token(t.Context()); err != nil || token.Expiry != w.Now().Add(24*time.Hour) {
		t.Errorf("afterwards: %v, %v", token, err)
	}
	// A password that is wrong now is not tried by every request.
	c = w.signedIn(func(o *client.Options) {
		o.Credentials = func(context.Context) (string, string, error) { return "ada", "old", nil }
	})
	before := w.count("login")
	w.Clock.Advance(25 * time.Hour)
	for range 20 {
		if _, err := c.HTTP().Get(w.base + "/things"); err == nil {
			t.Fatal("no fault is told")
		}
	}
	if n := w.count("login") - before; n != 1 {
		t.Errorf("%d log-ins with a wrong password", n)
	}
}

// A life that cannot be made longer is not asked for at every request.
func TestRenewalWithoutGain(t *testing.T) {
	for _, before := range []time.Duration{0, 10 * time.Hour} {
		w := newWorld(t)
		if _, err := w.UpdateClient(t.Context(), "cli", func(c *durin.Client) error { c.MaxLife = 24 * time.Hour; return nil }); err != nil {
			t.Fatal(err)
		}
		c := w.signedIn(func(o *client.Options) { o.RenewBefore = before })
		for range 24*60 - 1 {
			w.Clock.Advance(time.Minute)
			if got := w.ask(c); got != 200 {
				t.Fatal(got)
			}
		}
		if n := w.count("refresh"); n > 40 {
			t.Errorf("%d renewals", n)
		}
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn(credentials)
	for name, body := range map[string]io.Reader{"again": strings.NewReader("text"), "once": io.MultiReader(strings.NewReader("text"))} {
		if _, err := w.End(t.Context(), durin.Selection{UserID: "1"}); err != nil {
			t.Fatal(err)
		}
		res, err := c.HTTP().Post(w.base+"/things", "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if want := map[string]int{"again": 200, "once": 401}[name]; res.StatusCode != want || want == 200 && string(got) != "1: text" {
			t.Errorf("%s: %d %s, want %d", name, res.StatusCode, got, want)
		}
	}
}

// The token goes to its origins only, also by a redirect.
func TestOrigins(t *testing.T) {
	var got atomic.Value
	got.Store("")
	note := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got.Store(r.Header.Get("Authorization")) })
	other := httptest.NewServer(note)
	defer other.Close()
	friend := httptest.NewServer(note)
	defer friend.Close()
	redirect := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer redirect.Close()
	w := newWorld(t)
	c := w.signedIn(func(o *client.Options) { o.Origins = []string{friend.URL, redirect.URL + "/"} })
	for _, row := range []struct {
		url  string
		want bool
	}{{other.URL, false}, {redirect.URL, false}, {friend.URL, true}, {strings.Replace(friend.URL, "127.0.0.1", "localhost", 1), false}} {
		res, err := c.HTTP().Get(row.url)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if has := got.Load() != ""; has != row.want {
			t.Errorf("%s got %q", row.url, got.Load())
		}
	}
	// What the caller sets itself stays.
	req, _ := http.NewRequest("GET", friend.URL, nil)
	req.Header.Set("Authorization", "Basic x")
	if res, err := c.RoundTrip(req); err != nil || got.Load() != "Basic x" {
		t.Error(err, got.Load())
	} else {
		_ = res.Body.Close()
	}
}

// One who leaves does not take the renewal away from the others.
func TestCancel(t *testing.T) {
	w := newWorld(t)
	c := w.signedIn()
	w.Clock.Advance(24*time.Hour - time.Second)
	w.slow = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := c.Token(ctx)
		failed <- err
	}()
	for w.count("refresh") == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left: %v", err)
	}
	close(w.slow)
	if token, err := c.Token(t.Context()); err != nil || token.Expiry != w.Now().Add(24*time.Hour) {
		t.Errorf("the next: %v, %v", token, err)
	}
	if n := w.count("refresh"); n != 1 {
		t.Errorf("%d renewals", n)
	}
}

func TestCookieClient(t *testing.T) {
	w := newWorld(t)
	c := w.client(func(o *client.Options) { o.Client = "browser" })
	if _, err := c.Login(t.Context(), "ada", "engine"); err == nil || !strings.Contains(err.Error(), "cookie") {
		t.Error(err)
	}
}

func TestRedacted(t *testing.T) {
	token := client.Token{Value: "s3cret", Expiry: time.Unix(1, 0)}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token)
	text, _ := json.Marshal(token)
	all := fmt.Sprintf("%v %+v %#v %s %q %x %s %s", token, token, token, token, token, token, text, log.String())
	if strings.Contains(all, "s3cret") || strings.Contains(all, "733363") {
		t.Error(all)
	}
}

func TestOptions(t *testing.T) {
	good := client.Options{URL: "https://x.org/api", Client: "cli"}
	for name, change := range map[string]func(*client.Options){
		"no URL":    func(o *client.Options) { o.URL = "" },
		"path":      func(o *client.Options) { o.URL = "/api" },
		"scheme":    func(o *client.Options) { o.URL = "ftp://x.org" },
		"no client": func(o *client.Options) { o.Client = "" },
		"origin":    func(o *client.Options) { o.Origins = []string{"https://x.org/path"} },
	} {
		o := good
		change(&o)
		if _, err := client.New(o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
