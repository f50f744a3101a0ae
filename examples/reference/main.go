// Command reference is django-rest-durin's example project in Go: its
// demonstration routes, a table that extends the clients, and its signals as
// hooks, in the log.
//
//	go run ./reference                      # the client is a field of the login
//	go run ./reference -client-from-agent   # it is the program that asks
//	curl -d username=ada -d password='correct horse' -d client=web http://127.0.0.1:8082/api/login/
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"log/slog"
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
	fromAgent := flag.Bool("client-from-agent", false, "name the client after the program that logs in")
	addr := flag.String("addr", "127.0.0.1:8082", "address to serve on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *fromAgent); err != nil {
		slog.Error("the example ended", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string, fromAgent bool) error {
	p, err := open(ctx, "reference.db", "reference.key", slog.Default())
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.fill(ctx); err != nil {
		return err
	}
	h, err := p.handler(fromAgent)
	if err != nil {
		return err
	}
	return serve(ctx, &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 10 * time.Second})
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

// project is what the example consists of.
type project struct {
	db       *sql.DB
	store    *sqlstore.Store
	hasher   *password.Hasher
	guard    *durin.Guard
	settings clientSettings
	log      *slog.Logger
}

func open(ctx context.Context, file, keyFile string, log *slog.Logger) (*project, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(3000)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	p := &project{db: db, settings: clientSettings{db}, log: log}
	if err := p.build(ctx, keyFile); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return p, nil
}

func (p *project) build(ctx context.Context, keyFile string) error {
	if err := sqlstore.Migrate(ctx, p.db, sqlstore.SQLite); err != nil {
		return err
	}
	if err := p.settings.migrate(ctx); err != nil {
		return err
	}
	var err error
	if p.store, err = sqlstore.Open(ctx, p.db, sqlstore.SQLite, sqlstore.Options{}); err != nil {
		return err
	}
	keys, err := keyring.OpenFile(keyFile, time.Now())
	if err != nil {
		return err
	}
	if p.hasher, err = password.New(password.Options{}); err != nil {
		return err
	}
	p.guard, err = durin.New(ctx, durin.Options{
		Store: p.store, Users: p.store, Keyring: keys,
		Authenticator: password.NewUsers(p.store, p.hasher, password.UsersOptions{Logger: p.log}),
		DefaultRate:   durin.Rate{N: 2, Period: time.Minute}, // of GET /api/throttled
		Hooks:         signals(p.log), Logger: p.log,
	})
	return err
}

// fill adds what the example starts with, where it is not there.
func (p *project) fill(ctx context.Context) error {
	clients := map[string]string{"web": "The site", "phone": "The application for phones", "apikey": "Keys for programs"}
	for name, description := range clients {
		c, err := p.guard.CreateClient(ctx, durin.Client{Name: name})
		if errors.Is(err, durin.ErrExists) {
			continue
		}
		if err == nil {
			err = p.settings.set(ctx, c.ID, description)
		}
		if err != nil {
			return err
		}
	}
	hash, err := p.hasher.Hash(ctx, "correct horse")
	if err == nil {
		_, err = p.store.CreateUser(ctx, durin.User{Name: "ada", Password: hash, Active: true, Created: p.guard.Now()})
	}
	if errors.Is(err, durin.ErrExists) {
		return nil
	}
	return err
}

func (p *project) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(p.guard.Close(ctx), p.store.Close(), p.db.Close()); err != nil {
		p.log.Error("closing", "error", err)
	}
}
