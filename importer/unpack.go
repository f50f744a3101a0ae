package importer

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Bounds of what a gzip file may unpack to: JSON is rarely a fiftieth of its size.
const (
	unpackedAlways = 64 << 20 // bytes
	unpackedRatio  = 200
)

// A countingReader counts what is read through it.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// An unpacker reads a gzip file. Its errors are *FormatErrors where the file is to
// blame.
type unpacker struct {
	packed *countingReader
	gz     *gzip.Reader // nil until the first Read
	out    int64
	err    error // of the last Read, and of all to come
}

func (u *unpacker) Read(p []byte) (n int, err error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err = u.read(p)
	u.err = u.blame(err)
	return n, u.err
}

func (u *unpacker) read(p []byte) (n int, err error) {
	if u.gz == nil {
		if u.gz, err = gzip.NewReader(u.packed); err != nil {
			return 0, err
		}
	}
	n, err = u.gz.Read(p)
	u.out += int64(n)
	if u.out > unpackedAlways && u.out/unpackedRatio > u.packed.n {
		return 0, u.fault(fmt.Sprintf("the gzip file unpacks to more than %d times its size: no dump does", unpackedRatio))
	}
	return n, err
}

// blame turns what package gzip says of the file into a *FormatError.
func (u *unpacker) blame(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return u.fault("the gzip file ends in the middle: it is cut off")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return u.fault("the gzip file is damaged")
	}
	return err
}

func (u *unpacker) fault(what string) error { return &FormatError{Offset: u.packed.n, What: what} }
