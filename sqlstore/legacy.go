package sqlstore

import (
	"context"
	"fmt"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

// AdoptLegacy implements transfer.LegacyStore. One statement changes the row, and
// waits for whoever has it locked: who has listed its digest to end it ends it.
func (s *Store) AdoptLegacy(ctx context.Context, legacy []transfer.LegacyDigest, d durin.Digest) (adopted bool, err error) {
	if len(legacy) == 0 {
		return false, ctx.Err()
	}
	args := []any{d[:]}
	for i := range legacy {
		args = append(args, legacy[i][:])
	}
	known := "legacy IN " + list(len(legacy))
	there := false // strangers' tokens must not make the database write
	err = s.read(ctx, "looking for an imported token", func(ctx context.Context, t session) (err error) {
		there, err = t.has(ctx, "SELECT 1 FROM durin_token WHERE "+known, args[1:]...)
		return err
	})
	if err != nil || !there {
		return false, err
	}
	err = s.insert(ctx, "adopting an imported token", func(ctx context.Context, t session) error {
		adopted = false
		result, err := t.on.ExecContext(ctx, t.bind("UPDATE durin_token SET digest = ?, legacy = NULL WHERE "+known), args...)
		if err != nil {
			return asInsert(err)
		}
		n, err := result.RowsAffected()
		adopted = n > 0
		return err
	}, tokenTaken, d[:])
	return adopted && err == nil, err
}

// LegacyLeft implements transfer.LegacyStore.
func (s *Store) LegacyLeft(ctx context.Context) (left bool, err error) {
	err = s.read(ctx, "looking for imported tokens", func(ctx context.Context, t session) (err error) {
		left, err = t.has(ctx, "SELECT 1 FROM durin_token WHERE legacy >= ? LIMIT 1", []byte{})
		return err
	})
	return left, err
}

// A legacyColumn scans a legacy digest, or NULL, into what it points to.
type legacyColumn struct{ l **transfer.LegacyDigest }

// Scan implements sql.Scanner.
func (c legacyColumn) Scan(value any) error {
	*c.l = nil
	switch x := value.(type) {
	case nil:
		return nil
	case []byte:
		if len(x) == len(transfer.LegacyDigest{}) {
			l := transfer.LegacyDigest(x)
			*c.l = &l
			return nil
		}
	}
	return fmt.Errorf("sqlstore: a legacy digest in the database has not %d bytes", len(transfer.LegacyDigest{}))
}
