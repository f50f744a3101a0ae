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
	// is in it is never touched again, whatever happened to it since. Whether
	// that was the very row, or one that had its key at another time, the
	// caller has to judge by the Result. With dry nothing is kept.
	//
	// Where a live token is one more than its client's policy allows its user,
	// the newest by IssuedAt, then ID, stay, as if every log-in had been
	// here; by PolicyReject those that are here do. Tokens that make room are
	// ended as by Store.End; one that finds none is OverMaximum.
	//
	// The id of a client or user that was deleted is not free.
	Import(ctx context.Context, rows []Row, now time.Time, dry bool) ([]Result, error)
}

// A Row is a row of another system; one of Client, User, Token and Known is set.
type Row struct {
	Source string // the kind of row, "django:durin.client"; at most 64 bytes
	Key    string // its key there; at most 128 bytes
	// Mark tells a client or user from others that have its key there at
	// another time. The ledger keeps it; at most 96 bytes.
	Mark string
	// Person, if set, tells a user wherever it comes from; at most 128 bytes. The
	// ledger enters it beside Key, as that of PersonSource, and knows a row that
	// it does not know by Key by Person. That of a row known by Key is entered,
	// too, if it has the same Mark.
	Person string
	Client *durin.Client
	User   *durin.User
	Token  *Token
	// Known only enters the row into the ledger: it was taken elsewhere, and
	// became the row with that ID here, or below 1 one that is gone.
	Known *int64
}

// PersonSource is the Source of the ledger's entries for Row.Person.
const PersonSource = "person:user"

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
	// Mark is what the ledger has kept of a KnownBefore row, "" if nothing.
	Mark string
	// Name and Created are what the client or user with that ID has at
	// present, where it is KnownBefore or TakenByOther. Name is "" if there
	// is none: it was deleted.
	Name    string
	Created time.Time
	// Ended are the tokens that made room for an Imported one, as digests and
	// as ids. The digests of tokens that renewals have replaced lately are
	// among the former.
	Ended    []durin.Digest
	EndedIDs []int64
}

// An Outcome is one of the ways a Row can go.
type Outcome int

const (
	Imported      Outcome = iota // written now
	KnownBefore                  // in the ledger: taken by an earlier import
	TakenByOther                 // the name or digest was there already; the row there stays as it is
	WithoutParent                // the user or client of the token is not there
	OverMaximum                  // the client's policy allows its user no more tokens; the ledger knows it from now on
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
	Mark        string
}
