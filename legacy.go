package durin

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"
)

// legacyStore is a Store that is a transfer.LegacyStore, too: see there.
type legacyStore interface {
	AdoptLegacy(ctx context.Context, legacy [][sha512.Size]byte, d Digest) (bool, error)
	LegacyLeft(ctx context.Context) (bool, error)
}

// legacyTokens knows whether checks have to look for a SHA-512.
type legacyTokens struct {
	store legacyStore // nil: the Store keeps none
	left  atomic.Bool
}

// legacyEvery is how often the store is asked: tokens that are imported while a
// Guard runs are known to it after that long.
const legacyEvery = 2 * time.Second

// lookLegacy asks the store whether there are tokens with a SHA-512.
func (g *Guard) lookLegacy(ctx context.Context) error {
	left, err := g.legacy.store.LegacyLeft(ctx)
	if err == nil {
		g.legacy.left.Store(left)
	}
	return unavailable(err)
}

// adopt looks for a token by its SHA-512, once Lookup has not found d. It
// is adopted before it is used, so that caches and endings know it by d alone.
// Another node may have been faster, so d is looked up again in any case.
func (g *Guard) adopt(ctx context.Context, d Digest, token string) (Session, error) {
	if _, err := g.legacy.store.AdoptLegacy(ctx, legacyDigests(token), d); err != nil && !errors.Is(err, ErrExists) {
		return Session{}, err
	}
	return g.store.Lookup(ctx, d)
}

// legacyDigests are those that token can be known by.
func legacyDigests(token string) [][sha512.Size]byte {
	all := [][sha512.Size]byte{sha512.Sum512([]byte(token))}
	if raw, err := hex.DecodeString(token); err == nil {
		all = append(all, sha512.Sum512(raw))
	}
	return all
}
