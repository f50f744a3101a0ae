package payload

import (
	"bytes"
	"io"
	"mime/multipart"
	"strings"
)

// parseMultipart reads a multipart form (RFC 7578). A missing end is no fault: the
// form has what was read until then. A part with a file name is a File, and
// counts before a field of its name.
func parseMultipart(body []byte, boundary string) (Value, error) {
	if boundary == "" {
		return Value{}, malformed("Multipart form", "Invalid boundary in multipart: None")
	}
	all := map[string]Value{}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for parts := 0; ; parts++ {
		part, err := r.NextRawPart()
		if err != nil {
			return fields(all), nil
		}
		if parts >= maxFields {
			e := errTooManyFields
			return Value{}, &e
		}
		text, _ := io.ReadAll(part) // as far as it goes
		switch name := strings.ToValidUTF8(part.FormName(), "\uFFFD"); {
		case name == "":
		case part.FileName() != "":
			all[name] = Value{Kind: File}
		case all[name].Kind != File:
			all[name] = Value{Kind: String, Text: strings.ToValidUTF8(string(text), "\uFFFD")}
		}
	}
}
