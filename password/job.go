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
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/phc"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// bcryptBytes is as much of a password as bcrypt looks at.
const bcryptBytes = 72

// A job is a hash to compute, in this process or another.
type job struct {
	pw durin.Secret
	// encoded is the hash that pw is held against.
	encoded string
	// derive asks for the checksum that encoded should have instead, an
	// Argon2 hash.
	derive bool
}

// An outcome is what a job has come to.
type outcome struct {
	ok    bool   // the password is right
	sum   []byte // of a job that derives
	took  time.Duration
	fault string // why the hash cannot be computed; "": it can
}

// err is the fault in Verify's words.
func (o outcome) err() error {
	if o.fault == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrHash, o.fault)
}

// run does the job.
func (j job) run() outcome {
	hash, err := phc.Parse(j.encoded)
	if err != nil {
		return outcome{fault: err.Error()}
	}
	var o outcome
	began := time.Now()
	switch {
	case j.derive:
		o.sum, err = checksum(j.pw, hash)
	case hash.Crypt != "":
		o.ok, err = matchBcrypt(j.pw, hash)
	default:
		var sum []byte
		sum, err = checksum(j.pw, hash)
		o.ok = err == nil && subtle.ConstantTimeCompare(sum, hash.Sum) == 1
	}
	if err != nil {
		o = outcome{fault: err.Error()}
	}
	o.took = time.Since(began)
	return o
}

// checksum computes the hash of pw in the manner of hash. The error is not about
// pw.
func checksum(pw durin.Secret, hash phc.Hash) ([]byte, error) {
	text := []byte(pw.Reveal())
	switch hash.Kind {
	case phc.Argon2id:
		return argon2.IDKey(text, hash.Salt, hash.Time, hash.Memory, hash.Threads, uint32(len(hash.Sum))), nil
	case phc.Argon2i:
		return argon2.Key(text, hash.Salt, hash.Time, hash.Memory, hash.Threads, uint32(len(hash.Sum))), nil
	case phc.PBKDF2SHA256:
		return pbkdf2.Key(sha256.New, pw.Reveal(), hash.Salt, hash.Rounds, len(hash.Sum))
	case phc.PBKDF2SHA1:
		return pbkdf2.Key(sha1.New, pw.Reveal(), hash.Salt, hash.Rounds, len(hash.Sum))
	case phc.WrappedMD5:
		digest := md5.Sum(slices.Concat(hash.Salt, text))
		return pbkdf2.Key(sha256.New, hex.EncodeToString(digest[:]), hash.Salt, hash.Rounds, len(hash.Sum))
	case phc.WrappedSHA1:
		digest := sha1.Sum(slices.Concat(hash.Salt, text))
		return pbkdf2.Key(sha256.New, hex.EncodeToString(digest[:]), hash.Salt, hash.Rounds, len(hash.Sum))
	case phc.Scrypt:
		return scrypt.Key(text, hash.Salt, hash.N, hash.R, hash.P, len(hash.Sum))
	case phc.MD5, phc.UnsaltedMD5:
		digest := md5.Sum(append(hash.Salt, text...))
		return digest[:], nil
	case phc.SHA1, phc.UnsaltedSHA1:
		digest := sha1.Sum(append(hash.Salt, text...))
		return digest[:], nil
	}
	return nil, phc.ErrUnsupported
}

// matchBcrypt looks at the first 72 bytes, as every implementation does that
// Django can use.
func matchBcrypt(pw durin.Secret, hash phc.Hash) (bool, error) {
	text := []byte(pw.Reveal())
	if hash.Kind == phc.BcryptSHA256 {
		digest := sha256.Sum256(text)
		text = hex.AppendEncode(nil, digest[:])
	}
	err := bcrypt.CompareHashAndPassword([]byte(hash.Crypt), text[:min(len(text), bcryptBytes)])
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	if err != nil {
		return false, errors.New("bcrypt does not take it")
	}
	return true, nil
}
