package api

import (
	"encoding/json"
	"testing"
)

// The body of a refusal is one line of ASCII, and says the same.
func TestASCIIJSON(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"detail":"No."}`, `{"detail":"No."}`},
		{"{\n\t\"detail\": \"Nö, 𝄞\"\n}\n", `{"detail":"N\u00f6, \ud834\udd1e"}`},
		{"Not found", ""},
		{"", ""},
	} {
		got := asciiJSON([]byte(c.text))
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
		var was, is any
		if got != "" && (json.Unmarshal([]byte(c.text), &was) != nil || json.Unmarshal([]byte(got), &is) != nil) {
			t.Errorf("%q: %q is no JSON", c.text, got)
		}
	}
}
