// Package header reads header fields that may be in a request once only.
package header

// Single is the value of a field that has one (RFC 9110 section 5.3), and whether
// there is no doubt about it: lines that say the same count as one, and what is
// not there is empty. Who reads the first of several, and who reads the last, let
// different callers in.
func Single(values []string) (value string, ok bool) {
	if len(values) == 0 {
		return "", true
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return "", false
		}
	}
	return values[0], true
}
