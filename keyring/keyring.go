// Package keyring has the keys that seal the tokens which a durin.Guard must be
// able to show again, and the file they are kept in.
//
//	keys, err := keyring.OpenFile("durin.key", time.Now())
//	guard, err := durin.New(ctx, durin.Options{Store: store, Keyring: keys})
package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Ring seals the tokens that must be shown again, with AES-256-GCM and the
// token's digest as additional data. New seals use the newest key; older keys
// open what they sealed. It is immutable and safe for concurrent use. Its text
// form has one line a key, the newest last:
//
//	durin-key 3f6c2a1b 2026-11-23T10:00:00Z NGZ2...base64 of 32 bytes
type Ring struct {
	keys []sealKey
}

type sealKey struct {
	info   Key
	secret []byte
	aead   cipher.AEAD
}

// Key names a key without telling it.
type Key struct {
	ID      string // eight hexadecimal digits
	Created time.Time
}

const (
	keyLineWord = "durin-key"
	keyIDBytes  = 4
)

// Parse reads the text form. Empty lines and lines that begin with # are
// passed over. The error tells the line, never its text.
func Parse(text string) (*Ring, error) {
	ring := &Ring{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := parseKeyLine(line)
		if err != nil {
			return nil, fmt.Errorf("durin: key line %d: %w", i+1, err)
		}
		for _, k := range ring.keys {
			if k.info.ID == key.info.ID {
				return nil, fmt.Errorf("durin: key line %d: the id %s is there twice", i+1, key.info.ID)
			}
		}
		ring.keys = append(ring.keys, key)
	}
	if len(ring.keys) == 0 {
		return nil, errors.New("durin: no key in it")
	}
	return ring, nil
}

func parseKeyLine(line string) (sealKey, error) {
	fields := strings.Fields(line)
	if len(fields) != 4 || fields[0] != keyLineWord {
		return sealKey{}, errors.New(`want "durin-key", an id, an instant and the key in base64`)
	}
	if id, err := hex.DecodeString(fields[1]); err != nil || len(id) != keyIDBytes {
		return sealKey{}, errors.New("the id is not eight hexadecimal digits")
	}
	created, err := time.Parse(time.RFC3339, fields[2])
	if err != nil {
		return sealKey{}, errors.New("the instant is not in the form 2026-01-02T15:04:05Z")
	}
	secret, err := base64.StdEncoding.DecodeString(fields[3])
	if err != nil || len(secret) != 32 {
		return sealKey{}, errors.New("the key is not 32 bytes in base64")
	}
	return newSealKey(Key{strings.ToLower(fields[1]), created.UTC()}, secret)
}

func newSealKey(info Key, secret []byte) (sealKey, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return sealKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealKey{}, err
	}
	return sealKey{info, secret, aead}, nil
}

// New returns a Ring with one fresh key, made at now.
func New(now time.Time) (*Ring, error) {
	return (&Ring{}).WithNewKey(now)
}

// WithNewKey returns a Ring that has the keys of r and a fresh one.
func (r *Ring) WithNewKey(now time.Time) (*Ring, error) {
	secret, id := make([]byte, 32), make([]byte, keyIDBytes)
	_, _ = rand.Read(secret)
	_, _ = rand.Read(id)
	key, err := newSealKey(Key{hex.EncodeToString(id), now.UTC().Truncate(time.Second)}, secret)
	if err != nil {
		return nil, err
	}
	return &Ring{append(append([]sealKey(nil), r.keys...), key)}, nil
}

// WithStagedKey returns a Ring that has the keys of r and a fresh one, which
// opens seals but makes none yet: so that every node can have it before one uses
// it. It stands before the last key, and is younger.
func (r *Ring) WithStagedKey(now time.Time) (*Ring, error) {
	if len(r.keys) == 0 {
		return nil, errors.New("durin: there is no key to go on with until the new one is in use")
	}
	last := r.keys[len(r.keys)-1]
	if least := last.info.Created.Add(time.Second); now.Before(least) {
		now = least
	}
	ring, err := r.WithNewKey(now)
	if err == nil {
		n := len(ring.keys)
		ring.keys[n-2], ring.keys[n-1] = ring.keys[n-1], ring.keys[n-2]
	}
	return ring, err
}

// Staged returns the key that WithStagedKey has added, if it is not in use yet.
func (r *Ring) Staged() (Key, bool) {
	i, ok := r.staged()
	if !ok {
		return Key{}, false
	}
	return r.keys[i].info, true
}

func (r *Ring) staged() (int, bool) {
	for i := len(r.keys) - 2; i >= 0; i-- {
		if r.keys[i].info.Created.After(r.keys[len(r.keys)-1].info.Created) {
			return i, true
		}
	}
	return 0, false
}

// WithStagedInUse returns a Ring with the same keys, in which the staged one
// makes the seals. Without a staged one it is r.
func (r *Ring) WithStagedInUse() *Ring {
	i, ok := r.staged()
	if !ok {
		return r
	}
	keys := append(append([]sealKey(nil), r.keys[:i]...), r.keys[i+1:]...)
	return &Ring{append(keys, r.keys[i])}
}

