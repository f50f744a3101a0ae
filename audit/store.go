package audit

import (
	"context"
	"time"
)

// A Hash is what ties a row to the one before it.
type Hash [32]byte

// A Row is an Entry in a chain.
type Row struct {
	Chain string
	Seq   int64 // 1, 2, 3 … without a gap

	At               time.Time
	Action           Action
	Actor            Actor
	UserID, UserName string
	Client           string
	SessionID        int64
	Address          string
	Agent            string
	RequestID        string
	Details          string // a JSON object, or empty

	KeyID string // of the key that the Hash was made with; empty: none
	Hash  Hash   // over all of the above and the Hash before
}

// A Head is where a chain stands. Each of its two ends bears a MAC, so that it
// cannot be rolled back without the key.
type Head struct {
	Chain string
	// Seq and Hash are the last row's.
	Seq   int64
	Hash  Hash
	KeyID string
	MAC   Hash
	// FirstSeq and FirstHash are of the last row that was pruned; zero: none.
	FirstSeq   int64
	FirstHash  Hash
	FirstKeyID string
	FirstMAC   Hash
	// Anchored is when the chain last took note of the heads of others.
	Anchored time.Time
}

// A Filter selects rows; every field that is set must hold.
type Filter struct {
	UserID  string // of the user whom it was done to
	ActorID string // of who did it
	Action  Action
	Client  string
	Since   time.Time // not before
	Until   time.Time // before
}

// A Cursor is a place in a list of rows: behind that row. The zero Cursor is the
// beginning.
type Cursor struct {
	At    time.Time
	Chain string
	Seq   int64
}

// CursorOf is the place behind r.
func CursorOf(r Row) Cursor { return Cursor{r.At, r.Chain, r.Seq} }

// A Store keeps chains, by the contract of durin.Store: each method is one atomic
// unit of work that retries by itself what its engine asks to retry.
type Store interface {
	// AppendAudit adds to the chain of that name, which is made when it is
	// absent. It calls extend with the chain's Head, which nobody else can
	// move meanwhile, and writes the rows and the Head that extend returns,
	// all or nothing. extend may be called more than once; its error ends the
	// method and is returned.
	AppendAudit(ctx context.Context, chain string, extend func(Head) ([]Row, Head, error)) error

	// AuditHeads returns the heads of all chains, by name.
	AuditHeads(ctx context.Context) ([]Head, error)

	// AuditRows returns at most limit rows of the chain with Seq above after,
	// by Seq.
	AuditRows(ctx context.Context, chain string, after int64, limit int) ([]Row, error)

	// FindAudit returns at most limit rows of f behind the cursor, the newest
	// first. No answer takes longer because there is much in the store that
	// was not asked for.
	FindAudit(ctx context.Context, f Filter, after Cursor, limit int) ([]Row, error)

	// AuditStrays returns at most limit rows that are in no chain, the first
	// one of each place where there are some, with a Chain that says where.
	// AppendAudit makes none; FindAudit leaves them out.
	AuditStrays(ctx context.Context, limit int) ([]Row, error)

	// PruneAudit deletes at most limit rows from the beginning of the chain,
	// up to the first that is not before the given instant, or that one is
	// missing before. It calls seal
	// with a Head whose FirstSeq and FirstHash are of the last row that goes,
	// and writes the Head that seal returns. It returns how many rows went.
	PruneAudit(ctx context.Context, chain string, before time.Time, limit int, seal func(Head) (Head, error)) (int, error)
}
