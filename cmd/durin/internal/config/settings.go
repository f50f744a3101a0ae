package config

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/throttle"
)

// A setting is one thing that can be set. Its text is the same wherever it
// stands.
type setting struct {
	name  string
	scope Scope
	arg   string // what stands for its value in the help; empty: yes or no
	usage string
	text  string // the default
	set   func(c *Config, text string) error
}

func (s setting) isSwitch() bool { return s.arg == "" }

// settings lists all of them, in the order of the help.
func settings() []setting {
	return slices.Concat(commonSettings(), servingSettings(), tokenSettings(), auditSettings(), besideSettings(), sharedSettings(), tracingSettings(), compatSettings())
}

func commonSettings() []setting {
	return []setting{
		{"db", Common, "PATH|URL", "database: a file, postgres://… or mysql://…", "durin.db", func(c *Config, t string) error {
			if strings.TrimSpace(t) == "" {
				return errors.New("name a file or a URL")
			}
			c.DB = t
			return nil
		}},
		{"key-file", Common, "PATH", "file of the keys that seal tokens (default durin.key beside the database)", "", text(func(c *Config) *string { return &c.KeyFile })},
		{"password-denylist", Common, "PATH", "file of breached passwords that nobody may take: one a line, or its SHA-1, in ascending order", "", text(func(c *Config) *string { return &c.PasswordDenylist })},
		{"log-format", Common, "FORM", "text, json, or auto: text on a terminal", "auto", oneOf(func(c *Config) *string { return &c.LogFormat }, "auto", "text", "json")},
		{"log-level", Common, "LEVEL", "debug, info, warn or error", "info", setLevel},
	}
}

func servingSettings() []setting {
	return []setting{
		{"addr", Serving, "HOST:PORT", "address to serve on; port 0 picks a free one", "127.0.0.1:8000", address(func(c *Config) *string { return &c.Addr })},
		{"addr-file", Serving, "PATH", "file to write the address to, once it is listened on", "", text(func(c *Config) *string { return &c.AddrFile })},
		{"mount", Serving, "PATH", "path of the API", "/api/auth", setMount},
		{"demo", Serving, "", "serve the demonstration routes under the mount", "false", yesNo(func(c *Config) *bool { return &c.Demo })},
		{"public-url", Serving, "URL", "how the world reaches this server (default: as it is asked)", "", setPublicURL},
		{"trusted-proxies", Serving, "LIST", "addresses or networks whose Forwarded and X-Forwarded-For are believed", "", setProxies},
		{"cors-origin", Serving, "LIST", "origins whose pages may call the API from a browser", "", setOrigins},
		{"ops-addr", Serving, "HOST:PORT", "address of /readyz and /metrics (default: the main one, for callers on this host)", "", address(func(c *Config) *string { return &c.OpsAddr })},
		{"verify-addr", Serving, "HOST:PORT|unix:PATH", "address at which the proxy asks (verify), for it alone; addr then answers 404 there (default: on addr, for everybody)", "", verifyAddress},
		{"tls-cert", Serving, "PATH", "certificate chain, PEM; serves HTTPS", "", text(func(c *Config) *string { return &c.TLSCert })},
		{"tls-key", Serving, "PATH", "key of the certificate, PEM", "", text(func(c *Config) *string { return &c.TLSKey })},
		{"max-connections", Serving, "N", "connections that may be open on addr at a time", "10000", count(func(c *Config) *int { return &c.MaxConnections })},
		{"request-time", Serving, "SPAN", "read timeout of a request; the header timeout is 1/6 of it, the write timeout 1.5 times", "60s", setRequestTime},
		{"drain-time", Serving, "SPAN", "how long to go on after the signal to stop, while /readyz says 503", "0", setDrainTime},
		{"pid-file", Serving, "PATH", "file to write the process id to", "", text(func(c *Config) *string { return &c.PIDFile })},
		{"access-log", Serving, "", "log every request", "false", yesNo(func(c *Config) *bool { return &c.AccessLog })},
	}
}

func tokenSettings() []setting {
	return []setting{
		{"token-ttl", Serving, "SPAN", "life time of clients that are made without one: 90m, 14d, never", "24h", positive(func(c *Config) *time.Duration { return &c.TokenTTL })},
		{"token-length", Serving, "N", "hexadecimal characters of a token", "64", setTokenLength},
		{"token-prefix", Serving, "WORD", "begin tokens with WORD_, and end them with a checksum", "", setTokenPrefix},
		{"auth-scheme", Serving, "LIST", "words before the token in the Authorization header", "Token,Bearer", setSchemes},
		{"login-user", Serving, "", "answer logins with the user's name too", "false", yesNo(func(c *Config) *bool { return &c.LoginUser })},
		{"login-client", Serving, "HOW", "what names the client of a login: field:NAME of the body, header:NAME, user-agent, or =NAME for all", "field:client", setLoginClient},
		{"expiry-format", Serving, "FORM", "iso-8601, none, or a strftime pattern", "iso-8601", text(func(c *Config) *string { return &c.ExpiryFormat })},
		{"timezone", Serving, "ZONE", "time zone of instants in answers", "UTC", setTimezone},
		{"cache-ttl", Serving, "SPAN", "how long a session is kept in memory; 0 turns the cache off", "60s", notNegative(func(c *Config) *time.Duration { return &c.CacheTTL })},
		{"refresh-on-login", Serving, "", "a login that gets an existing token renews it", "false", yesNo(func(c *Config) *bool { return &c.RefreshOnLogin })},
		{"api-access-client", Serving, "NAME", "client of API keys (default: there are none)", "", text(func(c *Config) *string { return &c.APIAccessClient })},
		{"api-access-hide-session", Serving, "", "leave API keys out of the list of sessions", "false", yesNo(func(c *Config) *bool { return &c.APIAccessHideSession })},
		{"api-access-show-token", Serving, "", "show the API key again to its owner", "false", yesNo(func(c *Config) *bool { return &c.APIAccessShowToken })},
		{"api-access-password", Serving, "", "ask for the user's password before an API key is made", "false", yesNo(func(c *Config) *bool { return &c.APIAccessPassword })},
		{"throttle", Serving, "RATE", "rate of clients that have none: 100/h; 0/m blocks", "", setThrottle},
		{"usage-retention", Serving, "SPAN", "how long the daily counts of users are kept, never prunes none", "400d", positive(func(c *Config) *time.Duration { return &c.UsageRetention })},
		{"login-names", Serving, "exact|folded", "whom a name that is typed at a login means: the user of that very name, or also the only one whose name differs in case", "exact", func(c *Config, t string) error {
			var word string
			err := oneOf(func(*Config) *string { return &word }, string(durin.LoginNamesExact), string(durin.LoginNamesFolded))(c, t)
			c.LoginNames = durin.LoginNames(word)
			return err
		}},
		{"login-limit", Serving, "LIMITS", "slow down those who guess passwords: on, off, or numbers like pair=10,account=20", "on", setLoginLimit},
		{"hash-nice", Serving, "N", "how much the process that computes password hashes gives way where it has to share the cores, 0 to 19: the more, the less logins slow everything else, and the longer they take; 0: it shares them at all times", "10", setHashNice},
		{"prune-after", Serving, "SPAN", "how long an expired token is kept; never prunes none", "24h", notNegative(func(c *Config) *time.Duration { return &c.PruneAfter })},
	}
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, t string) error {
		*field(c) = t
		return nil
	}
}

