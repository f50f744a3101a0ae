// Package replay sends recorded requests to the program, and holds its answers
// against what the wire contract wants of them.
package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
)

// An Episode is a starting state and the steps that are taken from it, in order.
type Episode struct {
	Name     string `json:"episode"`
	Settings Settings
	// Add are objects that the dump is given more, DeleteTokens the primary
	// keys of tokens that it is given less.
	Add          []json.RawMessage
	DeleteTokens []int64 `json:"delete_tokens"`
	Steps        []Step
}

// Settings are those of django-rest-durin. Keys that are not set have the
// defaults of the recordings.
type Settings struct {
	Durin     map[string]any `json:"REST_DURIN"`
	Framework map[string]any `json:"REST_FRAMEWORK"`
	TimeZone  string         `json:"TIME_ZONE"`
}

// A Step is one request.
type Step struct {
	Name    string
	Request Request
	Want    Want
	Wait    float64  `json:"wait_s"` // seconds, before the step
	Before  []string // a command that is run before the step
}

// A Request is what is sent.
type Request struct {
	Method, Path string
	Headers      map[string]Raw
	Body         *Raw
}

// A Want is what the answer must be; what is not set may be anything.
type Want struct {
	Status Status
	JSON   json.RawMessage
	// Volatile are the paths in JSON that hold something else each time, of
	// the same type and form: "token", "*.id".
	Volatile     []string
	DetailPrefix *string `json:"detail_prefix"`
	// FreshToken says that the answer's token works, and is none of the
	// starting state.
	FreshToken bool `json:"fresh_token"`
	Headers    map[string]any
}

// A Status is a set of good statuses, or that of the same request with a slash
// at the end of its path.
type Status struct {
	Any         []int
	AsWithSlash bool
}

// UnmarshalJSON reads a number, a list of them, or "as-with-slash".
func (s *Status) UnmarshalJSON(text []byte) error {
	var one int
	if json.Unmarshal(text, &one) == nil {
		s.Any = []int{one}
		return nil
	}
	if string(text) == `"as-with-slash"` {
		s.AsWithSlash = true
		return nil
	}
	return json.Unmarshal(text, &s.Any)
}

// Raw is text, or bytes that are none.
type Raw struct {
	Text  string
	Bytes []byte // set when the recording holds base 64
}

// UnmarshalJSON reads a string or {"base64": …}.
func (r *Raw) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &r.Text)
	}
	var coded struct{ Base64 string }
	if err := json.Unmarshal(text, &coded); err != nil {
		return err
	}
	var err error
	r.Bytes, err = base64.StdEncoding.DecodeString(coded.Base64)
	return err
}

// body is r as a body: text is UTF-8.
func (r Raw) body() []byte {
	if r.Bytes != nil {
		return r.Bytes
	}
	return []byte(r.Text)
}

// header is r as the value of a header: text is Latin-1.
func (r Raw) header() []byte {
	if r.Bytes != nil {
		return r.Bytes
	}
	var out []byte
	for _, c := range r.Text {
		out = append(out, byte(c))
	}
	return out
}

// Load reads a file with one Episode on each line.
func Load(path string) ([]Episode, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []Episode
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		var e Episode
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, i+1, err)
		}
		all = append(all, e)
	}
	return all, nil
}
