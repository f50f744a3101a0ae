// Package pgxdurin lets the nodes of an application hear of endings through
// PostgreSQL's NOTIFY, without a further server.
//
//	pool, err := pgxpool.New(ctx, "postgres://app@db/app")
//	store, err := sqlstore.Open(ctx, stdlib.OpenDBFromPool(pool), sqlstore.PostgreSQL, sqlstore.Options{})
//	guard, err := durin.New(ctx, durin.Options{
//		Store:       store,
//		Invalidator: pgxdurin.NewInvalidator(pool, pgxdurin.InvalidatorOptions{}),
//	})
//
// The pool must reach the server itself. Through a pooler that gives each
// transaction another connection, as PgBouncer in transaction mode does, nothing
// is ever heard: leave the Invalidator out there, or give it a pool that goes
// past the pooler. Without it endings are heard of by polling the store.
package pgxdurin
