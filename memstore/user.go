package memstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

// CreateUser implements durin.UserStore.
func (s *Store) CreateUser(ctx context.Context, u durin.User) (created durin.User, err error) {
	err = s.view(ctx, func(st *state) error {
		created, err = st.createUser(u)
		return err
	})
	return created, err
}

func (st *state) createUser(u durin.User) (durin.User, error) {
	u, err := tokenrule.User(u)
	if err != nil {
		return durin.User{}, err
	}
	id, _ := tokenrule.ParseUserID(u.ID)
	_, named := st.userIDs[u.Name]
	_, numbered := st.users[id]
	if named || numbered {
		return durin.User{}, fmt.Errorf("memstore: user %q: %w", u.Name, durin.ErrExists)
	}
	if id == 0 {
		if id, err = tokenrule.NextID(st.lastUser); err != nil {
			return durin.User{}, err
		}
		u.ID = strconv.FormatInt(id, 10)
	}
	st.lastUser = max(st.lastUser, id)
	st.users[id] = u
	st.userIDs[u.Name] = id
	return u, nil
}

// UserByName implements durin.UserStore.
func (s *Store) UserByName(ctx context.Context, name string) (u durin.User, err error) {
	err = s.view(ctx, func(st *state) error {
		id, ok := st.userIDs[name]
		if !ok {
			return errNoUser()
		}
		u = st.users[id]
		return nil
	})
	return u, err
}

// UsersByFold implements durin.UserStore. It looks at every user.
func (s *Store) UsersByFold(ctx context.Context, name string, limit int) (some []durin.User, err error) {
	folded := durin.FoldName(name)
	err = s.view(ctx, func(st *state) error {
		some = nil
		for _, u := range st.users {
			if len(some) < tokenrule.Limit(limit) && durin.FoldName(u.Name) == folded {
				some = append(some, u)
			}
		}
		return nil
	})
	return some, err
}

// UserByID implements durin.UserStore.
func (s *Store) UserByID(ctx context.Context, id string) (u durin.User, err error) {
	err = s.view(ctx, func(st *state) error {
		u, err = st.userByID(id)
		return err
	})
	return u, err
}

func (st *state) userByID(id string) (durin.User, error) {
	u, ok := st.user(id)
	if !ok {
		return durin.User{}, errNoUser()
	}
	return u, nil
}

func errNoUser() error { return fmt.Errorf("memstore: user: %w", durin.ErrNotFound) }

// Users implements durin.UserStore.
func (s *Store) Users(ctx context.Context, after string, limit int) (some []durin.User, err error) {
	err = s.view(ctx, func(st *state) error {
		some = slices.SortedFunc(maps.Values(st.users), func(a, b durin.User) int {
			return cmp.Compare(a.Name, b.Name)
		})
		some = slices.DeleteFunc(some, func(u durin.User) bool { return u.Name <= after })
		some = some[:min(len(some), tokenrule.Limit(limit))]
		return nil
	})
	return some, err
}

// UpdateUser implements durin.UserStore.
func (s *Store) UpdateUser(ctx context.Context, id string, now time.Time, change func(*durin.User) error) (durin.User, []durin.Digest, error) {
	var written durin.User
	var concerned []durin.Digest
	read := func(st *state) (durin.User, error) { return st.userByID(id) }
	err := update(ctx, s, read, change, func(st *state, old, u durin.User) error {
		u.ID, u.Created = old.ID, old.Created
		u, err := tokenrule.User(u)
		if err != nil {
			return err
		}
		n, _ := tokenrule.ParseUserID(id)
		if other, taken := st.userIDs[u.Name]; taken && other != n {
			return fmt.Errorf("memstore: user %q: %w", u.Name, durin.ErrExists)
		}
		delete(st.userIDs, old.Name)
		st.userIDs[u.Name] = n
		st.users[n] = u
		written, concerned = u, st.digestsOf(id, tokenrule.Instant(now))
		return nil
	})
	return written, concerned, err
}

// SetPassword implements durin.UserStore.
func (s *Store) SetPassword(ctx context.Context, id, old, new string) (set bool, err error) {
	err = s.view(ctx, func(st *state) error {
		u, err := st.userByID(id)
		if err != nil || u.Password != old {
			return err
		}
		u.Password = new
		if u, err = tokenrule.User(u); err != nil {
			return err
		}
		n, _ := tokenrule.ParseUserID(id)
		st.users[n] = u
		set = true
		return nil
	})
	return set, err
}

// DeleteUser implements durin.UserStore.
func (s *Store) DeleteUser(ctx context.Context, id string, now time.Time) (durin.User, []durin.Digest, error) {
	var deleted durin.User
	var ended []durin.Digest
	err := s.view(ctx, func(st *state) (err error) {
		if deleted, err = st.userByID(id); err != nil {
			return err
		}
		ended = st.end(st.matching(func(t token) bool { return t.userID == id }), tokenrule.Instant(now))
		n, _ := tokenrule.ParseUserID(id)
		delete(st.users, n)
		delete(st.userIDs, deleted.Name)
		st.goneUsers[n] = true
		return nil
	})
	return deleted, ended, err
}
