// Package publicurl tells where the world reaches a server that is behind a
// proxy, under a path of the proxy's perhaps. It is the one place that knows.
package publicurl

import (
	"net/url"
	"strings"
)

// Join returns the address at which the world reaches a path of a server whose
// root it reaches at public: https://example.org/auth and /login make
// https://example.org/auth/login. A path that lies below public's own already is
// one that the proxy passes on as it is, and is not put below it again: /auth/login
// makes the same.
func Join(public, path string) string {
	public = strings.TrimRight(public, "/")
	if rest, below := Cut(path, Prefix(public)); below {
		path = rest
	}
	return public + path
}

// Prefix is the path of public without a slash at its end: "" for an origin.
func Prefix(public string) string {
	u, err := url.Parse(public)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// Cut returns what of path is behind prefix, and whether path lies below it.
func Cut(path, prefix string) (rest string, below bool) {
	rest, below = strings.CutPrefix(path, prefix)
	if !below || rest != "" && rest[0] != '/' {
		return path, false
	}
	if rest == "" {
		rest = "/"
	}
	return rest, true
}
