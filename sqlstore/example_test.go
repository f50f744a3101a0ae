package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/sqlstore"
)

// The program imports the driver: _ "modernc.org/sqlite".
func ExampleOpen() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:app.db?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(3000)")
	if err != nil {
		log.Fatal(err)
	}
	if err := sqlstore.Migrate(ctx, db, sqlstore.SQLite); err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.Open(ctx, db, sqlstore.SQLite, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	keys, made, err := keyring.MakeFile("app.key", time.Now())
	if err != nil {
		log.Fatal(err)
	}
	if made {
		log.Print("app.key is new: keep it")
	}
	guard, err := durin.New(ctx, durin.Options{Store: store, Keyring: keys})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = guard.Close(ctx) }()
}
