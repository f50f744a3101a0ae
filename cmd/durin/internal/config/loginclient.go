package config

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// A LoginClient says how the client of a login is named. One of its fields is set.
type LoginClient struct {
	Field     string // of the login's body
	Header    string // of the login, in canonical form
	Name      string // the same for all logins
	UserAgent bool   // after the program that sends the login
}

// loginClientForms is what an error says of the setting.
const loginClientForms = "write field:client, header:X-Api-Client, user-agent, or =web"

// maxClientName is the longest name of a client, in characters.
const maxClientName = 64

func setLoginClient(c *Config, t string) error {
	c.LoginClient = LoginClient{}
	kind, name, named := strings.Cut(t, ":")
	switch {
	case strings.HasPrefix(t, "="):
		c.LoginClient.Name = t[1:]
		if n := utf8.RuneCountInString(t[1:]); n == 0 || n > maxClientName || !utf8.ValidString(t) {
			return fmt.Errorf("%q names no client: %s", t, loginClientForms)
		}
	case t == "user-agent":
		c.LoginClient.UserAgent = true
	case t == "field":
		c.LoginClient.Field = "client"
	case kind == "field" && named:
		return setClientField(c, name)
	case kind == "header" && named:
		return setClientHeader(c, name)
	default:
		return fmt.Errorf("%q is no way to name a client: %s", t, loginClientForms)
	}
	return nil
}

// setClientField refuses the fields that have another meaning in a login.
func setClientField(c *Config, name string) error {
	if name == "" || slices.Contains([]string{"username", "password", "device"}, name) {
		return fmt.Errorf("%q is not a field that can name the client: %s", name, loginClientForms)
	}
	c.LoginClient.Field = name
	return nil
}

// setClientHeader refuses what cannot be a header, and headers with secrets.
func setClientHeader(c *Config, name string) error {
	if !isToken(name) {
		return fmt.Errorf("%q is not the name of a header: %s", name, loginClientForms)
	}
	name = http.CanonicalHeaderKey(name)
	if slices.Contains([]string{"Authorization", "Proxy-Authorization", "Cookie"}, name) {
		return errors.New("the header " + name + " bears secrets, and cannot name a client")
	}
	c.LoginClient.Header = name
	return nil
}

// isToken reports a token of HTTP (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// setCookieName refuses names whose beginning browsers may not take for the
// promise that it is meant to be (RFC 6265bis section 4.1.3), and those of the
// pages' own cookies.
func setCookieName(c *Config, t string) error {
	if !isToken(t) {
		return fmt.Errorf("%q cannot be the name of a cookie: use letters, digits, dashes and underscores", t)
	}
	for _, begin := range []string{"__Host-", "__Secure-"} {
		if len(t) >= len(begin) && strings.EqualFold(t[:len(begin)], begin) && (t[:len(begin)] != begin || t == begin) {
			return fmt.Errorf("%q: write %s in these letters, and a name behind it", t, begin)
		}
	}
	for _, own := range []string{"__Host-durin-admin", "__Host-durin-account"} {
		if t == own || strings.HasPrefix(t, own+"-") {
			return fmt.Errorf("%q is a cookie of the pages: choose another", t)
		}
	}
	c.CookieName = t
	return nil
}
