package payload

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep lists and objects may be nested.
const maxDepth = 256

// parseJSON reads one JSON text. Names of members compare with case, and of
// several with one name the last counts. It refuses what encoding/json mends
// (invalid UTF-8), and tells of lone surrogates.
func parseJSON(text []byte) (Value, error) {
	if !utf8.Valid(text) {
		return Value{}, malformed("JSON", "the text is not valid UTF-8")
	}
	var whole json.RawMessage // without the blanks around it
	if err := json.Unmarshal(text, &whole); err != nil {
		return Value{}, malformed("JSON", "%v", err)
	}
	if depth(whole) > maxDepth {
		return Value{}, malformed("JSON", "too deeply nested")
	}
	v := valueOf(whole)
	if v.Kind != Object {
		return v, nil
	}
	v.Fields = map[string]Value{}
	d := json.NewDecoder(bytes.NewReader(whole))
	_, err := d.Token() // the opening brace
	for err == nil && d.More() {
		var name json.Token
		var member json.RawMessage
		if name, err = d.Token(); err == nil {
			err = d.Decode(&member)
		}
		if name, ok := name.(string); ok && err == nil {
			v.Fields[name] = valueOf(member)
		}
	}
	if err != nil {
		return Value{}, malformed("JSON", "%v", err)
	}
	return v, nil
}

// depth is how deep lists and objects are nested in valid JSON.
func depth(text []byte) int {
	now, most, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			now++
			most = max(most, now)
		case c == ']' || c == '}':
			now--
		}
	}
	return most
}

// valueOf is what valid JSON holds, but for an object's members.
func valueOf(text []byte) Value {
	switch text[0] {
	case 'n':
		return Value{Kind: Null}
	case 't':
		return Value{Kind: Bool, True: true, Text: "True"}
	case 'f':
		return Value{Kind: Bool, Text: "False"}
	case '"':
		v := Value{Kind: String, Surrogate: loneSurrogate(text)}
		_ = json.Unmarshal(text, &v.Text)
		return v
	case '[', '{':
		v := Value{Kind: List, Empty: len(bytes.TrimSpace(text[1:len(text)-1])) == 0}
		if text[0] == '{' {
			v.Kind = Object
		}
		return v
	}
	if bytes.ContainsAny(text, ".eE") {
		return Value{Kind: Float, Text: string(text)}
	}
	return Value{Kind: Int, Text: string(text)}
}

// loneSurrogate is the first half of a pair without the other in a JSON string,
// or zero.
func loneSurrogate(text []byte) rune {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		r := escaped(text[i:])
		if utf16.IsSurrogate(r) {
			if utf16.DecodeRune(r, escaped(text[i+6:])) == utf8.RuneError {
				return r
			}
			i += 10
		}
		i++
	}
	return 0
}

// escaped is what \uXXXX at the beginning of text stands for, or zero.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	r, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(r)
}
