package transfer

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"

	"github.com/durin-go/durin"
)

// A LegacyDigest is the SHA-512 of a token of another system, as
// django-rest-knox keeps it: versions from 5 on hash the token's text, version
// 4.2 the bytes that its hexadecimal digits stand for.
type LegacyDigest = [sha512.Size]byte

// Placeholder is what stands in the place of the SHA-256 of a token that only l
// is known of. It is no token's: it is made of text with a byte that no token
// has.
func Placeholder(l LegacyDigest) durin.Digest {
	return sha256.Sum256(append([]byte("durin legacy\x00"), l[:]...))
}

// A LegacyStore is a durin.Store that keeps tokens of which only a LegacyDigest
// is known, until their first use. It keeps a Store's contract. A Guard finds by
// these methods that its store is one.
type LegacyStore interface {
	// AdoptLegacy makes d the digest of the token that is known by one of
	// legacy, and forgets the LegacyDigest. It reports whether there was such
	// a token; where there is none nothing is written. A token that is ended
	// at the same time stays ended, and the digest that its ending tells is
	// the one it had.
	AdoptLegacy(ctx context.Context, legacy []LegacyDigest, d durin.Digest) (bool, error)
	// LegacyLeft reports whether there are such tokens.
	LegacyLeft(ctx context.Context) (bool, error)
}
