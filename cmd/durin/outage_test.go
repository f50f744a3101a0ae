package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// TestDatabaseGoesAway takes the database from under a server in several ways:
// every answer that needs it is a 503 with Retry-After, never a 401, and service
// returns with the database.
func TestDatabaseGoesAway(t *testing.T) {
	outages := []struct {
		name        string
		take, bring func(t *testing.T, file string)
	}{
		{"moved", func(t *testing.T, file string) { rename(t, file, file+".away") }, func(t *testing.T, file string) { rename(t, file+".away", file) }},
		{"unreadable", func(t *testing.T, file string) { chmod(t, file, 0) }, func(t *testing.T, file string) { chmod(t, file, 0o600) }},
	}
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			s := start(t, prepared(t), "--demo")
			token := s.login()
			file := filepath.Join(s.dir, "durin.db")
			s.do("GET", "/api/auth/", token, nil).want(t, "before", 200)
			o.take(t, file)
			s.eventually("the outage is noticed", func() bool {
				a := s.do("GET", "/api/auth/", token, nil)
				return a.StatusCode == 503
			})
			s.down(token)
			o.bring(t, file)
			s.eventually("service returns", func() bool { return s.do("GET", "/api/auth/", token, nil).StatusCode == 200 })
			s.eventually("it is ready again", func() bool { return s.do("GET", "/readyz", "", nil).StatusCode == 200 })
			if again := s.login(); again != token {
				t.Error("the token is another")
			}
			s.stop()
		})
	}
}

// down holds that every way into the store tells the outage.
func (s *server) down(token string) {
	s.t.Helper()
	for _, request := range []struct{ method, path, token string }{
		{"GET", "/api/auth/", token},
		{"GET", "/api/auth/sessions/", token},
		{"POST", "/api/auth/refresh/", token},
		{"POST", "/api/auth/logout/", token},
		{"GET", "/api/auth/", "0000000000000000000000000000000000000000000000000000000000000000"},
	} {
		a := s.do(request.method, request.path, request.token, nil)
		a.want(s.t, request.method+" "+request.path, 503)
		if a.Header.Get("Retry-After") == "" {
			s.t.Errorf("%s %s: no Retry-After", request.method, request.path)
		}
	}
	a := s.do("POST", "/api/auth/login/", "", credentials())
	a.want(s.t, "login", 503)
	if a.Header.Get("Retry-After") == "" {
		s.t.Error("login: no Retry-After")
	}
	s.do("GET", "/healthz", "", nil).want(s.t, "alive", 200)
	s.eventually("it is not ready", func() bool { return s.do("GET", "/readyz", "", nil).StatusCode == 503 })
}

// TestDatabaseLocked holds the file's write lock for longer than the server
// waits: what writes is a 503, checks go on, and service returns.
func TestDatabaseLocked(t *testing.T) {
	s := start(t, prepared(t), "--demo")
	token := s.login()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "durin.db")+"?_pragma=busy_timeout(3000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	a := s.do("POST", "/api/auth/refresh/", token, nil)
	a.want(t, "refresh", 503)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.do("GET", "/api/auth/", token, nil).want(t, "a check", 200)
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/api/auth/refresh/", token, nil).want(t, "refresh, after", 200)
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}
