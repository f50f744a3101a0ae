package payload

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 decodes text in the given character set. One that it does not know is
// taken for UTF-8. The result may be invalid UTF-8.
func toUTF8(text []byte, charset string) []byte {
	switch strings.NewReplacer("_", "", "-", "").Replace(charset) {
	case "latin1", "iso88591", "l1", "cp819":
		return []byte(latin1(text))
	case "utf16":
		return fromUTF16(text, nil)
	case "utf16le":
		return fromUTF16(text, binary.LittleEndian)
	case "utf16be":
		return fromUTF16(text, binary.BigEndian)
	default:
		return text
	}
}

func latin1[T string | []byte](text T) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

// latin1OrUTF8 is the text of a header's bytes.
func latin1OrUTF8(header string) string {
	if utf8.ValidString(header) {
		return header
	}
	return latin1(header)
}

// fromUTF16 decodes UTF-16; without an order the byte order mark tells it, and
// without that it is little endian. What is not UTF-16 becomes an invalid byte.
func fromUTF16(text []byte, order binary.ByteOrder) []byte {
	if order == nil {
		order = binary.LittleEndian
		if len(text) >= 2 && text[0] == 0xfe && text[1] == 0xff {
			order = binary.BigEndian
		}
		if len(text) >= 2 && order.Uint16(text) == 0xfeff {
			text = text[2:]
		}
	}
	var out []byte
	for len(text) >= 2 {
		r := rune(order.Uint16(text))
		text = text[2:]
		if utf16.IsSurrogate(r) && len(text) >= 2 {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(text))); pair != utf8.RuneError {
				r, text = pair, text[2:]
			}
		}
		if utf16.IsSurrogate(r) {
			out = append(out, 0xff)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	if len(text) > 0 {
		out = append(out, 0xff)
	}
	return out
}

// decodeLossy decodes text for forms: what is no text becomes U+FFFD.
func decodeLossy(text []byte, charset string) string {
	return strings.ToValidUTF8(string(toUTF8(text, charset)), "\uFFFD")
}
