package password

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // the form of the lists that there are
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/durin-go/durin"
)

// A Denylist is a file of passwords that nobody may take, because they were in a
// breach. It has a line for each, in ascending order of bytes (LC_ALL=C sort):
// either the password itself, or its SHA-1 in 40 hexadecimal digits of one case,
// perhaps with a colon and a count behind, as in the list of Have I Been Pwned. It is
// searched where it lies: it may be as large as it likes, and nobody on the network is
// asked. It is safe for concurrent use.
type Denylist struct {
	file   *os.File
	size   int64
	hashed bool
}

const (
	sumDigits = 2 * sha1.Size
	// denyLine bounds a line; no password is longer.
	denyLine = MaxBytes + 2
	// denyProbes is how many lines are compared to see whether a file is in
	// order.
	denyProbes = 64
)

// OpenDenylist opens a file, whose form its first line shows. The error tells when it
// is empty, or not in order, as far as some lines show.
func OpenDenylist(path string) (*Denylist, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d := &Denylist{file: file}
	if err := d.look(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return d, nil
}

// look finds out the form of the file, and whether it is in order.
func (d *Denylist) look() error {
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	d.size = info.Size()
	first, err := d.line(0)
	if err != nil || len(first) == 0 {
		return errors.Join(err, errors.New("there is no password on the first line"))
	}
	_, err = hex.DecodeString(string(first[:min(len(first), sumDigits)]))
	d.hashed = err == nil && (len(first) == sumDigits || len(first) > sumDigits && first[sumDigits] == ':')
	last := d.key(first)
	for i := range int64(denyProbes) {
		line, err := d.line(d.size * i / denyProbes)
		if err != nil {
			return err
		}
		if line == nil {
			break
		}
		key := d.key(line)
		if bytes.Compare(key, last) < 0 {
			return errors.New("its lines are not in ascending order: LC_ALL=C sort them")
		}
		last = key
	}
	return nil
}

// Close closes the file.
func (d *Denylist) Close() error { return d.file.Close() }

// Check returns a *durin.FieldError of the field "password" for a password that is on
// the list, and another error when the list cannot be read.
func (d *Denylist) Check(pw durin.Secret) error {
	want := []byte(composed(pw).Reveal())
	if d.hashed {
		sum := sha1.Sum(want) //nolint:gosec // see above
		want = []byte(hex.EncodeToString(sum[:]))
	}
	low, high := int64(0), d.size // the line, if there is one, begins from low on, and before high
	for low < high {
		middle := low + (high-low)/2
		line, err := d.line(middle)
		if err != nil {
			return fmt.Errorf("reading the list of passwords that are refused: %w", err)
		}
		order := -1
		if line != nil {
			order = bytes.Compare(want, d.key(line))
		}
		switch {
		case order == 0:
			return fault("This password is known from a data breach.")
		case order < 0:
			high = middle
		default:
			low = middle + 1
		}
	}
	return nil
}

// key is what of a line is compared.
func (d *Denylist) key(line []byte) []byte {
	if d.hashed {
		return bytes.ToLower(line[:min(len(line), sumDigits)])
	}
	return line
}

// line is the first line that begins at an offset or behind it, without its end; nil
// when there is none.
func (d *Denylist) line(from int64) ([]byte, error) {
	skip := from > 0
	if skip {
		from-- // what ends there may be the line before
	}
	r := bufio.NewReaderSize(io.NewSectionReader(d.file, from, d.size-from), denyLine)
	for skip {
		_, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		skip = err != nil
	}
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, nil
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
