package target

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/password"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/sessions"
)

// The ways to know who asks.
const (
	Bare     = "bare"     // nobody asks: the handler alone
	Durin    = "durin"    // a Guard with its cache
	Uncached = "uncached" // a Guard without one
	SCS      = "scs"      // alexedwards/scs with its SQLite store
	Gorilla  = "gorilla"  // gorilla/sessions, a signed cookie
	JWT      = "jwt"      // golang-jwt, HS256
	Pocket   = "pocket"   // PocketBase's check of a request
)

// Names are all of them.
var Names = []string{Bare, Durin, Uncached, SCS, Gorilla, JWT, Pocket}

// Place is where a mode keeps what it asks: in the database of tokens, or in the
// folder when it has a form of its own.
func Place(mode, folder, tokens string) string {
	switch mode {
	case SCS:
		return filepath.Join(folder, "scs.db")
	case Pocket:
		return filepath.Join(folder, "pocket")
	}
	return tokens
}

// key signs what is only signed. It protects nothing.
var key = []byte("benchmarks are no place for secrets")

// Lines are count header lines that the mode lets in. The tokens of a Guard are
// spread over the n of its database.
func Lines(mode, path string, n, count int) ([]string, error) {
	lines := make([]string, count)
	for i := range lines {
		user := dataset.UserName(i + 1)
		var err error
		switch mode {
		case Bare, Durin, Uncached:
			lines[i] = "Authorization: Token " + dataset.Token(int(int64(i)*int64(n)/int64(count))).Reveal()
		case SCS:
			lines[i] = "Cookie: session=" + dataset.Token(i).Reveal()
		case Gorilla:
			lines[i], err = gorillaCookie(user)
		case JWT:
			lines[i], err = signedToken(user)
		}
		if err != nil {
			return nil, err
		}
	}
	switch mode {
	case SCS:
		return lines, fillSCS(path, count)
	case Pocket:
		return pocketTokens(path, count)
	}
	return lines, nil
}

// Handler puts a mode before next, with the database at path. stop frees it.
func Handler(ctx context.Context, mode, path string, next http.Handler) (h http.Handler, stop func(), err error) {
	switch mode {
	case Bare:
		return next, func() {}, nil
	case Durin, Uncached:
		g, err := NewGuard(ctx, path, func(o *durin.Options) {
			if mode == Uncached {
				o.CacheTTL = -1
			}
		})
		if err != nil {
			return nil, nil, err
		}
		return g.Require(next), g.Close, nil
	case SCS:
		db, err := openSCS(path)
		if err != nil {
			return nil, nil, err
		}
		m := scs.New()
		m.Store = sqlite3store.NewWithCleanupInterval(db, 0)
		return m.LoadAndSave(only(func(r *http.Request) bool { return m.GetString(r.Context(), "user") != "" }, next)), func() { _ = db.Close() }, nil
	case Gorilla:
		store := sessions.NewCookieStore(key)
		return only(func(r *http.Request) bool {
			s, err := store.Get(r, "session")
			return err == nil && s.Values["user"] != nil
		}, next), func() {}, nil
	case JWT:
		return only(signed, next), func() {}, nil
	case Pocket:
		return pocketCheck(path, next)
	}
	return nil, nil, fmt.Errorf("%q is not one of %s", mode, strings.Join(Names, ", "))
}

// only lets through what known says yes to.
func only(known func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !known(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func openSCS(path string) (*sql.DB, error) {
	db, err := dataset.Open(path)
	if err != nil {
		return nil, err
	}
	_ = db.Writer.Close()
	return db.Reader, nil
}

// fillSCS makes a database with count sessions, by the scheme that the store's
// documentation gives.
func fillSCS(path string, count int) error {
	db, err := dataset.Open(path, "synchronous(OFF)")
	if err != nil {
		return err
	}
	defer db.Close()
	for _, text := range []string{
		"CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL)",
		"CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions(expiry)",
	} {
		if _, err := db.Writer.Exec(text); err != nil {
			return err
		}
	}
	store := sqlite3store.NewWithCleanupInterval(db.Writer, 0)
	for i := range count {
		deadline := time.Now().Add(24 * time.Hour)
		data, err := scs.GobCodec{}.Encode(deadline, map[string]any{"user": dataset.UserName(i + 1)})
		if err != nil {
			return err
		}
		if err := store.Commit(dataset.Token(i).Reveal(), data, deadline); err != nil {
			return err
		}
	}
	return nil
}

func gorillaCookie(user string) (string, error) {
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	s, err := sessions.NewCookieStore(key).New(r, "session")
	if err != nil {
		return "", err
	}
	s.Values["user"] = user
	if err := s.Save(r, w); err != nil {
		return "", err
	}
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return "Cookie: " + cookie, nil
}

func signedToken(user string) (string, error) {
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Subject: user, ExpiresAt: jwt.NewNumericDate(time.Now().Add(24 * time.Hour))}).SignedString(key)
	return "Authorization: Bearer " + text, err
}

func signed(r *http.Request) bool {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return false
	}
	var claims jwt.RegisteredClaims
	t, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"HS256"}))
	return err == nil && t.Valid && claims.Subject != ""
}

// Program is a whole server: the API at /api/auth/, and next for everybody who
// is known elsewhere. hashing is how many hashes are computed at once, in the
// process of that command as the program does it; zero is the default of a library
// user, without another process.
func Program(ctx context.Context, path string, hashing int, command func() *exec.Cmd, auth durin.Authenticator, next http.Handler) (http.Handler, func(), error) {
	o := password.Options{}
	if hashing > 0 {
		o.Workers, o.Command = hashing, command
	}
	hasher, err := password.New(o)
	if err != nil {
		return nil, nil, err
	}
	g, err := NewGuard(ctx, path, func(o *durin.Options) {
		if o.Authenticator = auth; auth == nil {
			o.Authenticator = password.NewUsers(o.Users, hasher, password.UsersOptions{Logger: o.Logger})
		}
	})
	if err != nil {
		return nil, nil, err
	}
	h, err := api.New(g.Guard, api.Options{})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", h)
	mux.Handle("/", g.Require(next))
	return mux, func() { g.Close(); hasher.Close() }, nil
}
