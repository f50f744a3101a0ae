package payload

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// errTooManyFields answers forms that are made to be slow to read.
var errTooManyFields = Error{http.StatusBadRequest, "The form has more than 1000 fields."}

// parseForm reads an HTML form. Of several fields with one name the last counts.
// Percent signs that begin no escape stand for themselves, and bytes that are
// no text become U+FFFD: a form has no faults.
func parseForm(body []byte) (Value, error) {
	if bytes.Count(body, []byte("&")) >= maxFields {
		e := errTooManyFields
		return Value{}, &e
	}
	all := map[string]Value{}
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		all[unescape(name)] = Value{Kind: String, Text: unescape(value)}
	}
	return fields(all), nil
}

var stray = regexp.MustCompile(`%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)`)

// unescape reads plus signs and percent escapes.
func unescape(s string) string {
	text, err := url.QueryUnescape(s)
	for err != nil && stray.MatchString(s) {
		s = stray.ReplaceAllString(s, "%25$1")
		text, err = url.QueryUnescape(s)
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
