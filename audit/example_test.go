package audit_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
)

func Example() {
	ctx := context.Background()
	store := memstore.New() // or a sqlstore.Store
	keys, err := keyring.New(time.Now())
	if err != nil {
		log.Fatal(err)
	}
	history, err := audit.New(ctx, audit.Options{Store: store, Keyring: keys})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := durin.New(ctx, durin.Options{Store: store, Keyring: keys, Hooks: history.Hooks(durin.Hooks{})})
	if err != nil {
		log.Fatal(err)
	}

	// Who does it: your code knows, the Guard does not.
	ctx = audit.WithActor(ctx, audit.Actor{Kind: audit.Admin, ID: "7", Name: "boss"})
	if _, err := guard.CreateClient(ctx, durin.Client{Name: "web"}); err != nil {
		log.Fatal(err)
	}
	// What your application does beside the Guard.
	history.Record(ctx, audit.Entry{Action: "invoice.delete", UserID: "12", Details: map[string]any{"invoice": 4711}})

	if err := history.Close(ctx); err != nil { // after the Guard's
		log.Fatal(err)
	}
	rows, err := store.FindAudit(ctx, audit.Filter{ActorID: "7"}, audit.Cursor{}, 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range rows {
		fmt.Println(r.Actor, r.Action, r.Client, audit.DetailsText(r.Details))
	}
	report, err := audit.Verify(ctx, store, audit.VerifyOptions{Keyring: keys})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Rows, "rows, as they were written:", report.Intact() && report.Complete())
	// Output:
	// admin boss invoice.delete  invoice: 4711
	// admin boss client.create web policy: reuse, ttl: 1d
	// 2 rows, as they were written: true
}
