// Package endings writes endings for the channels that nodes announce them on.
package endings

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/durin-go/durin/nodes"
)

// A message has a version, then 41 bytes for each ending: the digest, the
// client's id and whether it is gone for good. One without endings is a sign of
// life.
const (
	version = 1
	// Size is what one ending takes in a message, in bytes; the version
	// takes one more.
	Size = 32 + 8 + 1
)

// Encode returns list as a message. Instants and numbers are left out: who hears
// of an ending needs neither.
func Encode(list []nodes.Ending) []byte {
	text := append(make([]byte, 0, 1+Size*len(list)), version)
	for _, e := range list {
		text = append(text, e.Digest[:]...)
		text = binary.BigEndian.AppendUint64(text, uint64(e.ClientID))
		gone := byte(0)
		if e.Gone {
			gone = 1
		}
		text = append(text, gone)
	}
	return text
}

// Decode reports false for what this version does not understand: something has
// happened, nobody knows what. A sign of life has no endings.
func Decode(text []byte) (list []nodes.Ending, ok bool) {
	if len(text) == 0 || text[0] != version || (len(text)-1)%Size != 0 {
		return nil, false
	}
	for text = text[1:]; len(text) > 0; text = text[Size:] {
		list = append(list, nodes.Ending{
			Digest:   [sha256.Size]byte(text[:32]),
			ClientID: int64(binary.BigEndian.Uint64(text[32:40])),
			Gone:     text[40] == 1,
		})
	}
	return list, true
}
