package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/durin-go/durin"
	"golang.org/x/crypto/bcrypt"
)

const schema = `
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, staff INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0)`

// accounts are the shop's own. They are a durin.Authenticator and an
// admin.Directory.
type accounts struct {
	db    *sql.DB
	decoy []byte // a hash that no password has
}

func openAccounts(ctx context.Context, db *sql.DB) (*accounts, error) {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	decoy, err := bcrypt.GenerateFromPassword([]byte("no account has this hash"), bcrypt.DefaultCost)
	return &accounts{db, decoy}, err
}

func (a *accounts) add(ctx context.Context, id, email, password string, staff bool) error {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	_, err = a.db.ExecContext(ctx, "INSERT INTO account (id, email, hash, staff) VALUES (?, ?, ?, ?)", id, email, hash, staff)
	return err
}

// Authenticate checks a password; it takes as long for an address that nobody
// has.
func (a *accounts) Authenticate(ctx context.Context, email string, password durin.Secret) (durin.User, error) {
	id, hash, closed := "", a.decoy, false
	err := a.db.QueryRowContext(ctx, "SELECT id, hash, closed FROM account WHERE email = ?", email).Scan(&id, &hash, &closed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return durin.User{}, err
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password.Reveal())) != nil || id == "" || closed {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: id, Name: email}, nil
}

// User tells the admin pages who somebody is, and whether on the staff. They ask
// at each request.
func (a *accounts) User(ctx context.Context, id string) (durin.User, error) {
	u := durin.User{ID: id}
	err := a.db.QueryRowContext(ctx, "SELECT email, staff, NOT closed FROM account WHERE id = ?", id).Scan(&u.Name, &u.Admin, &u.Active)
	if errors.Is(err, sql.ErrNoRows) {
		err = durin.ErrNotFound
	}
	return u, err
}

// Search finds accounts for the admin pages' search fields.
func (a *accounts) Search(ctx context.Context, prefix string, limit int) ([]durin.User, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT id, email, staff, NOT closed FROM account WHERE email >= ? AND email < ? ORDER BY email LIMIT ?", prefix, prefix+"\U0010FFFF", limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []durin.User
	for rows.Next() {
		var u durin.User
		if err := rows.Scan(&u.ID, &u.Name, &u.Admin, &u.Active); err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	return found, rows.Err()
}

// email is what an account signs in with.
func (a *accounts) email(ctx context.Context, id string) (string, error) {
	u, err := a.User(ctx, id)
	return u.Name, err
}

// isOpen reports whether the account may use its tokens.
func (a *accounts) isOpen(ctx context.Context, id string) (bool, error) {
	u, err := a.User(ctx, id)
	if errors.Is(err, durin.ErrNotFound) {
		return false, nil
	}
	return u.Active, err
}

// setPassword is what the account pages call once the present password was right.
func (a *accounts) setPassword(ctx context.Context, u durin.User, password durin.Secret) error {
	if len(password) < 10 || len(password) > 72 {
		return &durin.FieldError{Field: "password", Message: "A password of this shop has 10 to 72 characters."}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password.Reveal()), bcrypt.DefaultCost)
	if err != nil {
		return err
	}
	_, err = a.db.ExecContext(ctx, "UPDATE account SET hash = ? WHERE id = ?", hash, u.ID)
	return err
}
