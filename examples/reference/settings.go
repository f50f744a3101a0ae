package main

import (
	"context"
	"database/sql"
	"errors"
)

// clientSettings extends clients by a table of the application's own, one row to
// one client, as ClientSettings does in django-rest-durin's example project. The
// rows go with their client where the connection has foreign_keys on.
type clientSettings struct{ db *sql.DB }

const settingsTable = `CREATE TABLE IF NOT EXISTS client_settings (
	client_id   INTEGER PRIMARY KEY REFERENCES durin_client (id) ON DELETE CASCADE,
	description TEXT NOT NULL)`

// migrate makes the table. Durin's own must be there.
func (s clientSettings) migrate(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, settingsTable)
	return err
}

func (s clientSettings) set(ctx context.Context, clientID int64, description string) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO client_settings (client_id, description) VALUES (?, ?)
		ON CONFLICT (client_id) DO UPDATE SET description = excluded.description`, clientID, description)
	return err
}

// description returns "" for a client that has none.
func (s clientSettings) description(ctx context.Context, clientID int64) (text string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT description FROM client_settings WHERE client_id = ?", clientID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return text, err
}
