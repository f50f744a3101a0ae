// Package nodes is how the nodes of one application, each a process with a
// durin.Guard, hear of the tokens that others have ended: reliably by an Outbox
// in the database that they share, sooner by an Invalidator.
package nodes

import (
	"context"
	"crypto/sha256"
	"time"
)

// An Outbox is a durin.Store that several processes share. What it ends is written
// to a table in the same transaction, numbered in the order of writing (not of
// commit: a number may appear after a higher one). Every Guard polls it.
type Outbox interface {
	// Endings returns at most limit endings with Seq above after, by Seq.
	Endings(ctx context.Context, after int64, limit int) ([]Ending, error)
	// LastEnding returns the highest Seq that is in the table, or was.
	LastEnding(ctx context.Context) (int64, error)
}

// An Ending tells nodes what to forget: one token, all of a client, or, with
// neither, everything.
type Ending struct {
	Seq      int64
	At       time.Time
	Digest   [sha256.Size]byte // of the token
	ClientID int64
	// Gone says that the token has ended, or the client was deleted, for
	// good; else it is to be read anew.
	Gone bool
}

// An Invalidator carries endings to other nodes faster than they poll the
// Outbox. It may lose and repeat messages: the Outbox is what is relied on, and
// where the Store has none, Listen must report each gap.
type Invalidator interface {
	// Announce tells the other nodes. It is called after the endings are
	// committed and forgotten here; the first of its errors in a row is
	// logged.
	Announce(ctx context.Context, endings []Ending) error
	// Listen calls heard with what other nodes announce, until ctx ends; it
	// reconnects by itself. It calls heard(nil) whenever something may have
	// been missed: at the start, and after each loss of the connection.
	Listen(ctx context.Context, heard func([]Ending)) error
}
