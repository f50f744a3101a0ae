package importer

import (
	"bytes"
	"regexp"
)

// dumpJSON is the command that makes what is read here. -X utf8 counts on Windows,
// where Django writes the file in the system's encoding otherwise.
const dumpJSON = `"python -X utf8 manage.py dumpdata --format json --output dump.json" and the names of the apps`

// maxHead is how much of a file's beginning tells what it is.
const maxHead = 512

var yamlHead = regexp.MustCompile(`\A(?:%YAML|---|- *(?:model|pk|fields) *:)`)

// notJSON tells what a file is that begins with head and is no JSON, and how to
// make JSON of it; "" if it may be JSON.
func notJSON(head []byte) string {
	begins := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	switch {
	case begins("\xFF\xFE\x00\x00"), begins("\x00\x00\xFE\xFF"):
		return "the text is UTF-32, not UTF-8: write it with " + dumpJSON
	case isUTF16(head):
		return "the text is UTF-16, not UTF-8, as some shells write it: let Django write the file, with " + dumpJSON
	case begins("\xFD7zXZ\x00"):
		return `the file is packed by xz: unpack it with "xz -d"`
	case begins("BZh"):
		return `the file is packed by bzip2: unpack it with "bunzip2"`
	case begins("\x28\xB5\x2F\xFD"):
		return `the file is packed by zstd: unpack it with "zstd -d"`
	case begins("PK\x03\x04"):
		return `the file is a ZIP archive: unpack it with "unzip"`
	case begins("SQLite format 3\x00"), begins("PGDMP"), bytes.HasPrefix(text, []byte("-- ")), bytes.HasPrefix(text, []byte("CREATE ")):
		return "this is a database or a dump of its tables, not one of Django's: make one with " + dumpJSON
	case bytes.HasPrefix(text, []byte("<")):
		return "this is XML, not JSON: make the dump with " + dumpJSON
	case yamlHead.Match(text):
		return "this is YAML, not JSON: make the dump with " + dumpJSON
	}
	return ""
}

// isUTF16 reports a byte order mark of UTF-16, or ASCII in it without one.
func isUTF16(head []byte) bool {
	if len(head) < 2 {
		return false
	}
	first, second := head[0], head[1]
	return first == 0xFE && second == 0xFF || first == 0xFF && second == 0xFE || first != 0 && first < 0x80 && second == 0 || first == 0 && second != 0 && second < 0x80
}
