package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/durin-go/durin/internal/publicurl"
)

// items splits a list at its commas.
func items(list string) []string {
	var all []string
	for _, item := range strings.Split(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

func address(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, t string) error {
		*field(c) = t
		if t == "" {
			return nil
		}
		_, port, err := net.SplitHostPort(t)
		if err != nil {
			return fmt.Errorf("%q is not an address: write 127.0.0.1:8000, [::1]:8000 or :8000", t)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return fmt.Errorf("%q is not an address: %q is not a port from 0 to 65535", t, port)
		}
		return nil
	}
}

// socketPrefix begins the address of a unix socket.
const socketPrefix = "unix:"

// verifyAddress takes a socket of the file system, too.
func verifyAddress(c *Config, t string) error {
	path, isSocket := strings.CutPrefix(t, socketPrefix)
	if !isSocket {
		return address(func(c *Config) *string { return &c.VerifyAddr })(c, t)
	}
	c.VerifyAddr = t
	if !filepath.IsAbs(path) || path != filepath.Clean(path) || len(path) > maxSocketPath {
		return fmt.Errorf("%q is not a socket: write unix: and an absolute path of at most %d bytes, like unix:/run/durin/verify.sock", t, maxSocketPath)
	}
	return nil
}

// maxSocketPath is what every system takes.
const maxSocketPath = 100

func setMount(c *Config, t string) error {
	mount := strings.TrimSuffix(t, "/")
	switch {
	case mount == "":
		c.Mount = ""
		return nil
	case mount[0] != '/':
		return fmt.Errorf("%q does not begin with a slash", t)
	case mount != path.Clean(mount) || strings.ContainsAny(mount, "?#%\\") || strings.ContainsFunc(mount, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fmt.Errorf("%q is not a plain path: write it like /api/auth", t)
	}
	c.Mount = mount
	return nil
}

func setPublicURL(c *Config, t string) error {
	if t == "" {
		c.PublicURL = nil
		return nil
	}
	u, err := url.Parse(t)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("not a plain URL: write it like https://auth.example.org")
	}
	var plain Config
	if setMount(&plain, u.Path) != nil || u.RawPath != "" {
		return errors.New("its path is not plain: write it like https://example.org/auth")
	}
	u.Path = plain.Mount
	c.PublicURL = u
	return nil
}

// Prefix is the path of PublicURL, "" where there is none.
func (c *Config) Prefix() string {
	if c.PublicURL == nil {
		return ""
	}
	return c.PublicURL.Path
}

// Public is where the world reaches a path of the server: a whole address where
// PublicURL is set.
func (c *Config) Public(path string) string {
	if c.PublicURL == nil {
		return path
	}
	return publicurl.Join(c.PublicURL.String(), path)
}

func setProxies(c *Config, t string) error {
	c.TrustedProxies = nil
	var faults []error
	for _, item := range items(t) {
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			addr, addrErr := netip.ParseAddr(item)
			if addrErr != nil {
				faults = append(faults, fmt.Errorf("%q is not an address or a network: write 10.0.0.7 or 10.0.0.0/8", item))
				continue
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix.Masked())
	}
	return errors.Join(faults...)
}

func setOrigins(c *Config, t string) error {
	c.CORSOrigins = nil
	var faults []error
	for _, item := range items(t) {
		u, err := url.Parse(item)
		if err != nil || u.Scheme == "" || u.Host == "" || item != u.Scheme+"://"+u.Host || strings.ToLower(item) != item {
			faults = append(faults, fmt.Errorf("%q is not an origin: write each like https://app.example.org, in small letters, without a path; * is not taken", item))
			continue
		}
		c.CORSOrigins = append(c.CORSOrigins, item)
	}
	return errors.Join(faults...)
}

func setSchemes(c *Config, t string) error {
	c.AuthSchemes = nil
	var faults []error
	for _, scheme := range strings.Split(t, ",") {
		scheme = strings.TrimSpace(scheme)
		if scheme == "" || strings.ContainsFunc(scheme, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }) {
			faults = append(faults, fmt.Errorf("%q cannot be a scheme: it is empty or has a blank in it", scheme))
			continue
		}
		c.AuthSchemes = append(c.AuthSchemes, scheme)
	}
	return errors.Join(faults...)
}
