package output

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "zoë ☂ 漢字": "zoë ☂ 漢字", "a\x1b[31mb": `a\x1b[31mb`, "a\nb": `a\nb`, "a\u202eb": `a\u202eb`,
		"\x9b31m": `\x9b31m`, "\u009b": `\u009b`, "\xff": `\xff`, "\ufffd": "\ufffd", "\U000e0001": `\U000e0001`, "a\u00a0b": `a\u00a0b`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := CleanLines("a\n\tb\x1b"); got != "a\n\tb\\x1b" {
		t.Errorf("CleanLines: %q", got)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("a\x1b[31m\u202e\U000e0001\u009b<&>")
	f.Fuzz(func(t *testing.T, text string) {
		var b bytes.Buffer
		if err := New(&b, false).JSON([]string{text}); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%q holds %U", b.String(), r)
			}
		}
		var back []string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || back[0] != string([]rune(text)) {
			t.Errorf("%q comes back as %q (%v)", text, back, err)
		}
	})
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	New(&b, false).Table([]string{"name", "n"}, [][]string{{"漢字", "1"}, {"a\x1b[1m", "22"}})
	if want := "name      n\n漢字      1\na\\x1b[1m  22\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	New(&b, false).Table([]string{"name"}, nil)
	if b.String() != "name\n" {
		t.Errorf("without rows: %q", b.String())
	}
}
