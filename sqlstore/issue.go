package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

const (
	tokenFields = "digest, user_id, owner, client_id, created, issued_at, expires, last_used, name, address, agent, seal, imported, ceiling"
	slotFields  = "user_id, client_id, touched"
	slotTokens  = "SELECT id, digest, issued_at, expires, ceiling, CASE WHEN seal IS NULL THEN 0 ELSE 1 END FROM durin_token WHERE user_id = ? AND client_id = ? ORDER BY id"
	tokenTaken  = "SELECT 1 FROM durin_token WHERE digest = ?"
)

// Issue implements durin.Store. It locks, in the order in which all methods do:
// the user, the client, the slot of both, and the tokens in it. The first two
// are only kept from being changed or deleted, so that logins wait for those of
// the same user and client alone.
func (s *Store) Issue(ctx context.Context, n durin.NewToken) (issued durin.IssuedToken, err error) {
	if err := tokenrule.CheckUser(n.UserID, n.Owned); err != nil {
		return durin.IssuedToken{}, err
	}
	err = s.insert(ctx, "issuing a token", func(ctx context.Context, t session) error {
		issued, err = t.issue(ctx, n)
		return err
	}, tokenTaken, n.Digest[:])
	if err != nil {
		return durin.IssuedToken{}, err
	}
	return issued, nil
}

func (t session) issue(ctx context.Context, n durin.NewToken) (durin.IssuedToken, error) {
	var none durin.IssuedToken
	owner, err := t.owner(ctx, n)
	if err != nil {
		return none, err
	}
	if !tokenrule.IsText(n.Client) {
		return none, durin.ErrUnknownClient
	}
	client, err := t.client(ctx, clientNamed+t.forShare, n.Client)
	if errors.Is(err, durin.ErrNotFound) {
		return none, fmt.Errorf("client %q: %w", n.Client, durin.ErrUnknownClient)
	}
	if err != nil {
		return none, err
	}
	rows, err := t.lockSlot(ctx, n, client.ID)
	if err != nil {
		return none, err
	}
	d, err := tokenrule.Decide(client, n, rows)
	if err != nil {
		return none, err
	}
	n.Seal = tokenrule.Seal(client, n)
	return t.carryOut(ctx, n, d, owner, client.ID)
}

// owner finds the store's own user of n, keeps it from being changed, and notes
// the log-in. It is nil for other users.
func (t session) owner(ctx context.Context, n durin.NewToken) (any, error) {
	if !n.Owned {
		return nil, nil
	}
	id, _ := tokenrule.ParseUserID(n.UserID)
	login := n.SignIn || n.PasswordHash != ""
	lock := t.forShare
	if login {
		lock = t.forUpdate
	}
	var hash string
	err := t.row(ctx, "SELECT password FROM durin_user WHERE id = ? AND active = 1"+lock, id).Scan(&hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("user %d: %w", id, durin.ErrInactive)
	case err != nil:
		return nil, err
	case n.PasswordHash != "" && n.PasswordHash != hash:
		return nil, fmt.Errorf("user %d: %w", id, durin.ErrPasswordChanged)
	}
	if login {
		err = t.exec(ctx, "UPDATE durin_user SET last_login = ? WHERE id = ?", instantOrNull(tokenrule.Instant(n.Now)), id)
	}
	return id, err
}

// lockSlot makes sure that nobody else issues a token for the user and client
// until the transaction ends, and returns the tokens that are there, locked.
func (t session) lockSlot(ctx context.Context, n durin.NewToken, clientID int64) ([]tokenrule.Row, error) {
	at := tokenrule.Instant(n.Now).UnixMicro()
	if err := t.touchSlot(ctx, n.UserID, clientID, at); err != nil {
		return nil, err
	}
	var all []tokenrule.Row
	err := t.each(ctx, func(rows *sql.Rows) error {
		var r tokenrule.Row
		var issued, expires, ceiling, sealed number
		err := rows.Scan(&r.ID, digestColumn{&r.Digest}, &issued, &expires, &ceiling, &sealed)
		r.IssuedAt, r.Ceiling, r.HasSeal = issued.instant(), ceiling.instant(), sealed.n != 0
		r.ExpiresAt = durin.Earliest(expires.instant(), r.Ceiling)
		all = append(all, r)
		return err
	}, slotTokens+t.forUpdate, n.UserID, clientID)
	return all, err
}

func (t session) carryOut(ctx context.Context, n durin.NewToken, d tokenrule.Decision, owner any, clientID int64) (durin.IssuedToken, error) {
	issued := durin.IssuedToken{Reused: d.Reused, Renewed: d.Renewed}
	for _, r := range d.End {
		issued.Ended = append(issued.Ended, r.Digest)
	}
	var err error
	if issued.Ended, err = t.endTokens(ctx, issued.Ended, n.Now); err != nil {
		return issued, err
	}
	digest := n.Digest
	switch {
	case !d.Reused:
		now, device := tokenrule.Instant(n.Now), tokenrule.Device(n.Device)
		err = asInsert(t.exec(ctx, insertInto("durin_token", tokenFields), n.Digest[:], n.UserID, owner, clientID, now.UnixMicro(), now.UnixMicro(),
			instantOrNull(d.ExpiresAt), nil, device.Name, device.Address, device.Agent, bytesOrNull(n.Seal), nil, instantOrNull(d.Ceiling)))
	case d.Renewed:
		old := durin.Session{ID: d.Row.ID, Digest: d.Row.Digest, ExpiresAt: d.Row.ExpiresAt}
		if err = t.setExpiry(ctx, old, d.ExpiresAt, n.Now); err == nil && d.Ceiling != d.Row.Ceiling {
			err = t.exec(ctx, "UPDATE durin_token SET ceiling = ? WHERE id = ?", instantOrNull(d.Ceiling), d.Row.ID)
		}
	}
	if err != nil {
		return issued, err
	}
	if d.Reused {
		digest = d.Row.Digest
		if err := t.row(ctx, "SELECT seal FROM durin_token WHERE id = ?", d.Row.ID).Scan(&issued.Seal); err != nil {
			return issued, err
		}
	}
	issued.Session, err = t.sessionBy(ctx, " WHERE t.digest = ?", digest[:])
	return issued, err
}
