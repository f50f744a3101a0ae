package payload

import (
	"bytes"
	"encoding/base64"
	"net/textproto"
	"strings"
)

// maxPartHeader bounds the header of one part, in bytes.
const maxPartHeader = 8 << 10

// parseMultipart reads a multipart form (RFC 7578) as leniently as Django: what
// is no part is skipped, and a missing end is no fault. A part with a file name
// is a File, and counts before a field of its name.
func parseMultipart(body []byte, t mediaType) (Value, error) {
	boundary, ok := t.params["boundary"]
	if !ok {
		boundary = "None"
	}
	if !ok || !validBoundary(boundary) {
		return Value{}, malformed("Multipart form", "Invalid boundary in multipart: %s", latin1OrUTF8(boundary))
	}
	parts := bytes.Split(body, []byte("--"+boundary))
	if len(parts) > maxFields+2 {
		e := errTooManyFields
		return Value{}, &e
	}
	all, files := map[string]Value{}, map[string]Value{}
	for i, part := range parts[1:] {
		if bytes.HasPrefix(part, []byte("--")) {
			break // the closing boundary
		}
		if i < len(parts)-2 { // the line break before the next boundary is part of that
			part = bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
		}
		p, ok := parsePart(part, t.charset())
		switch {
		case !ok:
		case p.value.Kind == File:
			files[p.name] = p.value
		default:
			all[p.name] = p.value
		}
	}
	for name, file := range files {
		all[name] = file
	}
	return fields(all), nil
}

// validBoundary is what RFC 2046 section 5.1.1 allows, and more: 1 to 201
// printable ASCII characters, the last of them no blank.
func validBoundary(b string) bool {
	for i := range len(b) {
		if b[i] < ' ' || b[i] > '~' {
			return false
		}
	}
	return b != "" && len(b) <= 201 && b[len(b)-1] != ' '
}

type part struct {
	name  string
	value Value
}

// parsePart reads a part behind its boundary; it is not ok if there is no header
// or no name.
func parsePart(text []byte, charset string) (part, bool) {
	head, data, ok := bytes.Cut(text, []byte("\r\n\r\n"))
	if !ok || len(head) > maxPartHeader {
		return part{}, false
	}
	header := textproto.MIMEHeader{}
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	kind, rest, _ := strings.Cut(header.Get("Content-Disposition"), ";")
	params := parseParams(rest)
	name, named := params["name"]
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") || !named {
		return part{}, false
	}
	name = decodeLossy([]byte(name), charset)
	if params["filename"] != "" || params["filename*"] != "" {
		return part{name, Value{Kind: File}}, true
	}
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "base64") {
		if plain, err := base64.StdEncoding.DecodeString(string(data)); err == nil {
			data = plain
		}
	}
	return part{name, Value{Kind: String, Text: decodeLossy(data, charset)}}, true
}
