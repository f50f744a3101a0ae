package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/durin-go/durin"
)

// besideSettings are about what runs beside an application: proxies, other
// services, browsers.
func besideSettings() []setting {
	return []setting{
		{"identity-prefix", Serving, "WORD", "begins the names of the headers that tell an application who asks", "X-Durin-", setIdentityPrefix},
		{"signin-url", Serving, "URL", "page that verify sends people to who open a page and are not signed in: a URL, or a path of the same host, like /account/", "", setSignInURL},
		{"return-to", Serving, "LIST", "hosts that a sign-in may lead back to, besides the sign-in page's own", "", setReturnTo},
		{"cookie-name", Serving, "NAME", "cookie that tokens of cookie clients travel in", durin.DefaultCookie, setCookieName},
		{"introspection-ttl", Serving, "SPAN", "how far ahead exp is at most where introspection tells it, for services that keep answers until then; never: as the token has it", "never", positive(func(c *Config) *time.Duration { return &c.IntrospectionTTL })},
		{"cookie-token", Serving, "", "answer logins of cookie clients with the token too", "false", yesNo(func(c *Config) *bool { return &c.CookieToken })},
		{"cors-credentials", Serving, "", "let pages of cors-origin send the cookie", "false", yesNo(func(c *Config) *bool { return &c.CORSCredentials })},
	}
}

func setIdentityPrefix(c *Config, t string) error {
	for _, r := range t {
		if r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return fmt.Errorf("%q cannot begin a header's name: use letters, digits and dashes", t)
		}
	}
	if t == "" {
		return errors.New("name the beginning of a header, like X-Durin-")
	}
	c.IdentityPrefix = t
	return nil
}

func setSignInURL(c *Config, t string) error {
	u, err := url.Parse(t)
	if err == nil && strings.HasPrefix(t, "/") && !strings.HasPrefix(t, "//") && !strings.ContainsFunc(t, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' || c == '#' }) {
		c.SignInURL = t
		return nil
	}
	if t != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "") {
		return errors.New("not a plain URL: write it like /account/ or https://app.example.org/login")
	}
	c.SignInURL = t
	return nil
}

func setReturnTo(c *Config, t string) error {
	c.ReturnTo = items(t)
	var faults []error
	for _, host := range c.ReturnTo {
		if strings.ContainsAny(host, "/*@ ") {
			faults = append(faults, fmt.Errorf("%q is not a host: write each like app.example.org, or app.example.org:8443; * is not taken", host))
		}
	}
	return errors.Join(faults...)
}
