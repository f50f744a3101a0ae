package sqlstore

import (
	"context"
	"database/sql"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

const exportText = "SELECT t.id, t.digest, t.legacy, t.seal, t.user_id, c.name, t.created, t.issued_at, t.expires, t.ceiling, t.last_used, t.name, t.address, t.agent" +
	" FROM durin_token t JOIN durin_client c ON c.id = t.client_id WHERE t.id > ? AND t.owner IS NOT NULL ORDER BY t.id LIMIT ?"

// ExportTokens implements transfer.Exporter.
func (s *Store) ExportTokens(ctx context.Context, after int64, limit int) (some []transfer.Token, err error) {
	err = s.readMuch(ctx, "exporting tokens", func(ctx context.Context, t session) error {
		some = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var k transfer.Token
			var created, issued, expires, ceiling, used number
			err := rows.Scan(&k.ID, digestColumn{&k.Digest}, legacyColumn{&k.Legacy}, &k.Seal, &k.UserID, &k.Client,
				&created, &issued, &expires, &ceiling, &used, &k.Device.Name, &k.Device.Address, &k.Device.Agent)
			k.Created, k.IssuedAt, k.Ceiling, k.LastUsed = created.instant(), issued.instant(), ceiling.instant(), used.instant()
			k.ExpiresAt = durin.Earliest(expires.instant(), k.Ceiling)
			some = append(some, k)
			return err
		}, exportText, after, int64(tokenrule.Limit(limit)))
	})
	return some, err
}

// ExportLedger implements transfer.Exporter: what is left of the source, and what
// comes after it, so that each is a range of the index.
func (s *Store) ExportLedger(ctx context.Context, after transfer.Entry, limit int) (some []transfer.Entry, err error) {
	limit = tokenrule.Limit(limit)
	const columns = "SELECT source, source_key, target, mark FROM durin_import WHERE "
	err = s.readMuch(ctx, "exporting the ledger", func(ctx context.Context, t session) error {
		some = nil
		scan := func(rows *sql.Rows) error {
			var e transfer.Entry
			err := rows.Scan(&e.Source, &e.Key, &e.ID, &e.Mark)
			some = append(some, e)
			return err
		}
		err := t.each(ctx, scan, columns+"source = ? AND source_key > ? ORDER BY source_key LIMIT ?", after.Source, after.Key, int64(limit))
		if err != nil || len(some) == limit {
			return err
		}
		return t.each(ctx, scan, columns+"source > ? ORDER BY source, source_key LIMIT ?", after.Source, int64(limit-len(some)))
	})
	return some, err
}
