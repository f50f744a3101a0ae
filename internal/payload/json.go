package payload

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep lists and objects may be nested.
const maxDepth = 256

// parseJSON reads one JSON text. Names of members compare with case, and of
// several with one name the last counts. It is strict where encoding/json is
// not (invalid UTF-8, lone surrogates), and tells faults in the words of
// Python's json module.
func parseJSON(body []byte, charset string) (Value, error) {
	text := toUTF8(body, charset)
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return Value{}, malformed("JSON", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)")
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size <= 1 {
			return Value{}, malformed("JSON", "'utf-8' codec can't decode byte 0x%02x in position %d: not valid UTF-8", text[i], i)
		}
		i += size
	}
	s := &scanner{text: text}
	s.blanks()
	v := s.value(0)
	s.blanks()
	if s.err == nil && s.at < len(text) {
		s.fail("Extra data", s.at)
	}
	if s.err != nil {
		return Value{}, s.err
	}
	return v, nil
}

// A scanner reads valid UTF-8. At the first fault it sets err and moves to the
// end.
type scanner struct {
	text []byte
	at   int
	err  error
}

func (s *scanner) fail(what string, at int) {
	if s.err == nil {
		before := s.text[:at]
		line := bytes.Count(before, []byte("\n")) + 1
		column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
		s.err = malformed("JSON", "%s: line %d column %d (char %d)", what, line, column, utf8.RuneCount(before))
	}
	s.at = len(s.text)
}

// peek is the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// take moves on if the next byte is c.
func (s *scanner) take(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) blanks() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) Value {
	if depth > maxDepth {
		s.fail("Too deeply nested", s.at)
		return Value{}
	}
	switch s.peek() {
	case '"':
		return s.str()
	case '{':
		return s.object(depth)
	case '[':
		return s.list(depth)
	}
	for _, l := range literals {
		if bytes.HasPrefix(s.text[s.at:], []byte(l.word)) {
			if l.value.Kind == Missing {
				s.err = malformed("JSON", "Out of range float values are not JSON compliant: '%s'", l.word)
			}
			s.at += len(l.word)
			return l.value
		}
	}
	return s.number()
}

var literals = [...]struct {
	word  string
	value Value
}{
	{"null", Value{Kind: Null}},
	{"true", Value{Kind: Bool, True: true, Text: "True"}},
	{"false", Value{Kind: Bool, Text: "False"}},
	{"NaN", Value{}}, {"Infinity", Value{}}, {"-Infinity", Value{}},
}

func (s *scanner) number() Value {
	start, kind := s.at, Int
	s.take('-')
	if !s.take('0') && s.digits() == 0 {
		s.fail("Expecting value", start)
		return Value{}
	}
	end := s.at
	if s.take('.') && s.digits() > 0 {
		end, kind = s.at, Float
	}
	s.at = end
	if s.take('e') || s.take('E') {
		if !s.take('-') {
			s.take('+')
		}
		if s.digits() > 0 {
			end, kind = s.at, Float
		}
	}
	s.at = end
	return Value{Kind: kind, Text: string(s.text[start:end])}
}

func (s *scanner) digits() int {
	start := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at - start
}

func (s *scanner) list(depth int) Value {
	s.at++
	s.blanks()
	v := Value{Kind: List, Empty: true}
	if s.take(']') {
		return v
	}
	v.Empty = false
	for s.err == nil {
		s.value(depth + 1)
		s.blanks()
		if s.take(']') {
			break
		}
		s.comma()
	}
	return v
}

// comma reads what stands between two elements.
func (s *scanner) comma() {
	if !s.take(',') {
		s.fail("Expecting ',' delimiter", s.at)
	}
	s.blanks()
}

func (s *scanner) object(depth int) Value {
	s.at++
	s.blanks()
	v := Value{Kind: Object, Empty: true}
	if s.take('}') {
		return v
	}
	v.Empty = false
	if depth == 0 {
		v.Fields = map[string]Value{}
	}
	for s.err == nil {
		if s.peek() != '"' {
			s.fail("Expecting property name enclosed in double quotes", s.at)
			break
		}
		name := s.str()
		s.blanks()
		if !s.take(':') {
			s.fail("Expecting ':' delimiter", s.at)
		}
		s.blanks()
		member := s.value(depth + 1)
		if depth == 0 {
			v.Fields[name.Text] = member
		}
		s.blanks()
		if s.take('}') {
			break
		}
		s.comma()
	}
	return v
}

// str reads a string, its opening quote being next.
func (s *scanner) str() Value {
	start := s.at
	s.at++
	var b strings.Builder
	v := Value{Kind: String}
	for {
		run := s.at
		for c := s.peek(); c >= ' ' && c != '"' && c != '\\'; c = s.peek() {
			s.at++
		}
		b.Write(s.text[run:s.at])
		switch {
		case s.at >= len(s.text):
			s.fail("Unterminated string starting at", start)
		case s.take('"'):
			v.Text = b.String()
			return v
		case s.peek() == '\\':
			s.escape(&b, &v, start)
		default:
			s.fail("Invalid control character at", s.at)
		}
		if s.err != nil {
			return v
		}
	}
}

// escape reads what stands behind a backslash.
func (s *scanner) escape(b *strings.Builder, v *Value, start int) {
	const plain, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	s.at++
	if s.at >= len(s.text) {
		s.fail("Unterminated string starting at", start)
		return
	}
	c := s.text[s.at]
	if c == 'u' {
		s.unicode(b, v)
		return
	}
	i := strings.IndexByte(plain, c)
	if i < 0 {
		s.fail(`Invalid \escape`, s.at-1)
		return
	}
	b.WriteByte(meant[i])
	s.at++
}

// unicode reads \uXXXX, and the second one of a pair of surrogates.
func (s *scanner) unicode(b *strings.Builder, v *Value) {
	r, ok := hex4(s.text[s.at:])
	if !ok {
		s.fail(`Invalid \uXXXX escape`, s.at)
		return
	}
	s.at += 5
	if utf16.IsSurrogate(r) && s.peek() == '\\' {
		if low, ok := hex4(s.text[s.at+1:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				r = pair
				s.at += 6
			}
		}
	}
	if utf16.IsSurrogate(r) && v.Surrogate == 0 {
		v.Surrogate = r
	}
	b.WriteRune(r) // U+FFFD for a surrogate
}

// hex4 reads u and four hexadecimal digits.
func hex4(text []byte) (rune, bool) {
	if len(text) < 5 || text[0] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range text[1:5] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
