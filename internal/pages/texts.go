package pages

import (
	"fmt"
	"strings"
)

// Texts are the words of pages by their keys. Those that count have two:
// key.one and key.other.
type Texts map[string]string

// ParseTexts reads files of "key = text" lines. Empty lines and lines of "#" mean
// nothing; a later file goes before an earlier one.
func ParseTexts(files ...string) (Texts, error) {
	t := Texts{}
	for _, file := range files {
		n := 0
		for line := range strings.Lines(file) {
			n++
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			key, text, ok := strings.Cut(line, " = ")
			if !ok {
				return nil, fmt.Errorf("texts, line %d: no \" = \" in it", n)
			}
			t[strings.TrimSpace(key)] = strings.TrimSpace(text)
		}
	}
	return t, nil
}

// Text is the text of that key with its arguments, or the key itself where there
// is none.
func (t Texts) Text(key string, args ...any) string {
	text, ok := t[key]
	if !ok {
		return key
	}
	if len(args) == 0 || !strings.Contains(text, "%") {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Count is the text of that key for n things: the number is its first argument.
func (t Texts) Count(key string, n int, args ...any) string {
	if n == 1 {
		key += ".one"
	} else {
		key += ".other"
	}
	return t.Text(key, append([]any{Number(n)}, args...)...)
}

// Number writes n with a comma between thousands.
func Number[T int | int64](n T) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Bounded writes a count that stopped at limit: "10,000+".
func Bounded(n, limit int) string {
	if n >= limit {
		return Number(limit) + "+"
	}
	return Number(n)
}
