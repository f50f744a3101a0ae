// Package transfer has what a durin.Store offers beside a Store's own contract
// so that users, clients and tokens can move: in, from another system or another
// store, and out. Package importer reads and writes the files; who protects an
// application needs neither.
package transfer

import (
	"context"
	"time"

	"github.com/durin-go/durin"
)

// An Importer is a durin.Store that takes rows from another system, by a Store's
// contract.
type Importer interface {
	// Import writes rows in order, all or none, and tells what became of
	// each. A ledger of (Source, Key) remembers what was taken: a row that
	// is in it is never touched again, whatever happened to it since. With
	// dry nothing is kept.
	Import(ctx context.Context, rows []Row, now time.Time, dry bool) ([]Result, error)
}

// A Row is a row of another system; one of Client, User, Token and Known is set.
type Row struct {
	Source string // the kind of row, "django:durin.client"; at most 64 bytes
	Key    string // its key there; at most 128 bytes
	Client *durin.Client
	User   *durin.User
	Token  *Token
	// Known only enters the row into the ledger: it was taken elsewhere, and
	// became the row with that ID here, or below 1 one that is gone.
	Known *int64
}

// A Token is a token of another system.
type Token struct {
	ID     int64 // kept if free; zero: the store gives one
	Digest durin.Digest
	// Legacy is all that is known of a token whose SHA-256 is not; Digest is
	// then its Placeholder. It needs a LegacyStore.
	Legacy    *LegacyDigest
	Seal      []byte // nil: cannot be shown again
	UserID    string // one of the store's own users
	Client    string // by name
	Created   time.Time
	IssuedAt  time.Time // zero: at Created
	ExpiresAt time.Time // zero: never
	Ceiling   time.Time // of ExpiresAt; zero: none
	LastUsed  time.Time
	Device    durin.Device
}

// A Result tells what became of a Row.
type Result struct {
	Outcome Outcome
	// ID is the row's id in the store: the one it came with where that was
	// free.
	ID int64
}

// An Outcome is one of the ways a Row can go.
type Outcome int

const (
	Imported      Outcome = iota // written now
	KnownBefore                  // in the ledger: taken by an earlier import
	TakenByOther                 // the name or digest was there already; the row there stays as it is
	WithoutParent                // the user or client of the token is not there
)

// An Exporter is a durin.Store whose rows another store's Importer can take.
// Clients and users are read by Store.Clients and UserStore.Users.
type Exporter interface {
	// ExportTokens returns at most limit tokens of the store's own users with
	// ID above after, by ID, expired ones among them.
	ExportTokens(ctx context.Context, after int64, limit int) ([]Token, error)
	// ExportLedger returns at most limit entries of the ledger behind the
	// one with that Source and Key, by Source and Key in byte order.
	ExportLedger(ctx context.Context, after Entry, limit int) ([]Entry, error)
}

// An Entry of the ledger tells that a row of another system was taken (see
// Importer).
type Entry struct {
	Source, Key string
	ID          int64 // of the row it became; below 1: of none
}
