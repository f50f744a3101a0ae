package durin

import "context"

// An Exporter is a Store whose rows another Store's Importer can take. Clients
// and users are read by Store.Clients and UserStore.Users.
type Exporter interface {
	// ExportTokens returns at most limit tokens of the store's own users with
	// ID above after, by ID, expired ones among them.
	ExportTokens(ctx context.Context, after int64, limit int) ([]ImportToken, error)
	// ExportLedger returns at most limit entries of the ledger behind the
	// one with that Source and Key, by Source and Key in byte order.
	ExportLedger(ctx context.Context, after LedgerEntry, limit int) ([]LedgerEntry, error)
}

// A LedgerEntry tells that a row of another system was taken (see Importer).
type LedgerEntry struct {
	Source, Key string
	ID          int64 // of the row it became; below 1: of none
}
