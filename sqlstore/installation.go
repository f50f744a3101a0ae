package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"time"
)

const installationText = "SELECT name FROM durin_installation WHERE one = 1"

// Installation is a random name of what this database belongs to: 16 lower-case
// letters and digits. All nodes on the database have the same, which is made at the
// first question; of several who ask at once all get one. Begin with it what
// installations could share by accident: keys of Redis, names of channels.
func (s *Store) Installation(ctx context.Context, now time.Time) (name string, err error) {
	name, err = s.FindInstallation(ctx)
	if err != nil || name != "" {
		return name, err
	}
	fresh := strings.ToLower(rand.Text()[:16])
	err = s.write(ctx, "naming the installation", func(ctx context.Context, t session) error {
		if err := t.exec(ctx, insertInto("durin_installation", "one, name, made")+t.upsert("one")+"one = ?", 1, fresh, now.UnixMicro(), 1); err != nil {
			return err
		}
		return t.row(ctx, installationText).Scan(&name)
	})
	return name, err
}

// FindInstallation is Installation without making a name: it is empty where there is
// none yet.
func (s *Store) FindInstallation(ctx context.Context) (name string, err error) {
	err = s.read(ctx, "reading the installation's name", func(ctx context.Context, t session) error {
		name = ""
		err := t.row(ctx, installationText).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return err
	})
	return name, err
}

// ForgetInstallation takes the name away: a copy of a database is to be an
// installation of its own.
func (s *Store) ForgetInstallation(ctx context.Context) error {
	return s.write(ctx, "forgetting the installation's name", func(ctx context.Context, t session) error {
		return t.exec(ctx, "DELETE FROM durin_installation")
	})
}
