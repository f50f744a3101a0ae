package durin

import (
	"net/http"
	"strings"

	"github.com/durin-go/durin/internal/header"
)

// tokenOf returns the token in the Authorization header: "" without an error
// when there is none for us, as in django-rest-durin. Of two headers that differ
// none counts: a proxy in front may have looked at the other one.
func (g *Guard) tokenOf(r *http.Request) (string, error) {
	value, ok := header.Single(r.Header["Authorization"])
	if !ok {
		return "", errBadHeader
	}
	scheme, rest := cutField(value)
	if !g.knowsScheme(scheme) {
		return "", nil
	}
	token, rest := cutField(rest)
	if token == "" {
		return "", errEmptyHeader
	}
	if more, _ := cutField(rest); more != "" {
		return "", errSpacedHeader
	}
	return token, nil
}

func (g *Guard) knowsScheme(scheme string) bool {
	for _, s := range g.opt.Schemes {
		if len(s) == len(scheme) && strings.EqualFold(s, scheme) {
			return true
		}
	}
	return false
}

// cutField splits off the first run of bytes that are no ASCII blanks.
func cutField(s string) (field, rest string) {
	start := 0
	for start < len(s) && isBlank(s[start]) {
		start++
	}
	end := start
	for end < len(s) && !isBlank(s[end]) {
		end++
	}
	return s[start:end], s[end:]
}

// isBlank reports the bytes that Python's bytes.split takes for blanks.
func isBlank(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}
