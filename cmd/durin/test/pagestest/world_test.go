package pagestest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/serve"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/password"
	"github.com/spf13/pflag"
)

// word is everybody's password.
const word = "twelve iron rings"

// hashOfWord is what is kept of it, computed once.
var hashOfWord = sync.OnceValues(func() (string, error) {
	h, err := password.New(password.Options{})
	if err != nil {
		return "", err
	}
	return h.Hash(context.Background(), word)
})

// A world is the program's server on a database with some life in it.
type world struct {
	t     *testing.T
	node  *node.Node
	url   string // http://127.0.0.1:port
	users map[string]durin.User
}

func newNode(t testing.TB, file string) (*node.Node, *slog.Logger) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Bind(flags, config.Common)
	config.Bind(flags, config.Serving)
	if err := flags.Parse([]string{"--db", file, "--api-access-client", "scripts"}); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	n, err := node.Open(t.Context(), node.Options{Config: c, Purpose: node.Serve, Keys: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(context.Background()) })
	return n, log
}

func newWorld(t *testing.T) *world { return newWorldOn(t, httptest.NewServer) }

func newWorldOn(t *testing.T, start func(http.Handler) *httptest.Server) *world {
	t.Helper()
	n, log := newNode(t, filepath.Join(t.TempDir(), "durin.db"))
	h, err := serve.Handler(n, log)
	if err != nil {
		t.Fatal(err)
	}
	server := start(h)
	t.Cleanup(server.Close)
	w := &world{t: t, node: n, url: server.URL, users: map[string]durin.User{}}
	hash, err := hashOfWord()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ada", "bea", "clemens", "dagny"} {
		w.users[name] = w.user(durin.User{Name: name, Password: hash, Active: true, Admin: name == "ada", Created: time.Now().Add(-400 * time.Hour)})
	}
	return w
}

func (w *world) user(u durin.User) durin.User {
	w.t.Helper()
	u, err := w.node.Store.CreateUser(w.t.Context(), u)
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func (w *world) client(c durin.Client) durin.Client {
	w.t.Helper()
	c, err := w.node.Guard.CreateClient(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// token makes one that was issued ago.
func (w *world) token(user, client string, ago time.Duration, d durin.Device) durin.Session {
	w.t.Helper()
	issued, err := w.node.Store.Issue(w.t.Context(), durin.NewToken{
		UserID: w.users[user].ID, Owned: true, Client: client, Digest: durin.Secret(user + client + ago.String()).Digest(), Device: d, Now: time.Now().Add(-ago),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return issued.Session
}

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
	edge    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0"
)

// live fills the database: clients, tokens in every state, a month of counts.
func (w *world) live() *world {
	w.t.Helper()
	const day = 24 * time.Hour
	clients := []durin.Client{
		w.client(durin.Client{Name: "web", TTL: 14 * day, Rate: durin.Rate{N: 600, Period: time.Minute}, Description: "The web application"}),
		w.client(durin.Client{Name: "phone", TTL: 30 * day, Sliding: time.Hour, MaxLife: 180 * day, Policy: durin.PolicyEvict, MaxTokens: 5, Description: "iOS and Android"}),
		w.client(durin.Client{Name: "cli", TTL: durin.Never, Policy: durin.PolicyReject, MaxTokens: 3, Rate: durin.Rate{N: 60, Period: time.Hour}}),
		w.client(durin.Client{Name: "scripts", TTL: durin.Never, Policy: durin.PolicyReplace, NoPassword: true, Description: "API keys"}),
	}
	w.token("bea", "web", 2*time.Hour, durin.Device{Address: "198.51.100.7", Agent: firefox})
	w.token("bea", "phone", 50*time.Hour, durin.Device{Address: "2001:db8::17", Agent: iphone, Name: "Bea's phone"})
	w.token("clemens", "web", 14*day-3*time.Hour, durin.Device{Address: "203.0.113.40", Agent: edge})
	w.token("clemens", "cli", 9*day, durin.Device{Address: "203.0.113.40", Agent: "durin-cli/1.4 (linux)"})
	w.token("dagny", "web", 24*time.Hour, durin.Device{Agent: firefox})
	w.token("bea", "scripts", 24*time.Hour, durin.Device{Agent: "curl/8.5.0"})
	w.token("ada", "phone", 31*day-time.Hour, durin.Device{Address: "192.0.2.77", Agent: iphone})
	w.token("ada", "phone", 30*day+time.Hour, durin.Device{Address: "192.0.2.78", Agent: iphone})
	if _, err := w.node.Guard.UpdateUser(w.t.Context(), w.users["dagny"].ID, func(u *durin.User) error { u.Active = false; return nil }); err != nil {
		w.t.Fatal(err)
	}
	today := time.Now().UTC().Truncate(day)
	var activity []browse.Activity
	var usage []browse.Usage
	for i := range 45 {
		at := today.AddDate(0, 0, -i)
		wave := int64(100 - (i*37)%60 - 40*(i%7/5))
		for j, c := range clients {
			n := wave * int64(40-9*j)
			activity = append(activity, browse.Activity{Day: at, ClientID: c.ID, Requests: n, Throttled: n * int64(j) / 60, Logins: wave / int64(2*j+3)})
			for k, name := range []string{"bea", "clemens", "ada"} {
				usage = append(usage, browse.Usage{Day: at, UserID: w.users[name].ID, ClientID: c.ID, Requests: n / int64(k+2), Throttled: n * int64(j) / int64(60*(k+2))})
			}
		}
		activity = append(activity, browse.Activity{Day: at, Refused: wave * 3, Failed: wave / 6})
	}
	if err := w.node.Store.AddActivity(w.t.Context(), browse.Batch{}, activity); err != nil {
		w.t.Fatal(err)
	}
	if err := w.node.Store.AddUsage(w.t.Context(), browse.Batch{}, usage); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// The browser is started once for all tests.
var browser struct {
	once   sync.Once
	ctx    context.Context
	cancel context.CancelFunc
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.cancel != nil {
		browser.cancel()
	}
	os.Exit(code)
}

// chromium is the browser, to which all names under .test are this machine.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := servers.Program(t, "chromium", "chromium")
	browser.once.Do(func() {
		ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.IgnoreCertErrors, chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true), chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"), chromedp.Flag("hide-scrollbars", true)))
		browser.ctx, browser.cancel = ctx, cancel
		browser.err = chromedp.Do(ctx, chromedp.Navigate("about:blank"))
	})
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	return browser.ctx
}

func port(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }

// hash checks and hashes a password as the program does.
func (w *world) hash(ctx context.Context, u durin.User, pw durin.Secret) (string, error) {
	if err := password.Check(pw, u.Name); err != nil {
		return "", err
	}
	return w.node.Hasher.Hash(ctx, pw)
}
