package durin

import "context"

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
