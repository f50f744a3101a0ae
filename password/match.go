package password

import (
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/phc"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// bcryptBytes is as much of a password as bcrypt looks at.
const bcryptBytes = 72

// ownNeed is what a new hash takes.
func (h *Hasher) ownNeed() need {
	return h.need(phc.Hash{Kind: phc.Argon2id, Memory: h.params.Memory, Threads: h.params.Threads})
}

// need is what verifying a hash takes of the pool, at most all of its cores.
func (h *Hasher) need(hash phc.Hash) need {
	cores := 1
	if !h.background {
		cores = min(max(1, int(hash.Threads)), h.pool.cores)
	}
	return need{cores: cores, memory: hash.Bytes()}
}

// match computes the hash of pw in the manner of hash, and compares the two in
// constant time. The error is not about pw.
func (h *Hasher) match(pw durin.Secret, hash phc.Hash) (bool, error) {
	text := []byte(pw.Reveal())
	var sum []byte
	var err error
	switch hash.Kind {
	case phc.Argon2id:
		space := h.space()
		defer h.keep(space)
		sum = space.IDKey(text, hash.Salt, hash.Time, hash.Memory, hash.Threads, uint32(len(hash.Sum)))
	case phc.Argon2i:
		space := h.space()
		defer h.keep(space)
		sum = space.Key(text, hash.Salt, hash.Time, hash.Memory, hash.Threads, uint32(len(hash.Sum)))
	case phc.PBKDF2SHA256:
		sum, err = pbkdf2.Key(sha256.New, pw.Reveal(), hash.Salt, hash.Rounds, len(hash.Sum))
	case phc.PBKDF2SHA1:
		sum, err = pbkdf2.Key(sha1.New, pw.Reveal(), hash.Salt, hash.Rounds, len(hash.Sum))
	case phc.Scrypt:
		sum, err = scrypt.Key(text, hash.Salt, hash.N, hash.R, hash.P, len(hash.Sum))
	case phc.Bcrypt:
		return matchBcrypt(text, hash.Crypt)
	case phc.BcryptSHA256:
		digest := sha256.Sum256(text)
		return matchBcrypt(hex.AppendEncode(nil, digest[:]), hash.Crypt)
	case phc.MD5, phc.UnsaltedMD5:
		digest := md5.Sum(append(hash.Salt, text...))
		sum = digest[:]
	case phc.SHA1, phc.UnsaltedSHA1:
		digest := sha1.Sum(append(hash.Salt, text...))
		sum = digest[:]
	default:
		err = phc.ErrUnsupported
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrHash, err)
	}
	return subtle.ConstantTimeCompare(sum, hash.Sum) == 1, nil
}

// matchBcrypt looks at the first 72 bytes, as every implementation does that
// Django can use.
func matchBcrypt(text []byte, crypt string) (bool, error) {
	err := bcrypt.CompareHashAndPassword([]byte(crypt), text[:min(len(text), bcryptBytes)])
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: bcrypt does not take it", ErrHash)
	}
	return true, nil
}
