package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

const (
	userFields   = "name, password, active, admin, created, last_login"
	userColumns  = "id, " + userFields
	userNamed    = "SELECT " + userColumns + " FROM durin_user WHERE name = ?"
	userNumbered = "SELECT " + userColumns + " FROM durin_user WHERE id = ?"
	userTaken    = "SELECT 1 FROM durin_user WHERE name = ? OR id = ?"
	userRenamed  = "SELECT 1 FROM durin_user WHERE name = ? AND id <> ?"
)

func userValues(u durin.User) []any {
	return []any{u.Name, u.Password, flag(u.Active), flag(u.Admin), u.Created.UnixMicro(), instantOrNull(u.LastLogin)}
}

func scanUser(row interface{ Scan(...any) error }) (durin.User, error) {
	var u durin.User
	var id, active, admin, created, lastLogin number
	if err := row.Scan(&id, &u.Name, &u.Password, &active, &admin, &created, &lastLogin); err != nil {
		return durin.User{}, err
	}
	u.ID = strconv.FormatInt(id.n, 10)
	u.Active, u.Admin = active.n != 0, admin.n != 0
	u.Created, u.LastLogin = created.instant(), lastLogin.instant()
	return u, nil
}

var errNoUser = fmt.Errorf("user: %w", durin.ErrNotFound)

// user is the one row of query.
func (t session) user(ctx context.Context, query string, arg any) (durin.User, error) {
	u, err := scanUser(t.row(ctx, query, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return durin.User{}, errNoUser
	}
	return u, err
}

// CreateUser implements durin.UserStore.
func (s *Store) CreateUser(ctx context.Context, u durin.User) (durin.User, error) {
	u, err := tokenrule.User(u)
	if err != nil {
		return durin.User{}, err
	}
	id, _ := tokenrule.ParseUserID(u.ID)
	var created durin.User
	err = s.insert(ctx, "creating a user", func(ctx context.Context, t session) (err error) {
		if created, err = t.createUser(ctx, u); err == nil && u.ID != "" {
			err = t.advanceIDs(ctx, "durin_user")
		}
		return err
	}, userTaken, u.Name, id)
	return created, err
}

// createUser inserts u. If it has an id of its own, ids must be advanced before
// the next one without.
func (t session) createUser(ctx context.Context, u durin.User) (durin.User, error) {
	fields, values := userFields, userValues(u)
	if id, numbered := tokenrule.ParseUserID(u.ID); numbered {
		fields, values = fields+", id", append(values, id)
	}
	if err := t.exec(ctx, insertInto("durin_user", fields), values...); err != nil {
		return durin.User{}, asInsert(err)
	}
	return t.user(ctx, userNamed, u.Name)
}

// UserByName implements durin.UserStore.
func (s *Store) UserByName(ctx context.Context, name string) (u durin.User, err error) {
	if !tokenrule.IsText(name) {
		return durin.User{}, fmt.Errorf("sqlstore: %w", errNoUser)
	}
	return s.userBy(ctx, userNamed, name)
}

// UserByID implements durin.UserStore.
func (s *Store) UserByID(ctx context.Context, id string) (u durin.User, err error) {
	n, ok := tokenrule.ParseUserID(id)
	if !ok {
		return durin.User{}, fmt.Errorf("sqlstore: %w", errNoUser)
	}
	return s.userBy(ctx, userNumbered, n)
}

func (s *Store) userBy(ctx context.Context, query string, arg any) (u durin.User, err error) {
	err = s.read(ctx, "reading a user", func(ctx context.Context, t session) error {
		u, err = t.user(ctx, query, arg)
		return err
	})
	return u, err
}

// Users implements durin.UserStore.
func (s *Store) Users(ctx context.Context, after string, limit int) (some []durin.User, err error) {
	err = s.read(ctx, "reading users", func(ctx context.Context, t session) error {
		some = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			u, err := scanUser(rows)
			some = append(some, u)
			return err
		}, "SELECT "+userColumns+" FROM durin_user WHERE name > ? ORDER BY name LIMIT ?", after, int64(tokenrule.Limit(limit)))
	})
	return some, err
}

