package api

import (
	"net/http"
	"strings"

	"github.com/durin-go/durin"
)

// claim returns the name of a header of a question that an application could take
// for one of ours, though it is spelt otherwise: CGI, WSGI, PHP and others read
// every character but letters and digits as one and the same. So it is with all
// that begins like our names do, for those that do not exist yet. A proxy passes
// on what it does not know, and what it asks with is what the application gets.
// Allowed are more names that the question may bear.
func (h *Handler) claim(header http.Header, allowed map[string]string) string {
	for name := range header {
		if !h.identity.isLike(name) || h.identity.has(name) {
			continue
		}
		if !contains(allowed, name) {
			return name
		}
	}
	return ""
}

func contains(names map[string]string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// has reports whether name, in canonical form, is one of ours.
func (names *identityHeaders) has(name string) bool {
	return name == names.userID || name == names.user || name == names.client || name == names.session || name == names.expiry
}

// isLike reports whether an application could take name for one of ours.
func (names *identityHeaders) isLike(name string) bool {
	if len(name) >= len(defaultIdentityPrefix) && alike(name[:len(defaultIdentityPrefix)], defaultIdentityPrefix) {
		return true
	}
	return alike(name, names.userID) || alike(name, names.user) || alike(name, names.client) || alike(name, names.session) || alike(name, names.expiry)
}

// alike compares header names as CGI does.
func alike(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if plainByte(a[i]) != plainByte(b[i]) {
			return false
		}
	}
	return true
}

func plainByte(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c | 0x20
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return c
	}
	return '-'
}

// maxClaimName bounds what an answer says of a caller's header.
const maxClaimName = 64

func errClaim(name string) error {
	if len(name) > maxClaimName {
		name = name[:maxClaimName] + "…"
	}
	return &durin.Error{Status: http.StatusBadRequest,
		Detail: "A header of the request has a name that is reserved for what the application is told about its caller: " + strings.ToValidUTF8(name, "") + ". Send it under another name."}
}
