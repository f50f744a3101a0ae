package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// peekModel returns the model of a row whose first key it is, as dumpdata
// writes them, without decoding the row.
func peekModel(text []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(blank(text), []byte(`{`))
	if ok {
		rest, ok = bytes.CutPrefix(blank(rest), []byte(`"model"`))
	}
	if ok {
		rest, ok = bytes.CutPrefix(blank(rest), []byte(`:`))
	}
	if ok {
		rest, ok = bytes.CutPrefix(blank(rest), []byte(`"`))
	}
	end := bytes.IndexAny(rest, `"\`)
	if !ok || end < 0 || rest[end] != '"' {
		return "", false
	}
	return strings.ToLower(string(rest[:end])), true
}

func blank(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }

// namedModel is what the row itself calls its model, in lower case.
func namedModel(r rawRow) string {
	if model, ok := peekModel(r.text); ok {
		return model
	}
	var top map[string]json.RawMessage
	var model string
	if r.cut || json.Unmarshal(r.text, &top) != nil || json.Unmarshal(top["model"], &model) != nil {
		return ""
	}
	return strings.ToLower(model)
}

// peekKey returns the numeric primary key of a row in the form of dumpdata,
// where it follows the model; 0 if it is not there.
func peekKey(text []byte) int64 {
	_, rest, _ := bytes.Cut(text[:min(len(text), 256)], []byte(`"pk"`))
	rest, ok := bytes.CutPrefix(blank(rest), []byte(`:`))
	rest = blank(rest)
	end := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if !ok || end < 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(rest[:end]), 10, 64)
	if n > highestID {
		return 0
	}
	return n
}

// A topRow is the row with the highest primary key.
type topRow struct {
	raw rawRow
	key int64
}

func (t *topRow) see(raw rawRow) {
	if key := peekKey(raw.text); key > t.key && !raw.cut {
		text := append(t.raw.text[:0], raw.text...)
		t.raw, t.key = raw, key
		t.raw.text = text
	}
}

// namesUser reports whether the row refers to its user by a natural key. It
// may say so wrongly, at the cost of memory only.
func namesUser(text []byte) bool {
	for {
		_, rest, found := bytes.Cut(text, []byte(`"user"`))
		if !found {
			return false
		}
		text = rest
		if after, ok := bytes.CutPrefix(blank(rest), []byte(`:`)); ok && bytes.HasPrefix(blank(after), []byte(`[`)) {
			return true
		}
	}
}

// A record is a row of a model of ours with its fields. The readers below
// note what is wrong with a field in faults and go on.
type record struct {
	number int
	model  string
	pk     string // its text; "" if the row has none
	fields map[string]json.RawMessage
	zone   *time.Location // of instants that tell none
	faults []string
	mends  []string
	broken bool // nothing can be said of its fields
	// naive says that an instant told no zone, clamped that one was beyond the
	// years 1 to 9999.
	naive, clamped bool
}

// decode reads the frame of a row that check has passed.
func decode(r rawRow, model string, zone *time.Location) *record {
	rec := &record{number: r.number, model: model, zone: zone}
	if r.cut {
		rec.breaks("the row is longer than a mebibyte")
		return rec
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(r.text, &top); err != nil {
		rec.breaks("the row cannot be read")
		return rec
	}
	if pk, given := top["pk"]; given && string(pk) != "null" {
		rec.pk = rec.key("pk", pk)
	}
	if err := json.Unmarshal(top["fields"], &rec.fields); err != nil || rec.fields == nil {
		rec.breaks("it has no fields")
	}
	return rec
}

func (r *record) fault(what string) {
	if !r.broken {
		r.faults = append(r.faults, what)
	}
}

// breaks notes a fault beside which no other one matters.
func (r *record) breaks(what string) {
	r.fault(what)
	r.broken = true
}

// given returns a field that is there and not null.
func (r *record) given(name string) (json.RawMessage, bool) {
	raw, ok := r.fields[name]
	return raw, ok && string(raw) != "null"
}

// text reads a field that must be there and a text.
func (r *record) text(name string) string {
	raw, ok := r.given(name)
	if !ok {
		r.fault(name + " is missing")
		return ""
	}
	text, err := readText(raw)
	if err != nil {
		r.fault(name + " " + err.Error())
	}
	return text
}

// optionalText reads a text that may be missing or null.
func (r *record) optionalText(name string) string {
	if _, ok := r.given(name); !ok {
		return ""
	}
	return r.text(name)
}

// flag reads a field that must be true or false; missing, it is other. What Django
// takes for one of them besides is mended.
func (r *record) flag(name string, other bool) bool {
	raw, ok := r.given(name)
	if !ok {
		return other
	}
	switch string(raw) {
	case "true":
		return true
	case "false":
		return false
	case "1", "1.0", `"1"`, `"t"`, `"true"`, `"True"`:
		r.mends = append(r.mends, name+" "+string(raw)+" is read as true")
		return true
	case "0", "0.0", `"0"`, `"f"`, `"false"`, `"False"`:
		r.mends = append(r.mends, name+" "+string(raw)+" is read as false")
		return false
	}
	r.fault(name + " is neither true nor false")
	return other
}

// name reads the name of a user, without blanks at its ends: logins cut them off.
func (r *record) name(field string) string {
	name := r.text(field)
	trimmed := strings.TrimSpace(name)
	if trimmed != name && trimmed != "" {
		r.mends = append(r.mends, "the blanks at the ends of "+field+" are cut off, as logins do")
		return trimmed
	}
	return name
}

// userReference reads a foreign key to a user.
func (r *record) userReference(name string) reference {
	ref := r.reference(name)
	if trimmed := strings.TrimSpace(ref.name); trimmed != "" {
		ref.name = trimmed
	}
	return ref
}

// A reference names a row of another model: by its key, or by its name where
// the dump was made with natural keys.
type reference struct {
	pk, name string
}

func (f reference) String() string {
	if f.name != "" {
		return strconv.Quote(f.name)
	}
	return f.pk
}

// reference reads a foreign key.
func (r *record) reference(name string) reference {
	raw, ok := r.given(name)
	if !ok {
		r.fault(name + " is missing")
		return reference{}
	}
	if raw[0] != '[' {
		return reference{pk: r.key(name, raw)}
	}
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) == nil && len(parts) == 1 {
		if text, err := readText(parts[0]); err == nil && text != "" {
			return reference{name: text}
		}
	}
	r.fault(name + " is not a natural key of one name")
	return reference{}
}

// maxKey bounds a primary key in bytes, as ledgers do; a SHA-512 in hexadecimal
// has as many.
const maxKey = 128

// key reads a primary key as text: a whole number, or a text such as a UUID.
func (r *record) key(name string, raw json.RawMessage) string {
	if raw[0] == '"' {
		text, err := readText(raw)
		if err == nil && text != "" && len(text) <= maxKey {
			return text
		}
	} else if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	r.fault(name + " is not a key: a whole number of 64 bits or a short text")
	return ""
}

var (
	errNotText   = errors.New("is not a text")
	errEncoding  = errors.New("is not valid UTF-8")
	errSurrogate = errors.New("has a lone surrogate")
	errNUL       = errors.New("has a NUL")
)

// readText reads a JSON string. What encoding/json would silently replace is
// an error.
func readText(raw json.RawMessage) (string, error) {
	var text string
	switch {
	case len(raw) == 0 || raw[0] != '"':
		return "", errNotText
	case !utf8.Valid(raw):
		return "", errEncoding
	case loneSurrogate(raw):
		return "", errSurrogate
	case json.Unmarshal(raw, &text) != nil:
		return "", errNotText
	case strings.IndexByte(text, 0) >= 0:
		return "", errNUL
	}
	return text, nil
}

// loneSurrogate reports an escape of half a UTF-16 pair in a JSON string.
func loneSurrogate(raw []byte) bool {
	high := false // the escape just before was the first of a pair
	for i := 0; i < len(raw); i++ {
		isEscape := raw[i] == '\\' && i+1 < len(raw)
		if isEscape && raw[i+1] == 'u' && i+6 <= len(raw) {
			unit, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16)
			isHigh, isLow := err == nil && unit>>10 == 0xD800>>10, err == nil && unit>>10 == 0xDC00>>10
			if isLow != high {
				return true
			}
			high = isHigh
			i += 5
			continue
		}
		if high {
			return true
		}
		if isEscape {
			i++
		}
	}
	return high
}
