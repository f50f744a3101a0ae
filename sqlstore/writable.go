package sqlstore

import (
	"context"
	"time"

	"github.com/durin-go/durin/internal/tokenrule"
)

// Writable commits a change of a row that means nothing, and so tells whether the
// database takes changes: Ping cannot see a full disk, or a file or server that may
// only be read.
func (s *Store) Writable(ctx context.Context, now time.Time) error {
	at := tokenrule.Instant(now).UnixMicro()
	return s.write(ctx, "making a change", func(ctx context.Context, t session) error {
		return t.touchSlot(ctx, "", 0, at)
	})
}

// touchSlot makes the slot, or takes it, until the transaction ends.
func (t session) touchSlot(ctx context.Context, userID string, clientID, at int64) error {
	return t.exec(ctx, insertInto("durin_slot", slotFields)+t.upsert("user_id, client_id")+"touched = ?", userID, clientID, at, at)
}
