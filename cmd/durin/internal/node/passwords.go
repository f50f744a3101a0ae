package node

import (
	"errors"
	"fmt"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/password"
)

// CheckPassword tells whether pw may become a user's password: by password.Check, and
// by the list that the settings name. A list that cannot be read lets none through.
func CheckPassword(c *config.Config, pw durin.Secret, user string) error {
	if err := password.Check(pw, user); err != nil || c.PasswordDenylist == "" {
		return err
	}
	list, err := openDenylist(c)
	if err != nil {
		return errors.Join(durin.ErrUnavailable, err)
	}
	defer func() { _ = list.Close() }()
	err = list.Check(pw)
	if field := (*durin.FieldError)(nil); err != nil && !errors.As(err, &field) {
		err = errors.Join(durin.ErrUnavailable, err)
	}
	return err
}

func openDenylist(c *config.Config) (*password.Denylist, error) {
	list, err := password.OpenDenylist(c.PasswordDenylist)
	if err != nil {
		return nil, fmt.Errorf("password-denylist: %w", err)
	}
	return list, nil
}

// checkDenylist has a server tell at its start of a list that it could not use.
func checkDenylist(c *config.Config) error {
	if c.PasswordDenylist == "" {
		return nil
	}
	list, err := openDenylist(c)
	if err != nil {
		return err
	}
	return list.Close()
}
