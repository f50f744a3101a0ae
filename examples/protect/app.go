// Command protect is a small application, notes that people keep, with its own
// database, its own accounts and its own password hashes. All that Durin adds to
// it is in durin.go.
package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/crypto/bcrypt"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const schema = `
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, closed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id), text TEXT NOT NULL)`

var errWrongPassword = errors.New("wrong e-mail address or password")

// app is the application: notes in a database, and who may see them.
type app struct {
	db    *sql.DB
	mux   *http.ServeMux
	cost  int    // of password hashes
	decoy []byte // a hash that no password has
	// accountOf tells whose notes a request is about.
	accountOf func(context.Context) string
}

func newApp(ctx context.Context, file string, cost int) *app {
	a := &app{mux: http.NewServeMux(), cost: cost}
	a.db = must(sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(3000)"))
	must(a.db.ExecContext(ctx, schema))
	a.decoy = must(bcrypt.GenerateFromPassword([]byte("no account has this hash"), cost))
	return a
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := newApp(ctx, "notes.db", bcrypt.DefaultCost)
	guard := a.protect(ctx, "notes.key")
	server := &http.Server{Addr: cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080"), Handler: a.mux, ReadHeaderTimeout: 10 * time.Second}
	if err := errors.Join(serve(ctx, server), guard.Close(context.WithoutCancel(ctx)), a.db.Close()); err != nil {
		log.Print(err)
		os.Exit(1) // all that was to be closed is
	}
}

// serve answers requests until ctx ends, and then those that are under way.
func serve(ctx context.Context, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

func (a *app) signUp(ctx context.Context, id, email, password string) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), a.cost)
	if err != nil {
		return err
	}
	_, err = a.db.ExecContext(ctx, "INSERT INTO account (id, email, hash) VALUES (?, ?, ?)", id, email, hash)
	return err
}

// checkPassword returns the account's id, or errWrongPassword. It takes as long
// for an address that nobody has.
func (a *app) checkPassword(ctx context.Context, email, password string) (id string, err error) {
	hash, closed := a.decoy, false
	err = a.db.QueryRowContext(ctx, "SELECT id, hash, closed FROM account WHERE email = ?", email).Scan(&id, &hash, &closed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || id == "" || closed {
		return "", errWrongPassword
	}
	return id, nil
}

// isOpen reports whether the account is there and not closed.
func (a *app) isOpen(ctx context.Context, id string) (open bool, err error) {
	err = a.db.QueryRowContext(ctx, "SELECT count(*) FROM account WHERE id = ? AND NOT closed", id).Scan(&open)
	return open, err
}

// notes serves the notes of one account.
func (a *app) notes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /notes", a.listNotes)
	mux.HandleFunc("POST /notes", a.addNote)
	mux.HandleFunc("DELETE /notes", a.deleteNotes)
	return mux
}

func (a *app) listNotes(w http.ResponseWriter, r *http.Request) {
	rows, err := a.db.QueryContext(r.Context(), "SELECT text FROM note WHERE account = ? ORDER BY id", a.accountOf(r.Context()))
	if err != nil {
		failed(w, err)
		return
	}
	defer func() { _ = rows.Close() }()
	texts := []string{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			failed(w, err)
			return
		}
		texts = append(texts, text)
	}
	if err := rows.Err(); err != nil {
		failed(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(texts)
}

func (a *app) addNote(w http.ResponseWriter, r *http.Request) {
	var text string
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&text); err != nil {
		http.Error(w, "Send a text in JSON.", http.StatusBadRequest)
		return
	}
	if _, err := a.db.ExecContext(r.Context(), "INSERT INTO note (account, text) VALUES (?, ?)", a.accountOf(r.Context()), text); err != nil {
		failed(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (a *app) deleteNotes(w http.ResponseWriter, r *http.Request) {
	if _, err := a.db.ExecContext(r.Context(), "DELETE FROM note WHERE account = ?", a.accountOf(r.Context())); err != nil {
		failed(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func failed(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
}

// must ends a program that cannot be set up.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// check does so, but for errors that are fine.
func check(err error, fine ...error) {
	if err != nil && !slices.ContainsFunc(fine, func(f error) bool { return errors.Is(err, f) }) {
		log.Fatal(err)
	}
}
