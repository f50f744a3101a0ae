package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/keyring"
)

// keyFileName is the key file's, beside the database.
const keyFileName = "durin.key"

// KeyFile is the path of the key file by the settings, absolute where that can
// be told.
func KeyFile(c *config.Config) string {
	if c.KeyFile != "" {
		return c.KeyFile
	}
	if t, err := database.Parse(c.DB); err == nil && t.IsFile() {
		return filepath.Join(filepath.Dir(t.Path), keyFileName)
	}
	return keyFileName
}

// ReadKeys reads the keys from the setting or the key file; fs.ErrNotExist,
// wrapped, if there are none.
func ReadKeys(c *config.Config) (*keyring.Ring, error) {
	if c.Key == "" {
		return keyring.ReadFile(KeyFile(c))
	}
	ring, err := keyring.Parse(c.Key.Reveal())
	if err != nil {
		return nil, fmt.Errorf("the variable DURIN_KEY: %w", err)
	}
	return ring, nil
}

// openKeys reads the keys. Where there are none it makes them, but never beside
// seals that other keys have made: whoever mislaid the file would not notice.
func (n *Node) openKeys(ctx context.Context, o Options) error {
	ring, err := ReadKeys(o.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return n.makeKeys(ctx, o)
	}
	if err != nil {
		return err
	}
	n.Keys = ring
	unknown, err := UnknownSeals(ctx, n.Store, ring, glance)
	if err == nil && unknown > 0 {
		o.Log.Warn("tokens are sealed with keys that are not here: their owners get new ones at the next login; durin doctor tells more", "key_file", KeyFile(o.Config))
	}
	return err
}

func (n *Node) makeKeys(ctx context.Context, o Options) error {
	path := KeyFile(o.Config)
	sealed, err := n.Store.Seals(ctx, 0, 1)
	if err != nil {
		return err
	}
	if len(sealed) > 0 {
		o.Log.Warn("THE KEY FILE IS MISSING, and there are tokens sealed with its keys. Until it is back, a login ends the user's token of that client and issues a new one. "+
			"Put the file back and start again, or run durin keyring rotate for a new one", "key_file", path)
		return nil
	}
	if o.Purpose == Look {
		return nil
	}
	ring, made, err := keyring.MakeFile(path, time.Now())
	if err != nil {
		return err
	}
	n.Keys, n.madeKeys = ring, made
	if made && o.Say != nil {
		o.Say(fmt.Sprintf("Made the key file %s. Keep it: without it no token can be shown a second time.", path))
		if !n.Database.Target.IsFile() {
			o.Say("Other nodes on this database need the same key file: copy it to them, or give its text in DURIN_KEY.")
		}
	}
	return nil
}

// glance is how many seals are looked at where it has to be quick.
const glance = 100

// UnknownSeals counts the seals, of the first limit, that no key of ring made.
func UnknownSeals(ctx context.Context, store durin.Store, ring *keyring.Ring, limit int) (int, error) {
	unknown := 0
	for after := int64(0); limit > 0; {
		page, err := store.Seals(ctx, after, min(limit, sealPage))
		if err != nil || len(page) == 0 {
			return unknown, err
		}
		for _, s := range page {
			if ring == nil {
				unknown++
			} else if _, ok := ring.SealedWith(s.Seal); !ok {
				unknown++
			}
		}
		after, limit = page[len(page)-1].ID, limit-len(page)
	}
	return unknown, nil
}

const sealPage = 500
