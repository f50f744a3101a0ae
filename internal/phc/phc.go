// Package phc reads encoded password hashes: PHC strings, modular crypt and
// the forms of Django 3.2 to 6. It computes nothing, and bounds what computing a
// hash may cost: encoded hashes come from other systems' dumps.
package phc

import (
	"errors"
	"fmt"
	"strings"
)

// A Kind names the way a hash was made.
type Kind string

const (
	Argon2id     Kind = "argon2id"
	Argon2i      Kind = "argon2i"
	Argon2d      Kind = "argon2d" // not supported
	PBKDF2SHA256 Kind = "pbkdf2_sha256"
	PBKDF2SHA1   Kind = "pbkdf2_sha1"
	// WrappedMD5 and WrappedSHA1 are what Django's documentation makes of old
	// hashes: PBKDF2 with SHA-256 of the hexadecimal MD5 or SHA-1 of salt and
	// password, with the same salt.
	WrappedMD5   Kind = "pbkdf2_wrapped_md5"
	WrappedSHA1  Kind = "pbkdf2_wrapped_sha1"
	BcryptSHA256 Kind = "bcrypt_sha256"
	Bcrypt       Kind = "bcrypt"
	Scrypt       Kind = "scrypt"
	MD5          Kind = "md5"
	SHA1         Kind = "sha1"
	UnsaltedMD5  Kind = "unsalted_md5"
	UnsaltedSHA1 Kind = "unsalted_sha1"
	DESCrypt     Kind = "crypt" // not supported
	Unusable     Kind = "unusable"
	Unknown      Kind = "unknown"
)

// Kinds are all of them.
func Kinds() []Kind {
	return []Kind{
		Argon2id, Argon2i, Argon2d, PBKDF2SHA256, PBKDF2SHA1, WrappedMD5, WrappedSHA1, BcryptSHA256, Bcrypt, Scrypt,
		MD5, SHA1, UnsaltedMD5, UnsaltedSHA1, DESCrypt, Unusable, Unknown,
	}
}

// Why a hash cannot be verified. X
var (
	// ErrUnusable: the hash says that no password is right: it is empty or
	// begins with an exclamation mark.
	ErrUnusable = errors.New("no password can be right")
	// ErrUnknown: the hash has none of the known forms.
	ErrUnknown = errors.New("unknown form of password hash")
	// ErrUnsupported: the form is known, the algorithm is not supported.
	ErrUnsupported = errors.New("unsupported password hash")
	// ErrMalformed: the form is known, its parts are not as they should be.
	ErrMalformed = errors.New("malformed password hash")
	// ErrCost: verifying the hash would take more time or memory than is
	// ever allowed.
	ErrCost = errors.New("password hash asks for too much work")
)

// MaxEncoded is the length of the longest encoded hash, in bytes.
const MaxEncoded = 512

// Bounds of what is read. A hash at a bound takes a few seconds.
const (
	maxMemory     = 1 << 30    // bytes
	maxPasses     = 4 << 30    // bytes of memory, times passes over it
	maxThreads    = 64         // of Argon2
	maxRounds     = 10_000_000 // of PBKDF2
	maxBcryptCost = 16         // Django's is 12
	minSum        = 12         // bytes of a checksum, where it may vary
	maxSum        = 128        // bytes
	maxScryptR    = 64         // blocks
	maxScryptP    = 64         // lanes, one after another
)

// A Hash is a parsed hash. Which fields are set depends on its Kind.
type Hash struct {
	Kind Kind
	// Foreign: not in the form that this project writes.
	Foreign bool
	// Memory (KiB), Time (passes) and Threads are Argon2's.
	Memory, Time uint32
	Threads      uint8
	// Rounds are PBKDF2's iterations, or bcrypt's cost.
	Rounds int
	// N, R and P are scrypt's.
	N, R, P int
	// Salt and Sum are of all kinds but bcrypt's.
	Salt, Sum []byte
	// Crypt is bcrypt's own form, $2b$12$ and 53 characters.
	Crypt string
}

// unknown tells how a hash of an unknown form begins, where that is the name of an
// algorithm: "name$…" or "{name}…". Anything else might be a password.
func unknown(encoded string) error {
	const most = 40
	name, _, found := strings.Cut(encoded, "$")
	if rest, braced := strings.CutPrefix(encoded, "{"); braced {
		name, _, found = strings.Cut(rest, "}")
	}
	for _, c := range []byte(name) {
		found = found && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-')
	}
	if !found || name == "" || len(name) > most {
		return ErrUnknown
	}
	return fmt.Errorf("%w: %s", ErrUnknown, name)
}

// Parse reads an encoded hash. The error wraps one of ErrUnusable, ErrUnknown,
// ErrUnsupported, ErrMalformed and ErrCost; Hash.Kind is then as KindOf says.
func Parse(encoded string) (Hash, error) {
	h := Hash{Kind: KindOf(encoded), Foreign: true}
	if len(encoded) > MaxEncoded {
		return h, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxEncoded)
	}
	var err error
	switch h.Kind {
	case Unusable:
		err = ErrUnusable
	case Unknown:
		err = unknown(encoded)
	case Argon2id, Argon2i:
		var text string
		text, h.Foreign = strings.CutPrefix(encoded, "argon2")
		err = h.argon2(text)
	case PBKDF2SHA256, PBKDF2SHA1, WrappedMD5, WrappedSHA1:
		err = h.pbkdf2(encoded)
	case Bcrypt, BcryptSHA256:
		err = h.bcrypt(encoded)
	case Scrypt:
		err = h.scrypt(encoded)
	case MD5, SHA1, UnsaltedMD5, UnsaltedSHA1:
		err = h.digest(encoded)
	default:
		err = fmt.Errorf("%w: %s", ErrUnsupported, h.Kind)
	}
	return h, err
}

// KindOf tells the kind of an encoded hash by how it begins, without a look at
// the rest.
func KindOf(encoded string) Kind {
	if encoded == "" || encoded[0] == '!' {
		return Unusable
	}
	switch name, rest, _ := strings.Cut(encoded, "$"); name {
	case "argon2":
		return dollarKind(rest, "argon2")
	case "":
		return dollarKind(rest, "")
	case "pbkdf2_sha256", "pbkdf2_sha1", "pbkdf2_wrapped_md5", "pbkdf2_wrapped_sha1", "bcrypt_sha256", "bcrypt", "scrypt", "crypt":
		return Kind(name)
	case "md5", "sha1":
		if strings.HasPrefix(rest, "$") {
			return "unsalted_" + Kind(name)
		}
		return Kind(name)
	default:
		if len(encoded) == 32 && len(name) == 32 {
			return UnsaltedMD5
		}
		return Unknown
	}
}

// dollarKind is the kind of what begins with a dollar sign, taken off: $argon2id$,
// $2b$. Its name must begin with prefix.
func dollarKind(text, prefix string) Kind {
	name, _, _ := strings.Cut(text, "$")
	if !strings.HasPrefix(name, prefix) {
		return Unknown
	}
	switch name {
	case "argon2id", "argon2i", "argon2d", "scrypt":
		return Kind(name)
	case "2a", "2b", "2y":
		return Bcrypt
	}
	return Unknown
}

// Bytes is the memory that verifying the hash takes, about.
func (h Hash) Bytes() int64 {
	switch h.Kind {
	case Argon2id, Argon2i:
		return int64(h.Memory) << 10
	case Scrypt:
		return 128 * int64(h.R) * int64(h.N+h.P+2)
	}
	return 1 << 14
}
