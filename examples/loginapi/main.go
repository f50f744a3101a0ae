// Command loginapi is the whole login interface with users that Durin keeps, and
// every option that there is, most of them at their defaults. An application
// copies it and deletes what it does not need.
//
//	go run ./loginapi
//	curl -d username=ada -d password='correct horse' -d client=web http://127.0.0.1:8081/api/auth/login/
package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/password"
	"github.com/durin-go/durin/sqlstore"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8081")); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string) error {
	s, err := open(ctx, "loginapi.db", "loginapi.key")
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.addUser(ctx, "ada", "correct horse"); err != nil && !errors.Is(err, durin.ErrExists) {
		return err
	}
	return serve(ctx, &http.Server{Addr: addr, Handler: s.handler, ReadHeaderTimeout: 10 * time.Second})
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

// service is what the program consists of.
type service struct {
	db      *sql.DB
	store   *sqlstore.Store
	hasher  *password.Hasher
	guard   *durin.Guard
	handler http.Handler
}

func open(ctx context.Context, file, keyFile string) (*service, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(3000)")
	if err != nil {
		return nil, err
	}
	s := &service{db: db}
	if err := s.build(ctx, keyFile); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *service) build(ctx context.Context, keyFile string) error {
	if err := sqlstore.Migrate(ctx, s.db, sqlstore.SQLite); err != nil {
		return err
	}
	var err error
	if s.store, err = sqlstore.Open(ctx, s.db, sqlstore.SQLite, sqlstore.Options{}); err != nil {
		return err
	}
	keys, err := keyring.OpenFile(keyFile, time.Now())
	if err != nil {
		return err
	}
	if s.hasher, err = password.New(hashing()); err != nil {
		return err
	}
	if s.guard, err = durin.New(ctx, guarding(s.store, s.hasher, keys)); err != nil {
		return err
	}
	if err := s.addClients(ctx); err != nil {
		return err
	}
	s.handler, err = routes(s.guard)
	return err
}

// addClients sees to it that the clients are there.
func (s *service) addClients(ctx context.Context) error {
	for _, c := range clients() {
		if _, err := s.guard.CreateClient(ctx, c); err != nil && !errors.Is(err, durin.ErrExists) {
			return err
		}
	}
	return nil
}

// addUser adds a user of the program's own.
func (s *service) addUser(ctx context.Context, name string, pw durin.Secret) error {
	if err := password.Check(pw, name); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, pw)
	if err != nil {
		return err
	}
	_, err = s.guard.CreateUser(ctx, durin.User{Name: name, Password: hash, Active: true})
	return err
}

func (s *service) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(s.guard.Close(ctx), s.store.Close(), s.db.Close()); err != nil {
		log.Print(err)
	}
}
