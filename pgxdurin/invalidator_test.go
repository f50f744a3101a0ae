package pgxdurin

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/durin-go/durin/internal/endings"
	"github.com/durin-go/durin/nodes"
)

// The server refuses the text of a notification of 8,000 bytes or more.
func TestANotificationHoldsSoMany(t *testing.T) {
	text := base64.StdEncoding.EncodeToString(endings.Encode(make([]nodes.Ending, maxEndings)))
	if len(text) >= 8000 {
		t.Errorf("%d endings take %d bytes", maxEndings, len(text))
	}
}

func TestHear(t *testing.T) {
	one := []nodes.Ending{{ClientID: 1}}
	encoded := func(list []nodes.Ending) string {
		return base64.StdEncoding.EncodeToString(endings.Encode(list))
	}
	for text, want := range map[string][][]nodes.Ending{
		encoded(one): {one},
		encoded(nil): nil, // a sign of life
		"":           {nil},
		"no base64!": {nil},
		"Ag==":       {nil}, // of a later version
	} {
		var got [][]nodes.Ending
		hear(text, func(list []nodes.Ending) { got = append(got, list) })
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: heard %v, want %v", text, got, want)
		}
	}
}