// UpdateUser implements durin.UserStore. Change runs on no transaction: when the
// user was changed meanwhile, all is done again.
func (s *Store) UpdateUser(ctx context.Context, id string, now time.Time, change func(*durin.User) error) (durin.User, []durin.Digest, error) {
	for {
		old, err := s.UserByID(ctx, id)
		if err != nil {
			return durin.User{}, nil, err
		}
		changed := old
		if err := change(&changed); err != nil {
			return durin.User{}, nil, err
		}
		changed.ID, changed.Created = old.ID, old.Created
		if changed, err = tokenrule.User(changed); err != nil {
			return durin.User{}, nil, err
		}
		n, _ := tokenrule.ParseUserID(id)
		var concerned []durin.Digest
		err = s.insert(ctx, "changing a user", func(ctx context.Context, t session) (err error) {
			concerned, err = t.replaceUser(ctx, old, changed, now)
			return err
		}, userRenamed, changed.Name, n)
		if errors.Is(err, errChanged) {
			continue
		}
		if err != nil {
			return durin.User{}, nil, err
		}
		return changed, concerned, nil
	}
}

func (t session) replaceUser(ctx context.Context, old, changed durin.User, now time.Time) ([]durin.Digest, error) {
	id, _ := tokenrule.ParseUserID(old.ID)
	present, err := t.user(ctx, userNumbered+t.forUpdate, id)
	if err != nil {
		return nil, err
	}
	// Log-ins do not stand in the way of a change: who goes on logging in would
	// keep a password from being changed.
	if changed.LastLogin == old.LastLogin {
		changed.LastLogin = present.LastLogin
	}
	if old.LastLogin = present.LastLogin; present != old {
		return nil, errChanged
	}
	set := updateSet("durin_user", userFields)
	if changed.Name != old.Name {
		set += ", folded = NULL"
	}
	if err := t.exec(ctx, set+" WHERE id = ?", append(userValues(changed), id)...); err != nil {
		return nil, asInsert(err)
	}
	return t.markUser(ctx, old.ID, now)
}

// SetPassword implements durin.UserStore.
func (s *Store) SetPassword(ctx context.Context, id, old, new string) (set bool, err error) {
	if _, err := tokenrule.User(durin.User{Name: "u", Password: new}); err != nil {
		return false, err
	}
	n, ok := tokenrule.ParseUserID(id)
	if !ok {
		return false, fmt.Errorf("sqlstore: %w", errNoUser)
	}
	err = s.write(ctx, "setting a password", func(ctx context.Context, t session) error {
		u, err := t.user(ctx, userNumbered+t.forUpdate, n)
		if set = err == nil && u.Password == old; !set {
			return err
		}
		return t.exec(ctx, "UPDATE durin_user SET password = ? WHERE id = ?", new, n)
	})
	return set && err == nil, err
}

// DeleteUser implements durin.UserStore.
func (s *Store) DeleteUser(ctx context.Context, id string, now time.Time) (deleted durin.User, ended []durin.Digest, err error) {
	n, ok := tokenrule.ParseUserID(id)
	if !ok {
		return durin.User{}, nil, fmt.Errorf("sqlstore: %w", errNoUser)
	}
	err = s.writeMuch(ctx, "deleting a user", func(ctx context.Context, t session) error {
		if deleted, err = t.user(ctx, userNumbered+t.forUpdate, n); err != nil {
			return err
		}
		if ended, err = t.endWhere(ctx, " WHERE user_id = ?", now, id); err != nil {
			return err
		}
		if err := t.exec(ctx, "DELETE FROM durin_user WHERE id = ?", n); err != nil {
			return err
		}
		return t.noteGone(ctx, goneUser, n, now)
	})
	if err != nil {
		return durin.User{}, nil, err
	}
	return deleted, ended, nil
}
