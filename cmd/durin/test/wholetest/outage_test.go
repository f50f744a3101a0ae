package wholetest

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
			t.Parallel()
			s := start(t, prepared(t), "--demo")
			token := s.Login("web")
			file := filepath.Join(s.Dir, "durin.db")
			s.Do("GET", "/api/auth/", token, nil).Want(t, "before", 200)
			o.take(t, file)
			s.Eventually("the outage is noticed", func() bool {
				a := s.Do("GET", "/api/auth/", token, nil)
				return a.StatusCode == 503
			})
			s.down(token)
			o.bring(t, file)
			s.Eventually("service returns", func() bool { return s.Do("GET", "/api/auth/", token, nil).StatusCode == 200 })
			s.Eventually("it is ready again", func() bool { return s.Do("GET", "/readyz", "", nil).StatusCode == 200 })
			if again := s.Login("web"); again != token {
				t.Error("the token is another")
			}
			s.Stop()
		})
	}
}

// down holds that every way into the store tells the outage.
func (s *server) down(token string) {
	s.T.Helper()
	for _, request := range []struct{ method, path, token string }{
		{"GET", "/api/auth/", token},
		{"GET", "/api/auth/sessions/", token},
		{"POST", "/api/auth/refresh/", token},
		{"POST", "/api/auth/logout/", token},
		{"GET", "/api/auth/", "0000000000000000000000000000000000000000000000000000000000000000"},
	} {
		a := s.Do(request.method, request.path, request.token, nil)
		a.Want(s.T, request.method+" "+request.path, 503)
		if a.Header.Get("Retry-After") == "" {
			s.T.Errorf("%s %s: no Retry-After", request.method, request.path)
		}
	}
	a := s.Do("POST", "/api/auth/login/", "", credentials())
	a.Want(s.T, "login", 503)
	if a.Header.Get("Retry-After") == "" {
		s.T.Error("login: no Retry-After")
	}
	s.Do("GET", "/healthz", "", nil).Want(s.T, "alive", 200)
	s.Eventually("it is not ready", func() bool { return s.Do("GET", "/readyz", "", nil).StatusCode == 503 })
}

// TestDatabaseLocked holds the file's write lock for longer than the server
// waits: what writes is a 503, checks go on, and service returns.
func TestDatabaseLocked(t *testing.T) {
	t.Parallel()
	s := start(t, prepared(t), "--demo")
	token := s.Login("web")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Dir, "durin.db")+"?_pragma=busy_timeout(3000)")
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
	a := s.Do("POST", "/api/auth/refresh/", token, nil)
	a.Want(t, "refresh", 503)
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.Do("GET", "/api/auth/", token, nil).Want(t, "a check", 200)
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.Do("POST", "/api/auth/refresh/", token, nil).Want(t, "refresh, after", 200)
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func chmod(t testing.TB, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}
