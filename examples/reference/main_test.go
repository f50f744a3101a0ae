package main

import (
	"bytes"
	"encoding/json"
	"github.com/durin-go/durin/examples/internal/stoptest"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lines gathers a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// signals lists the messages in order.
func (l *lines) signals(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for line := range strings.Lines(l.text.String()) {
		var entry struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		all = append(all, entry.Msg)
	}
	return all
}

func start(t *testing.T, fromAgent bool) (*project, *lines, string) {
	t.Helper()
	folder, log := t.TempDir(), &lines{}
	p, err := open(t.Context(), filepath.Join(folder, "test.db"), filepath.Join(folder, "test.key"), slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if err := p.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.fill(t.Context()); err != nil {
		t.Fatalf("filling a second time: %v", err)
	}
	h, err := p.handler(fromAgent)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return p, log, server.URL + "/api"
}

func ask(t *testing.T, method, address, token string, form url.Values, agent string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", agent)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func logIn(t *testing.T, base, client, agent string) string {
	t.Helper()
	form := url.Values{"username": {"ada"}, "password": {"correct horse"}}
	if client != "" {
		form.Set("client", client)
	}
	status, text := ask(t, "POST", base+"/login/", "", form, agent)
	var got struct{ Token string }
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 || got.Token == "" {
		t.Fatalf("login: %d %s", status, text)
	}
	return got.Token
}

func TestDemonstrationRoutes(t *testing.T) {
	_, _, base := start(t, false)
	web, phone := logIn(t, base, "web", "test"), logIn(t, base, "phone", "test")
	const forbidden = `{"detail":"You do not have permission to perform this action."}`
	for _, c := range []struct {
		path, token string
		status      int
		text        string
	}{
		{"/", web, 200, `"api root"`},
		{"/", "", 401, `{"detail":"Authentication credentials were not provided."}`},
		{"/cached", web, 200, `"cached api root"`},
		{"/onlywebclient", web, 200, `"OnlyWebClientView"`},
		{"/onlywebclient", phone, 403, forbidden},
		{"/nowebclient", phone, 200, `"NoWebClientView"`},
		{"/nowebclient", web, 403, forbidden},
		{"/client", phone, 200, `{"description":"The application for phones","name":"phone"}`},
		{"/throttled", web, 200, `"ThrottledView"`},
		{"/throttled", web, 200, `"ThrottledView"`},
		{"/throttled", web, 429, ""},
		{"/throttled", phone, 200, `"ThrottledView"`},
	} {
		status, text := ask(t, "GET", base+c.path, c.token, nil, "test")
		if status != c.status || c.text != "" && text != c.text {
			t.Errorf("GET %s: %d %s, want %d %s", c.path, status, text, c.status, c.text)
		}
	}
}

func TestHooksAreTheSignals(t *testing.T) {
	_, log, base := start(t, false)
	token := logIn(t, base, "web", "test")
	logIn(t, base, "web", "test") // gets the same token
	ask(t, "POST", base+"/login/", "", url.Values{"username": {"ada"}, "password": {"wrong"}, "client": {"web"}}, "test")
	ask(t, "POST", base+"/refresh/", token, nil, "test")
	ask(t, "POST", base+"/logout/", token, nil, "test")
	want := []string{"token_created", "user_logged_in", "user_logged_in", "user_login_failed", "token_renewed", "token_revoked", "user_logged_out"}
	if got := log.signals(t); !slices.Equal(got, want) {
		t.Errorf("signals %v, want %v", got, want)
	}
	if strings.Contains(log.text.String(), token) {
		t.Error("the log has the token")
	}
}

func TestTheClientIsTheProgramThatAsks(t *testing.T) {
	_, _, base := start(t, true)
	token := logIn(t, base, "", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	_, text := ask(t, "GET", base+"/sessions/", token, nil, "test")
	if !strings.Contains(text, `"client":"Firefox on Linux"`) {
		t.Errorf("the sessions are %s", text)
	}
}

func TestSettingsGoWithTheirClient(t *testing.T) {
	p, _, _ := start(t, false)
	list, err := p.guard.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if err := p.guard.DeleteClient(t.Context(), c.Name); err != nil {
			t.Fatal(err)
		}
		if text, err := p.settings.description(t.Context(), c.ID); text != "" || err != nil {
			t.Errorf("%s: %q is left (%v)", c.Name, text, err)
		}
	}
}

func TestMain(m *testing.M) { stoptest.Main(m, main) }

// A signal lets the requests that are under way come to their end.
func TestStops(t *testing.T) {
	stoptest.Stops(t, "/api/login/", "-addr", "ADDR")
}
