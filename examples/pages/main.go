// Command pages is an application with its own accounts that gives its staff the
// admin pages, and its users the account pages. What Durin asks about accounts is
// in accounts.go.
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
	"github.com/durin-go/durin/account"
	"github.com/durin-go/durin/admin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/sqlstore"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// keyClient is the client of API keys.
const keyClient = "scripts"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string) error {
	db, err := sql.Open("sqlite", "file:shop.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout(3000)")
	if err != nil {
		return err
	}
	h, guard, err := newShop(ctx, db, "shop.key")
	if err != nil {
		return errors.Join(err, db.Close())
	}
	log.Printf("open http://%s/staff/ or http://%[1]s/me/", addr)
	err = serve(ctx, &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 10 * time.Second})
	return errors.Join(err, guard.Close(context.WithoutCancel(ctx)), db.Close())
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

// newShop mounts everything: the API, the pages of the staff and those of the
// customers, anywhere.
func newShop(ctx context.Context, db *sql.DB, keyFile string) (http.Handler, *durin.Guard, error) {
	people, err := openAccounts(ctx, db)
	if err != nil {
		return nil, nil, err
	}
	guard, err := newGuard(ctx, db, keyFile, people)
	if err != nil {
		return nil, nil, err
	}
	auth, err := api.New(guard, api.Options{APIKeyClient: keyClient})
	if err != nil {
		return nil, nil, err
	}
	forStaff, err := admin.New(guard, admin.Options{Path: "/staff/", Brand: "Shop staff", Directory: people})
	if err != nil {
		return nil, nil, err
	}
	forCustomers, err := account.New(guard, account.Options{
		Path: "/me/", Brand: "My shop", APIKeyClient: keyClient, UserName: people.email, SetPassword: people.setPassword,
	})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", auth)
	mux.Handle("/staff/", forStaff)
	mux.Handle("/me/", forCustomers)
	return mux, guard, nil
}

func newGuard(ctx context.Context, db *sql.DB, keyFile string, people *accounts) (*durin.Guard, error) {
	if err := sqlstore.Migrate(ctx, db, sqlstore.SQLite); err != nil {
		return nil, err
	}
	store, err := sqlstore.Open(ctx, db, sqlstore.SQLite, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	keys, err := keyring.OpenFile(keyFile, time.Now())
	if err != nil {
		return nil, err
	}
	guard, err := durin.New(ctx, durin.Options{Store: store, Keyring: keys, Authenticator: people, UserActive: people.isOpen})
	if err != nil {
		return nil, err
	}
	_, err = guard.CreateClient(ctx, durin.Client{Name: keyClient, TTL: durin.Never, Policy: durin.PolicyReplace, NoPassword: true, Description: "API keys"})
	if err != nil && !errors.Is(err, durin.ErrExists) {
		return nil, err
	}
	return guard, nil
}
