package payload

import "strings"

// A mediaType is a Content-Type header taken apart as Django does: leniently,
// without case but for the parameters' values.
type mediaType struct {
	main, sub string
	params    map[string]string
}

func parseMediaType(header string) mediaType {
	full, rest, _ := strings.Cut(header, ";")
	main, sub, _ := strings.Cut(strings.ToLower(strings.TrimSpace(full)), "/")
	return mediaType{main, sub, parseParams(rest)}
}

// parseParams reads name=value pairs with a semicolon between them; values may
// be quoted. The first of several with one name counts.
func parseParams(s string) map[string]string {
	params := map[string]string{}
	for s != "" {
		var pair string
		pair, s = cutParam(s)
		name, value, ok := strings.Cut(pair, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, taken := params[name]; !ok || taken {
			continue
		}
		value = strings.TrimSpace(value)
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = unquote.Replace(value[1 : len(value)-1])
		}
		params[name] = value
	}
	return params
}

var unquote = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// cutParam splits s at the first semicolon outside of quotes.
func cutParam(s string) (pair, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// matches reports whether the type is main/sub; a * in it is anything.
func (t mediaType) matches(main, sub string) bool {
	return (t.main == main || t.main == "*") && (t.sub == sub || t.sub == "*")
}

// charset is the name of the character set, in lower case; empty for none.
func (t mediaType) charset() string { return strings.ToLower(t.params["charset"]) }
