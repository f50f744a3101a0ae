package endings_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/endings"
	"github.com/durin-go/durin/nodes"
)

func TestThereAndBack(t *testing.T) {
	for _, list := range [][]nodes.Ending{
		nil,
		{{Digest: durin.Digest{1, 2, 31: 3}, Gone: true}},
		{{ClientID: 1 << 40}, {ClientID: -1, Gone: true}, {}},
	} {
		text := endings.Encode(list)
		if len(text) != 1+endings.Size*len(list) {
			t.Errorf("%d endings take %d bytes", len(list), len(text))
		}
		if got, ok := endings.Decode(text); !ok || !slices.Equal(got, list) {
			t.Errorf("%v comes back as %v, %v", list, got, ok)
		}
	}
	got, _ := endings.Decode(endings.Encode([]nodes.Ending{{Seq: 7, At: time.Now(), ClientID: 1}}))
	if !slices.Equal(got, []nodes.Ending{{ClientID: 1}}) {
		t.Errorf("numbers and instants travel: %v", got)
	}
}

func TestStrangeMessages(t *testing.T) {
	for _, text := range []string{"", "\x00", "\x02", "\x01short"} {
		if got, ok := endings.Decode([]byte(text)); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(endings.Encode(nil))
	f.Add(endings.Encode([]nodes.Ending{{ClientID: 1, Gone: true}}))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, ok := endings.Decode(text)
		if !ok {
			return
		}
		// The last byte of an ending is 1 or anything else.
		if again := endings.Encode(list); len(again) != len(text) || !bytes.Equal(again[:min(33, len(again))], text[:min(33, len(text))]) {
			t.Errorf("%x comes back as %x", text, again)
		}
	})
}
