package payload

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf8"
)

// errTooManyFields answers forms that are made to be slow to read.
var errTooManyFields = Error{http.StatusBadRequest, "The form has more than 1000 fields."}

// parseForm reads an HTML form. Of several fields with one name the last counts.
// Percent signs that begin no escape stand for themselves, and bytes that are
// no text become U+FFFD: a form has no faults.
func parseForm(body []byte, charset string) (Value, error) {
	if bytes.Count(body, []byte("&")) >= maxFields {
		e := errTooManyFields
		return Value{}, &e
	}
	text := string(toUTF8(body, charset))
	if !utf8.ValidString(text) {
		text = latin1(body)
	}
	all := map[string]Value{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		all[unescape(name, charset)] = Value{Kind: String, Text: unescape(value, charset)}
	}
	return fields(all), nil
}

// unescape reads plus signs and percent escapes, which are bytes of charset.
func unescape(s, charset string) string {
	s = strings.ReplaceAll(s, "+", " ")
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	var raw []byte // a run of escapes
	for i := 0; i < len(s); {
		if s[i] == '%' && i+2 < len(s) {
			if high, low := hexDigit(s[i+1]), hexDigit(s[i+2]); high >= 0 && low >= 0 {
				raw = append(raw, byte(high<<4|low))
				i += 3
				continue
			}
		}
		b.WriteString(decodeLossy(raw, charset))
		raw = raw[:0]
		b.WriteByte(s[i])
		i++
	}
	b.WriteString(decodeLossy(raw, charset))
	return b.String()
}

func hexDigit(c byte) int {
	return strings.IndexByte("0123456789abcdef", c|lowerBit(c))
}

// lowerBit turns ASCII capitals to small letters.
func lowerBit(c byte) byte {
	if c >= 'A' && c <= 'F' {
		return 0x20
	}
	return 0
}
