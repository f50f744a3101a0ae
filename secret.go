package durin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
)

// A Secret is a clear token or password. It writes itself as "[redacted]"
// wherever it is formatted, logged or marshalled; Reveal is the only way to
// its text.
type Secret string

const redacted = "[redacted]"

// Reveal returns the clear text. Give it to the one who asked, and to nothing
// that keeps it.
func (s Secret) Reveal() string { return string(s) }

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redacted)) }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Digest returns what is stored of a token.
func (s Secret) Digest() Digest { return sha256.Sum256([]byte(s)) }

// A Digest is the SHA-256 of a token: what stores, caches and nodes know it by.
type Digest [sha256.Size]byte

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Bounds of a token's text. Imported tokens may have any form within them.
const (
	maxTokenBytes    = 256
	secretBytes      = 32 // of randomness in the prefixed form
	base62Digits     = 43 // of 32 bytes
	checksumDigits   = 6  // of a CRC-32
	base62Alphabet   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	defaultTokenHex  = 64
	minTokenHex      = 32 // 128 bits
	maxPrefixLetters = 16
)

// tokenForm makes and pre-checks tokens: hexadecimal digits of a given length,
// or prefix_ followed by base 62 and a checksum.
type tokenForm struct {
	hexLength int
	prefix    string // with its underscore, or empty
}

func newTokenForm(hexLength int, prefix string) (tokenForm, error) {
	if hexLength == 0 {
		hexLength = defaultTokenHex
	}
	if hexLength < minTokenHex || hexLength > maxTokenBytes {
		return tokenForm{}, fmt.Errorf("durin: a token length of %d hex characters is not between %d and %d", hexLength, minTokenHex, maxTokenBytes)
	}
	if len(prefix) > maxPrefixLetters {
		return tokenForm{}, fmt.Errorf("durin: the token prefix is longer than %d characters", maxPrefixLetters)
	}
	for _, c := range []byte(prefix) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return tokenForm{}, errors.New("durin: a token prefix is made of ASCII letters, digits and underscores")
		}
	}
	if prefix != "" {
		prefix += "_"
	}
	return tokenForm{hexLength: hexLength / 2 * 2, prefix: prefix}, nil
}

// generate returns a new token. It does not fail: crypto/rand ends the program
// rather than give weak bytes.
func (f tokenForm) generate() Secret {
	if f.prefix == "" {
		raw := make([]byte, f.hexLength/2)
		_, _ = rand.Read(raw)
		return Secret(hex.EncodeToString(raw))
	}
	var raw [secretBytes]byte
	_, _ = rand.Read(raw[:])
	text := append(make([]byte, 0, len(f.prefix)+base62Digits+checksumDigits), f.prefix...)
	text = appendBase62(text, raw[:], base62Digits)
	return Secret(appendChecksum(text))
}

// possible reports whether token can be one of ours or an imported one. It
// looks at no more than maxTokenBytes bytes, hashes only text of the prefixed
// form's exact length, and needs no look-up.
func (f tokenForm) possible(token string) bool {
	if len(token) == 0 || len(token) > maxTokenBytes {
		return false
	}
	if !isGraphic(token) {
		return false
	}
	if f.prefix == "" || len(token) != len(f.prefix)+base62Digits+checksumDigits || token[:len(f.prefix)] != f.prefix {
		return true
	}
	var sum [checksumDigits]byte
	body := len(token) - checksumDigits
	return string(checksum(sum[:0], token[:body])) == token[body:]
}

// isGraphic reports whether all of s is ASCII without blanks and controls. It
// looks at eight bytes at a time.
func isGraphic(s string) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		// A byte below '!' borrows, one above '~' carries, into its high bit.
		if ((x-'!'*each)&^x|(x+each)|x)&high != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

func appendChecksum(text []byte) []byte { return checksum(text, string(text)) }

// checksum appends the CRC-32 (IEEE) of text to dst as six base 62 digits.
func checksum(dst []byte, text string) []byte {
	sum := crc32.ChecksumIEEE([]byte(text))
	var digits [checksumDigits]byte
	for i := checksumDigits - 1; i >= 0; i-- {
		digits[i] = base62Alphabet[sum%62]
		sum /= 62
	}
	return append(dst, digits[:]...)
}

// appendBase62 appends n base 62 digits of the big-endian number in raw, which
// it uses up.
func appendBase62(dst, raw []byte, n int) []byte {
	start := len(dst)
	for range n {
		var rest uint32
		for i, b := range raw {
			rest = rest<<8 | uint32(b)
			raw[i] = byte(rest / 62)
			rest %= 62
		}
		dst = append(dst, base62Alphabet[rest])
	}
	for i, j := start, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}
