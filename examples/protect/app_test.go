package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/examples/internal/stoptest"
	"golang.org/x/crypto/bcrypt"
)

// The promise of this example: so many lines, and the application is protected.
func TestProtectionTakesAtMostThirtyLines(t *testing.T) {
	text, err := os.ReadFile("durin.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	if lines > 30 {
		t.Errorf("durin.go has %d lines of code, its imports among them: at most 30", lines)
	}
}

// caller is somebody at the application's door.
type caller struct {
	t     *testing.T
	base  string
	token string
}

func (c caller) do(method, path, body string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Token "+c.token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(text))
}

func (c caller) want(status int, text, method, path, body string) {
	c.t.Helper()
	if gotStatus, gotText := c.do(method, path, body); gotStatus != status || gotText != text {
		c.t.Errorf("%s %s: %d %q, want %d %q", method, path, gotStatus, gotText, status, text)
	}
}

// logIn returns the caller with a token.
func (c caller) logIn(email, password, client string) caller {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{"username": email, "password": password, "client": client})
	if err != nil {
		c.t.Fatal(err)
	}
	status, text := c.do("POST", "/api/auth/login/", string(body))
	var answer struct{ Token string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != 200 || answer.Token == "" {
		c.t.Fatalf("login: %d %s (%v)", status, text, err)
	}
	c.token = answer.Token
	return c
}

// start runs the protected application with two accounts.
func start(t *testing.T) (*app, *durin.Guard, caller) {
	t.Helper()
	folder := t.TempDir()
	a := newApp(t.Context(), filepath.Join(folder, "notes.db"), bcrypt.MinCost)
	guard := a.protect(t.Context(), filepath.Join(folder, "notes.key"))
	server := httptest.NewServer(a.mux)
	t.Cleanup(func() {
		server.Close()
		if err := guard.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := a.db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, account := range []string{"ada", "bea"} {
		if err := a.signUp(t.Context(), account, account+"@example.org", "secret of "+account); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := guard.CreateClient(t.Context(), durin.Client{Name: "phone", Rate: durin.Rate{N: 3, Period: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	return a, guard, caller{t: t, base: server.URL}
}

func TestLogInUseLogOutRefused(t *testing.T) {
	_, _, nobody := start(t)
	nobody.want(401, `{"detail":"Authentication credentials were not provided."}`, "GET", "/notes", "")
	nobody.want(400, `{"non_field_errors":["Unable to log in with provided credentials."]}`, "POST", "/api/auth/login/",
		`{"username":"ada@example.org","password":"wrong","client":"web"}`)

	ada := nobody.logIn("ada@example.org", "secret of ada", "web")
	ada.want(201, "", "POST", "/notes", `"water the plants"`)
	ada.want(200, `["water the plants"]`, "GET", "/notes", "")
	nobody.logIn("bea@example.org", "secret of bea", "web").want(200, `[]`, "GET", "/notes", "")

	ada.want(204, "", "POST", "/api/auth/logout/", "")
	ada.want(401, `{"detail":"Invalid token."}`, "GET", "/notes", "")
}

func TestOnlyTheWebMayDelete(t *testing.T) {
	_, _, nobody := start(t)
	phone := nobody.logIn("ada@example.org", "secret of ada", "phone")
	phone.want(200, `[]`, "GET", "/notes", "")
	phone.want(403, `{"detail":"You do not have permission to perform this action."}`, "DELETE", "/notes", "")
	nobody.logIn("ada@example.org", "secret of ada", "web").want(204, "", "DELETE", "/notes", "")
}

func TestTheClientsRateHolds(t *testing.T) {
	_, _, nobody := start(t)
	phone := nobody.logIn("ada@example.org", "secret of ada", "phone")
	for range 3 {
		phone.want(200, `[]`, "GET", "/notes", "")
	}
	if status, text := phone.do("GET", "/notes", ""); status != 429 {
		t.Errorf("the fourth request: %d %s, want 429", status, text)
	}
	nobody.logIn("bea@example.org", "secret of bea", "phone").want(200, `[]`, "GET", "/notes", "")
}

func TestAClosedAccountIsRefusedOnceTheGuardIsTold(t *testing.T) {
	a, guard, nobody := start(t)
	ada := nobody.logIn("ada@example.org", "secret of ada", "web")
	ada.want(200, `[]`, "GET", "/notes", "")
	if _, err := a.db.ExecContext(t.Context(), "UPDATE account SET closed = 1 WHERE id = 'ada'"); err != nil {
		t.Fatal(err)
	}
	if err := guard.UserChanged(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	ada.want(401, `{"detail":"User inactive or deleted."}`, "GET", "/notes", "")
	nobody.want(400, `{"non_field_errors":["Unable to log in with provided credentials."]}`, "POST", "/api/auth/login/",
		`{"username":"ada@example.org","password":"secret of ada","client":"web"}`)
}

// What the database keeps does not open the door.
func TestNoTokenIsInTheDatabase(t *testing.T) {
	a, _, nobody := start(t)
	ada := nobody.logIn("ada@example.org", "secret of ada", "web")
	var path string
	if err := a.db.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(ada.token)) {
			t.Errorf("%s has the token in clear", filepath.Base(name))
		}
	}
}

func TestMain(m *testing.M) { stoptest.Main(m, main) }

// A signal lets the requests that are under way come to their end.
func TestStops(t *testing.T) {
	stoptest.Stops(t, "/api/auth/login/")
}
