package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/examples/internal/stoptest"
	"github.com/durin-go/durin/password"
)

func start(t *testing.T) (*service, string) {
	t.Helper()
	folder := t.TempDir()
	s, err := open(t.Context(), filepath.Join(folder, "test.db"), filepath.Join(folder, "test.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.addUser(t.Context(), "ada", "correct horse"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.handler)
	t.Cleanup(func() { server.Close(); s.close() })
	return s, server.URL
}

func ask(t *testing.T, method, url, token, form string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
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
	return answer.StatusCode, strings.TrimSpace(string(text))
}

func logIn(t *testing.T, base, client string) (token, text string) {
	t.Helper()
	status, text := ask(t, "POST", base+"/api/auth/login/", "", "username=ada&password=correct+horse&client="+client)
	var got struct{ Token string }
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
		t.Fatalf("login for %s: %d %s (%v)", client, status, text, err)
	}
	return got.Token, text
}

func TestTheLoginAnswersWhatTheOptionsSay(t *testing.T) {
	_, base := start(t)
	token, text := logIn(t, base, "web")
	var got answer
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.Client != "web" || got.User == nil || got.User.Username != "ada" || got.Expiry == nil || !strings.HasPrefix(token, "notes_") {
		t.Errorf("the login answered %s", text)
	}
	if status, text := ask(t, "GET", base+"/whoami", token, ""); status != 200 || text != `{"client":"web","user":"ada"}` {
		t.Errorf("whoami: %d %s", status, text)
	}
}

func TestEachClientFollowsItsPolicy(t *testing.T) {
	_, base := start(t)
	for client, want := range map[string]int{"web": 1, "kiosk": 1, "phone": 5} {
		tokens := map[string]bool{}
		for range 7 {
			token, _ := logIn(t, base, client)
			tokens[token] = true
		}
		live := 0
		for token := range tokens {
			if status, _ := ask(t, "GET", base+"/whoami", token, ""); status == 200 {
				live++
			}
		}
		if live != want {
			t.Errorf("%s: %d of 7 logins live, want %d", client, live, want)
		}
	}
}

func TestTheAPIKeyIsMadeShownOnceAndHidden(t *testing.T) {
	_, base := start(t)
	token, _ := logIn(t, base, "web")
	status, text := ask(t, "POST", base+"/api/auth/apiaccess/", token, "password=correct+horse")
	var key struct{ Token string }
	if err := json.Unmarshal([]byte(text), &key); err != nil || status != 201 || key.Token == "" {
		t.Fatalf("creating the key: %d %s", status, text)
	}
	if status, text := ask(t, "GET", base+"/api/auth/apiaccess/", key.Token, ""); status != 200 || strings.Contains(text, key.Token) {
		t.Errorf("asking for it again: %d %s", status, text)
	}
	_, text = ask(t, "GET", base+"/api/auth/sessions/", token, "")
	if strings.Contains(text, keyClient) {
		t.Errorf("the sessions list the key: %s", text)
	}
	if status, _ := ask(t, "POST", base+"/api/auth/login/", "", "username=ada&password=correct+horse&client="+keyClient); status != 400 {
		t.Errorf("a password got a key: %d", status)
	}
}

// Both spellings of a session's path end it, the reference's among them.
func TestBothSpellingsOfASessionsPath(t *testing.T) {
	s, base := start(t)
	token, _ := logIn(t, base, "web")
	for _, form := range []string{"%s/api/auth/sessions/%d", "%s/api/auth/sessions//%d"} {
		other, _ := logIn(t, base, "phone")
		list, err := s.guard.Sessions(t.Context(), browse.Query{UserID: "1", Client: "phone"})
		if err != nil || len(list) != 1 {
			t.Fatalf("%d sessions on the phone: %v", len(list), err)
		}
		if status, text := ask(t, "DELETE", fmt.Sprintf(form, base, list[0].ID), token, ""); status != 204 {
			t.Errorf("%s: %d %s", form, status, text)
		}
		if status, _ := ask(t, "GET", base+"/whoami", other, ""); status != 401 {
			t.Errorf("%s: the session goes on: %d", form, status)
		}
	}
}

func TestAWeakPasswordIsRefused(t *testing.T) {
	s, _ := start(t)
	var fault *durin.FieldError
	if err := s.addUser(t.Context(), "bea", "12345678"); !errors.As(err, &fault) {
		t.Errorf("got %v", err)
	}
}

// This example shows all options: a new one must be shown too.
func TestEveryOptionIsShown(t *testing.T) {
	text := readOptions(t)
	for _, options := range []any{durin.Options{}, api.Options{}, password.Options{}, password.UsersOptions{}} {
		shape := reflect.TypeOf(options)
		for i := range shape.NumField() {
			if name := shape.Field(i).Name; !strings.Contains(text, name+":") {
				t.Errorf("options.go does not show %s.%s", shape, name)
			}
		}
	}
}

func readOptions(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("options.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMain(m *testing.M) { stoptest.Main(m, main) }

// A signal lets the requests that are under way come to their end.
func TestStops(t *testing.T) {
	stoptest.Stops(t, "/api/auth/login/")
}
