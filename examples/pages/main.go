// Command pages is an application with its own accounts that gives its staff the
// admin pages, and its users the account pages. What Durin asks about accounts is
// in accounts.go.
package main

import (
	"context"
	"database/sql"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	db, err := sql.Open("sqlite", "file:shop.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout(3000)")
	if err != nil {
		log.Fatal(err)
	}
	h, guard, err := newShop(ctx, db, "shop.key")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: h}
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.Background()) })
	log.Print("open http://127.0.0.1:8080/staff/ or http://127.0.0.1:8080/me/")
	log.Print(server.ListenAndServe())
	if err := guard.Close(context.Background()); err != nil {
		log.Print(err)
	}
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