// OpenFile reads the Ring in the file path, and makes the file as MakeFile does
// if it is not there.
func OpenFile(path string, now time.Time) (*Ring, error) {
	ring, _, err := MakeFile(path, now)
	return ring, err
}

// MakeFile makes the file path with one fresh key and mode 0600, whole or not at
// all, and returns its Ring; made reports that. A file that is there already is
// read; one that other users can read is refused.
func MakeFile(path string, now time.Time) (ring *Ring, made bool, err error) {
	ring, err = ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, false, err
	}
	if ring, err = New(now); err != nil {
		return nil, false, err
	}
	err = ring.writeFile(path, os.Link)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		ring, err = ReadFile(path)
		return ring, false, err
	}
	if err != nil {
		return nil, false, err
	}
	return ring, true, nil
}

// ReadFile reads the Ring in the file path; fs.ErrNotExist, wrapped, if
// there is none. A file that other users can read, or that belongs to another user
// than this process's or root, is refused.
func ReadFile(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("durin: key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("durin: key file %s can be read by other users: run chmod 600 on it", path)
	}
	if err := checkOwner(path, info); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("durin: key file: %w", err)
	}
	ring, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w (file %s)", err, path)
	}
	return ring, nil
}

// WriteFile replaces the file path by r, whole or not at all, mode 0600.
func (r *Ring) WriteFile(path string) error { return r.writeFile(path, os.Rename) }

// writeFile writes r beside path, durably, and puts it in place.
func (r *Ring) writeFile(path string, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".durin-key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("durin: key file: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(r.Text())
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = place(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("durin: key file: %w", err)
	}
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}

// Text is r as Parse reads it, for a store of secrets. The keys are in it: it
// belongs in no log.
func (r *Ring) Text() string {
	var b strings.Builder
	b.WriteString("# Keys that seal tokens: the last one does, all of them open. Keep this file secret, and keep it: without it\n")
	b.WriteString("# nobody can be shown a token a second time.\n")
	for _, k := range r.keys {
		fmt.Fprintf(&b, "%s %s %s %s\n", keyLineWord, k.info.ID, k.info.Created.Format(time.RFC3339), base64.StdEncoding.EncodeToString(k.secret))
	}
	return b.String()
}

// Keys lists the keys, the newest last.
func (r *Ring) Keys() []Key {
	all := make([]Key, len(r.keys))
	for i, k := range r.keys {
		all[i] = k.info
	}
	return all
}

// Has reports whether the Ring has the key with that id; a nil Ring has none.
func (r *Ring) Has(id string) bool {
	return r != nil && slices.ContainsFunc(r.keys, func(k sealKey) bool { return k.info.ID == id })
}

// Seal encrypts the clear token with the newest key. The seal begins with the key's id.
func (r *Ring) Seal(token string) []byte {
	key := r.keys[len(r.keys)-1]
	id, _ := hex.DecodeString(key.info.ID)
	digest := sha256.Sum256([]byte(token))
	return key.aead.Seal(id, nil, []byte(token), digest[:])
}

// ErrSeal: a seal is damaged, or its key is not in the Ring.
var ErrSeal = errors.New("durin: the seal cannot be opened with the keys at hand")

// Open returns the clear token with the given SHA-256 out of its seal, or
// ErrSeal.
func (r *Ring) Open(seal []byte, d [sha256.Size]byte) (string, error) {
	key, ok := r.keyOf(seal)
	if !ok {
		return "", ErrSeal
	}
	text, err := key.aead.Open(nil, nil, seal[keyIDBytes:], d[:])
	if err != nil || sha256.Sum256(text) != d {
		return "", ErrSeal
	}
	return string(text), nil
}

// SealedWith returns which key made seal, and whether it is in the Ring.
func (r *Ring) SealedWith(seal []byte) (Key, bool) {
	key, ok := r.keyOf(seal)
	return key.info, ok
}

func (r *Ring) keyOf(seal []byte) (sealKey, bool) {
	if len(seal) < keyIDBytes {
		return sealKey{}, false
	}
	for _, k := range r.keys {
		if id, _ := hex.DecodeString(k.info.ID); bytes.Equal(id, seal[:keyIDBytes]) {
			return k, true
		}
	}
	return sealKey{}, false
}

// DeriveKey returns a key of 32 bytes for another purpose, derived from the key
// with that id by HKDF-SHA256; it tells nothing of the key itself. ok is false
// when the Ring does not have it.
func (r *Ring) DeriveKey(id, purpose string) (key []byte, ok bool) {
	for _, k := range r.keys {
		if k.info.ID == id {
			key, err := hkdf.Key(sha256.New, k.secret, nil, purpose, sha256.Size)
			return key, err == nil
		}
	}
	return nil, false
}

// String tells the ids only.
func (r *Ring) String() string { return fmt.Sprintf("keyring of %d key(s)", len(r.keys)) }

// GoString tells no more than String.
func (r *Ring) GoString() string { return r.String() }
