// Package config gathers what the program is told to do: by flags, by the
// environment, by a file, in that order of precedence.
//
// Every setting has one name. "token-ttl" is the flag --token-ttl, the variable
// DURIN_TOKEN_TTL and the key token-ttl of the file.
package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/loginlimit"
)

// A Config is what all sources together say. Load makes one; its fields are
// valid each by itself and together.
type Config struct {
	// File is the configuration file that was read, or empty.
	File string
	// DB is where the database is: a path of a SQLite file, or the URL of a
	// server. It may hold a password: show database.Masked of it.
	DB string
	// KeyFile holds the sealing keys. Empty: durin.key beside the database.
	KeyFile string
	// Key is the text of the keys themselves, and goes before KeyFile.
	Key durin.Secret

	Addr     string // host:port to serve on; port 0 picks one
	AddrFile string // the file that the address is written to, or empty
	OpsAddr  string // host:port of /readyz and /metrics, or empty
	// VerifyAddr is where a proxy asks, and nowhere else: host:port, unix:/path,
	// or empty: on Addr.
	VerifyAddr string
	PIDFile    string // the file that the process id is written to, or empty
	Mount      string // the API's path, without a slash at its end; "" is the root
	TLSCert    string // PEM file, or empty
	TLSKey     string
	// PublicURL is how the world reaches the server. Nil: as it is asked.
	PublicURL      *url.URL
	CORSOrigins    []string // "https://app.example.org"
	TrustedProxies []netip.Prefix
	Demo           bool
	MaxConnections int           // at most open on Addr
	RequestTime    time.Duration // in which a request must have come in
	DrainTime      time.Duration // between the signal to stop and the end of accepting

	IdentityPrefix string // "X-Durin-"
	// IntrospectionTTL bounds exp where introspection tells it. durin.Never:
	// it is the token's own expiry.
	IntrospectionTTL time.Duration
	SignInURL        string   // empty: nobody is sent to sign in
	ReturnTo         []string // hosts, "app.example.org"
	CookieName       string
	CookieToken      bool
	CORSCredentials  bool

	TokenTTL       time.Duration
	TokenLength    int
	TokenPrefix    string
	AuthSchemes    []string
	LoginUser      bool
	LoginClient    LoginClient
	ExpiryFormat   string // "iso-8601", "none", or a strftime pattern
	Timezone       *time.Location
	LoginNames     durin.LoginNames
	CacheTTL       time.Duration // zero: off
	RefreshOnLogin bool
	Throttle       durin.Rate
	LoginLimit     bool
	// PasswordDenylist is a file of passwords that nobody may take. Empty: none.
	PasswordDenylist string
	HashNice         int // of the process that computes password hashes
	LoginNumbers     loginlimit.Numbers
	PruneAfter       time.Duration // durin.Never: for ever
	UsageRetention   time.Duration // durin.Never: for ever

	Audit      bool
	AuditKeep  time.Duration // durin.Never: for ever
	AuditChain string        // empty: the host's name
	AuditQueue int           // rows, at most, that wait for the database
	// Given are the settings that are not the default, by name. Some hold
	// passwords, as DB.
	Given map[string]string
	// Named are the settings that a flag, the environment or the file names,
	// be it with the default.
	Named    map[string]bool
	fromFile []string // those of Given that the file says

	APIAccessClient      string // empty: no such route
	APIAccessHideSession bool
	APIAccessShowToken   bool
	APIAccessPassword    bool

	// Redis is the URL of the server that nodes share, or empty. It may hold
	// a password, as DB.
	Redis     string
	RedisAway string // "local", "closed" or "open"
	// RedisPrefix begins keys and channels, before the installation's name.
	RedisPrefix string
	// Notify is NotifyAuto, NotifyOff or a URL of PostgreSQL, which may hold a
	// password.
	Notify string

	// Compat has the clients of other libraries' login routes by the library:
	// knox, drf, multitoken. CompatPaths has their paths.
	Compat, CompatPaths map[string]string

	LogFormat string // "text", "json" or "auto"
	LogLevel  slog.Level
	AccessLog bool

	// OTLPEndpoint is the URL of the collector of traces. Empty: there are
	// none.
	OTLPEndpoint string
}

// Scope says which commands show the flag of a setting. All of them take it from
// the environment and the file.
type Scope int

const (
	// Common settings are flags of every command.
	Common Scope = iota
	// Serving settings are flags of serve and doctor.
	Serving
)

// FromFile reports whether a setting is given, and by the configuration file.
func (c *Config) FromFile(name string) bool { return slices.Contains(c.fromFile, name) }

// TrustsEverybody are those of TrustedProxies that hold whole parts of the public
// Internet: strangers are in them.
func (c *Config) TrustsEverybody() []netip.Prefix {
	private := netip.MustParsePrefix("fc00::/7")
	var all []netip.Prefix
	for _, p := range c.TrustedProxies {
		if p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16 && !(p.Bits() >= private.Bits() && private.Contains(p.Addr())) {
			all = append(all, p)
		}
	}
	return all
}