func oneOf(field func(*Config) *string, words ...string) func(*Config, string) error {
	return func(c *Config, t string) error {
		for _, w := range words {
			if strings.EqualFold(w, t) {
				*field(c) = w
				return nil
			}
		}
		return fmt.Errorf("%q is not one of %s", t, strings.Join(words, ", "))
	}
}

func count(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, t string) error {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a whole number above zero", t)
		}
		*field(c) = n
		return nil
	}
}

func yesNo(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, t string) error {
		v, err := parseSwitch(t)
		*field(c) = v
		return err
	}
}

func parseSwitch(t string) (bool, error) {
	switch strings.ToLower(t) {
	case "on", "yes":
		return true, nil
	case "off", "no":
		return false, nil
	}
	v, err := strconv.ParseBool(t)
	if err != nil {
		return false, fmt.Errorf("%q is not one of true, false, on, off, yes, no", t)
	}
	return v, nil
}

func positive(field func(*Config) *time.Duration) func(*Config, string) error {
	return spanOf(field, time.Microsecond, "must be longer than zero")
}

func notNegative(field func(*Config) *time.Duration) func(*Config, string) error {
	return spanOf(field, 0, "may not be negative")
}

func spanOf(field func(*Config) *time.Duration, least time.Duration, fault string) func(*Config, string) error {
	return func(c *Config, t string) error {
		d, err := span.Parse(t)
		if err != nil {
			return fmt.Errorf("%q is %w", t, err)
		}
		if d < least {
			return fmt.Errorf("%q %s", t, fault)
		}
		*field(c) = d
		return nil
	}
}

func setHashNice(c *Config, t string) error {
	n, err := strconv.Atoi(t)
	if err != nil || n < 0 || n > 19 {
		return fmt.Errorf("%q is not a whole number from 0 to 19", t)
	}
	c.HashNice = n
	return nil
}

// setRequestTime takes what a slow line needs, and not what ties up the server.
func setRequestTime(c *Config, t string) error {
	err := notNegative(func(c *Config) *time.Duration { return &c.RequestTime })(c, t)
	if err == nil && (c.RequestTime < time.Second || c.RequestTime > time.Hour) {
		return fmt.Errorf("%q is not between a second and an hour", t)
	}
	return err
}

// maxDrain bounds drain-time: service managers kill what takes for ever to stop.
const maxDrain = time.Hour

func setDrainTime(c *Config, t string) error {
	err := notNegative(func(c *Config) *time.Duration { return &c.DrainTime })(c, t)
	if err == nil && c.DrainTime > maxDrain {
		return fmt.Errorf("%q is longer than an hour", t)
	}
	return err
}

func setThrottle(c *Config, t string) (err error) {
	c.Throttle, err = throttle.ParseRate(t)
	return err
}

func setLevel(c *Config, t string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(t)); err != nil {
		return fmt.Errorf("%q is not one of debug, info, warn, error", t)
	}
	c.LogLevel = level
	return nil
}

func setTimezone(c *Config, t string) error {
	zone, err := time.LoadLocation(t)
	if err != nil || t == "" || strings.EqualFold(t, "local") {
		return fmt.Errorf("%q is not a time zone: write UTC, Europe/Berlin, Asia/Kolkata", t)
	}
	c.Timezone = zone
	return nil
}

// Bounds of the token's form; the Guard has the same.
const (
	minTokenLength = 32
	maxTokenLength = 256
	maxPrefix      = 16
)

func setTokenLength(c *Config, t string) error {
	n, err := strconv.Atoi(t)
	if err != nil || n < minTokenLength || n > maxTokenLength {
		return fmt.Errorf("%q is not a whole number from %d to %d", t, minTokenLength, maxTokenLength)
	}
	c.TokenLength = n
	return nil
}

func setTokenPrefix(c *Config, t string) error {
	if len(t) > maxPrefix || strings.ContainsFunc(t, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}) {
		return fmt.Errorf("%q is not made of at most %d letters, digits and underscores", t, maxPrefix)
	}
	c.TokenPrefix = t
	return nil
}
