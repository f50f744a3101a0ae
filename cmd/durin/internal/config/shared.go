package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// The words that the setting notify takes beside a URL.
const (
	NotifyAuto = "auto"
	NotifyOff  = "off"
)

// sharedSettings are about what nodes on one database share besides it.
func sharedSettings() []setting {
	return []setting{
		{"redis", Serving, "URL", "Redis or Valkey that nodes share throttles and news through", "", setRedis},
		{"redis-away", Serving, "WORD", "throttles while Redis is away: local (each node by itself), closed (refuse) or open", "local",
			oneOf(func(c *Config) *string { return &c.RedisAway }, "local", "closed", "open")},
		{"redis-prefix", Serving, "TEXT", "beginning of all keys and channels there; the installation's own name follows it", "durin:", setRedisPrefix},
		{"notify", Serving, "WORD|URL", "PostgreSQL's NOTIFY between nodes: auto, off, or a URL that goes past a pooler", NotifyAuto, setNotify},
	}
}

var redisSchemes = []string{"redis", "rediss", "valkey", "valkeys", "unix"}

// setRedis repeats nothing of a URL that may hold a password.
func setRedis(c *Config, t string) error {
	c.Redis = t
	if t == "" {
		return nil
	}
	u, err := url.Parse(t)
	if err != nil || !slices.Contains(redisSchemes, u.Scheme) || u.Host == "" && u.Scheme != "unix" {
		return errors.New("not a URL of Redis: write redis://host:6379, or rediss://user@host:6380 with TLS; characters of the password that are special in a URL are written as %40 for @, %2F for /")
	}
	return nil
}

// setRedisPrefix takes no braces: they would choose the slot of a cluster.
func setRedisPrefix(c *Config, t string) error {
	if len(t) > 64 || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("{}*?[]\\\"", r) }) {
		return fmt.Errorf("%q is not made of at most 64 letters, digits and marks like : and -", t)
	}
	c.RedisPrefix = t
	return nil
}

func setNotify(c *Config, t string) error {
	c.Notify = t
	switch scheme, _, _ := strings.Cut(t, "://"); {
	case strings.EqualFold(t, NotifyAuto), strings.EqualFold(t, NotifyOff):
		c.Notify = strings.ToLower(t)
		return nil
	case scheme != t && (scheme == "postgres" || scheme == "postgresql"):
		return nil
	}
	return errors.New("write auto, off, or postgres://user@host/name")
}
