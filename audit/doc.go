// Package audit keeps a log of every change of state: who did what to whom,
// when, and from where.
//
//	store := memstore.New()
//	log, err := audit.New(ctx, audit.Options{Store: store, Keyring: keys})
//	guard, err := durin.New(ctx, durin.Options{Store: store, Hooks: log.Hooks(durin.Hooks{}), ...})
//	...
//	err = guard.Close(ctx)
//	err = log.Close(ctx)
//
// Rows are appended and never changed. Each bears a hash over itself and the row
// before it, so that a row that was changed, removed or moved is found by Verify.
// With a Keyring the hashes are made with a key that is not in the database: who
// can write the database, but has not the key, cannot make a row that fits.
//
// Rows are gathered in memory and written in batches: a process that is killed
// loses those of the last Options.FlushEvery at most. Recording never waits for
// the database, and never fails the work that is recorded.
package audit
