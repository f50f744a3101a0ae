package main

import (
	"context"
	"database/sql"
	"github.com/durin-go/durin/examples/internal/stoptest"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// visitor is a browser without scripts.
type visitor struct {
	t      *testing.T
	client *http.Client
	url    string
}

func (v visitor) sees(words string) func(answer *http.Response, err error) {
	return func(answer *http.Response, err error) {
		v.t.Helper()
		if err != nil {
			v.t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			v.t.Fatal(err)
		}
		if !strings.Contains(string(text), words) {
			v.t.Errorf("%s: no %q in\n%s", answer.Request.URL, words, text)
		}
	}
}

func TestPages(t *testing.T) {
	folder := t.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "shop.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(3000)")
	if err != nil {
		t.Fatal(err)
	}
	h, guard, err := newShop(t.Context(), db, filepath.Join(folder, "shop.key"))
	if err != nil {
		t.Fatal(err)
	}
	people := &accounts{db: db}
	server := httptest.NewTLSServer(h)
	t.Cleanup(func() {
		server.Close()
		_ = guard.Close(context.Background())
		_ = db.Close()
	})
	for id, staff := range map[string]bool{"a-1": true, "a-2": false} {
		if err := people.add(t.Context(), id, id+"@example.org", "the word of "+id, staff); err != nil {
			t.Fatal(err)
		}
	}
	open := func() visitor {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := *server.Client()
		c.Jar = jar
		return visitor{t, &c, server.URL}
	}
	form := func(id string) url.Values {
		return url.Values{"name": {id + "@example.org"}, "password": {"the word of " + id}}
	}
	customer := open()
	customer.sees("Where you are signed in")(customer.client.PostForm(server.URL+"/me/sign-in", form("a-2")))
	customer.sees("cannot be shown again")(customer.client.PostForm(server.URL+"/me/key", nil))
	customer.sees("Unable to sign in")(customer.client.PostForm(server.URL+"/staff/sign-in", form("a-2")))
	customer.sees("sign-in</h1>")(customer.client.Get(server.URL + "/staff/tokens"))
	customer.sees("10 to 72 characters")(customer.client.PostForm(server.URL+"/me/password", url.Values{"current": {"the word of a-2"}, "password": {"short"}, "repeat": {"short"}}))
	boss := open()
	boss.sees("Dashboard")(boss.client.PostForm(server.URL+"/staff/sign-in", form("a-1")))
	boss.sees("a-2@example.org")(boss.client.Get(server.URL + "/staff/tokens?client=scripts"))
	boss.sees("2 tokens were revoked")(boss.client.PostForm(server.URL+"/staff/tokens/revoke?all=1&user=a-2@example.org", nil))
	customer.sees("Sign in")(customer.client.Get(server.URL + "/me/"))
}

func TestMain(m *testing.M) { stoptest.Main(m, main) }

// A signal lets the requests that are under way come to their end.
func TestStops(t *testing.T) {
	stoptest.Stops(t, "/api/auth/login/")
}
