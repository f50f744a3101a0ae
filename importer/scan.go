package importer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// maxRow bounds what is kept of a row. Larger ones of models that are
	// not ours are read past without being held.
	maxRow = 1 << 20
	// readBuffer is how much of the dump is read at a time.
	readBuffer = 1 << 16
)

// A FormatError says that the source is not a whole dump in Django's JSON: it
// is damaged, cut off, or something else. No row of it is written.
type FormatError struct {
	Row    int   // of the dump, counted from 1; 0 outside of any
	Offset int64 // in bytes
	What   string
}

func (e *FormatError) Error() string {
	if e.Row == 0 {
		return fmt.Sprintf("importer: byte %d: %s", e.Offset, e.What)
	}
	return fmt.Sprintf("importer: row %d, byte %d: %s", e.Row, e.Offset, e.What)
}

// A rawRow is one object of the dump. Text is valid until the next row is
// read.
type rawRow struct {
	number int
	offset int64
	text   []byte
	cut    bool // longer than maxRow: text is its beginning
}

// A scanner cuts a dump into rows: an array of objects, or objects one after
// the other (Django's jsonl). It looks at strings and brackets only, so that
// memory stays bounded whatever a row holds.
type scanner struct {
	r      *bufio.Reader
	offset int64
	row    int
	text   []byte
	begun  bool
	lines  bool
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, readBuffer)}
}

// next returns the next row, and io.EOF when the dump has ended as it must.
func (s *scanner) next() (rawRow, error) {
	c, err := s.separator()
	if err != nil {
		return rawRow{}, err
	}
	start := s.offset
	s.row++
	if c != '{' {
		return rawRow{}, s.fault(start, "a row is not an object")
	}
	cut, err := s.object()
	if err != nil {
		return rawRow{}, err
	}
	return rawRow{number: s.row, offset: start, text: s.text, cut: cut}, nil
}

// separator goes to the first byte of the next row.
func (s *scanner) separator() (byte, error) {
	if !s.begun {
		if err := s.begin(); err != nil {
			return 0, err
		}
	} else if !s.lines {
		if done, err := s.between(); done || err != nil {
			return 0, s.finish(err)
		}
	}
	c, err := s.peek()
	if errors.Is(err, io.EOF) && s.lines {
		return 0, io.EOF
	}
	if err == nil && c == ']' && !s.lines && s.row == 0 {
		s.skip(1)
		return 0, s.finish(nil)
	}
	return c, s.ended(err)
}

// begin takes the opening bracket, behind a byte order mark if there is one.
func (s *scanner) begin() error {
	s.begun = true
	head, _ := s.r.Peek(maxHead)
	if what := notJSON(head); what != "" {
		return s.fault(0, what)
	}
	if bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}) {
		s.skip(3)
	}
	c, err := s.peek()
	switch {
	case errors.Is(err, io.EOF):
		return s.fault(s.offset, "the file is empty")
	case err != nil:
		return err
	case c == '{':
		s.lines = true
	case c == '[':
		s.skip(1)
	default:
		return s.fault(s.offset, "this is not a dump in JSON: it must begin with [; make it with "+dumpJSON)
	}
	return nil
}

// between takes what stands behind a row, and reports whether the dump ends
// there.
func (s *scanner) between() (done bool, err error) {
	c, err := s.peek()
	if err != nil {
		return false, s.ended(err)
	}
	switch c {
	case ',':
		s.skip(1)
		return false, nil
	case ']':
		s.skip(1)
		return true, nil
	}
	return false, s.fault(s.offset, "a comma or ] is missing behind the row")
}

// finish makes sure that nothing follows.
func (s *scanner) finish(err error) error {
	if err != nil {
		return err
	}
	switch _, err := s.peek(); {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return err
	}
	return s.fault(s.offset, "something follows behind the end of the dump")
}

// object reads an object from its first byte to its last into s.text.
func (s *scanner) object() (cut bool, err error) {
	s.text = s.text[:0]
	start, depth, quoted, escaped := s.offset, 0, false, false
	for {
		chunk, err := s.fill()
		if err != nil {
			return false, s.ended(err)
		}
		for i, c := range chunk {
			switch {
			case escaped:
				escaped = false
			case quoted:
				escaped, quoted = c == '\\', c != '"'
			case c == '"':
				quoted = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					s.take(chunk[:i+1])
					return s.offset-start > maxRow, nil
				}
			}
		}
		s.take(chunk)
	}
}

// take consumes part, keeping what is within maxRow.
func (s *scanner) take(part []byte) {
	if room := maxRow - len(s.text); room > 0 {
		s.text = append(s.text, part[:min(room, len(part))]...)
	}
	s.skip(len(part))
}

// fill returns what is buffered, at least a byte.
func (s *scanner) fill() ([]byte, error) {
	if _, err := s.r.Peek(1); err != nil {
		return nil, err
	}
	return s.r.Peek(s.r.Buffered())
}

// peek returns the next byte that is not white space.
func (s *scanner) peek() (byte, error) {
	for {
		chunk, err := s.fill()
		if err != nil {
			return 0, err
		}
		for i, c := range chunk {
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				s.skip(i)
				return c, nil
			}
		}
		s.skip(len(chunk))
	}
}

func (s *scanner) skip(n int) {
	_, _ = s.r.Discard(n) // never more than is buffered
	s.offset += int64(n)
}

// ended turns an end of file where more is due into what it means.
func (s *scanner) ended(err error) error {
	if errors.Is(err, io.EOF) {
		return s.fault(s.offset, "the file ends in the middle: it is cut off")
	}
	return err
}

func (s *scanner) fault(offset int64, what string) error {
	return &FormatError{Row: s.row, Offset: offset, What: what}
}

// check reports a row that is not JSON. The message tells where, never what
// stands there.
func (r rawRow) check() error {
	if r.cut || json.Valid(r.text) {
		return nil
	}
	fault := &FormatError{Row: r.number, Offset: r.offset, What: "the row is not valid JSON"}
	var value json.RawMessage
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(r.text, &value), &syntax) {
		fault.Offset += max(syntax.Offset-1, 0)
	}
	return fault
}
