package durin

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"
)

// A LegacyDigest is the SHA-512 of a token of another system, as
// django-rest-knox keeps it: versions from 5 on hash the token's text, version
// 4.2 the bytes that its hexadecimal digits stand for.
type LegacyDigest [sha512.Size]byte

// Placeholder is what stands in the place of the SHA-256 of a token that only l
// is known of. It is no token's: it is made of text with a byte that no token
// has.
func (l LegacyDigest) Placeholder() Digest {
	return sha256.Sum256(append([]byte("durin legacy\x00"), l[:]...))
}

// A LegacyStore is a Store that keeps tokens of which only a LegacyDigest is
// known, until their first use. It keeps a Store's contract.
type LegacyStore interface {
	// AdoptLegacy makes d the digest of the token that is known by one of
	// legacy, and forgets the LegacyDigest. It reports whether there was such
	// a token; where there is none nothing is written. A token that is ended
	// at the same time stays ended, and the digest that its ending tells is
	// the one it had.
	AdoptLegacy(ctx context.Context, legacy []LegacyDigest, d Digest) (bool, error)
	// LegacyLeft reports whether there are such tokens.
	LegacyLeft(ctx context.Context) (bool, error)
}

// legacyTokens knows whether checks have to look for a LegacyDigest.
type legacyTokens struct {
	store LegacyStore // nil: the Store keeps none
	left  atomic.Bool
}

// legacyEvery is how often the store is asked: tokens that are imported while a
// Guard runs are known to it after that long.
const legacyEvery = 2 * time.Second

// lookLegacy asks the store whether there are tokens with a LegacyDigest.
func (g *Guard) lookLegacy(ctx context.Context) error {
	left, err := g.legacy.store.LegacyLeft(ctx)
	if err == nil {
		g.legacy.left.Store(left)
	}
	return unavailable(err)
}

// adopt looks for a token by its LegacyDigest, once Lookup has not found d. It
// is adopted before it is used, so that caches and endings know it by d alone.
// Another node may have been faster, so d is looked up again in any case.
func (g *Guard) adopt(ctx context.Context, d Digest, token string) (Session, error) {
	if _, err := g.legacy.store.AdoptLegacy(ctx, legacyDigests(token), d); err != nil && !errors.Is(err, ErrExists) {
		return Session{}, err
	}
	return g.store.Lookup(ctx, d)
}

// legacyDigests are those that token can be known by.
func legacyDigests(token string) []LegacyDigest {
	all := []LegacyDigest{sha512.Sum512([]byte(token))}
	if raw, err := hex.DecodeString(token); err == nil {
		all = append(all, sha512.Sum512(raw))
	}
	return all
}

// Possible reports whether token can be one of ours or an imported one: by its
// length and bytes, and where it has the form of Options.TokenPrefix by its
// checksum. Nothing is looked up.
func (g *Guard) Possible(token Secret) bool { return g.form.possible(string(token)) }

// FindToken returns the session of a token without using it: of one that has
// expired, too, and of one that a renewal has replaced, with ReplacedBy. ErrNotFound
// if there is none. It is for those who have found a token, not for its bearer.
func (g *Guard) FindToken(ctx context.Context, token Secret) (Session, error) {
	if !g.form.possible(string(token)) {
		return Session{}, ErrNotFound
	}
	s, err := g.store.Lookup(ctx, token.Digest())
	if errors.Is(err, ErrNotFound) && g.legacy.left.Load() {
		s, err = g.adopt(ctx, token.Digest(), string(token))
	}
	return s, unavailable(err)
}

// EndToken ends the session of a token, whoever bears it, and reports whether
// there was one.
func (g *Guard) EndToken(ctx context.Context, token Secret) (bool, error) {
	if !g.form.possible(string(token)) {
		return false, nil
	}
	d := token.Digest()
	n, err := g.End(ctx, Selection{Digest: d})
	if n > 0 || err != nil || !g.legacy.left.Load() {
		return n > 0, err
	}
	if _, err := g.adopt(ctx, d, string(token)); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return false, unavailable(err)
	}
	n, err = g.End(ctx, Selection{Digest: d})
	return n > 0, err
}
