package durin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/throttle"
)

// Options configure a Guard. Store is required; the zero value of everything
// else is what most programs want.
type Options struct {
	// Store keeps clients and tokens.
	Store Store
	// Users is set when the program has no users of its own: it must be the
	// same store.
	Users UserStore
	// Authenticator checks passwords. Nil: Login refuses everybody.
	Authenticator Authenticator
	// LoginNames says which of Users a name that is typed at a log-in may mean.
	// Empty: LoginNamesExact. LoginNamesFolded needs Users.
	LoginNames LoginNames
	// UserActive is asked at each look-up in the Store whether a user of the
	// application may still use tokens. Answers are cached with the session
	// for CacheTTL: call UserChanged when one changes. Nil: yes. It is not
	// asked about Users.
	UserActive func(ctx context.Context, userID string) (bool, error)

	// Keyring seals tokens that are shown again: those of PolicyReuse.
	Keyring *keyring.Ring
	// ReuseWithoutKey must be PolicyReplace when Keyring is nil: it is what
	// PolicyReuse then does. Else New refuses, rather than let a client
	// behave in another way than it says.
	ReuseWithoutKey Policy

	// TokenTTL is the life time of clients that are made without one.
	// Zero: 24 hours.
	TokenTTL time.Duration
	// TokenLength is the number of hexadecimal characters of new tokens, as
	// in django-rest-durin: 32 to 256, odd numbers round down. Zero: 64.
	TokenLength int
	// TokenPrefix, when set, gives new tokens the form prefix_ + 43 base 62
	// characters + 6 of a checksum: secret scanners find it, and a mistyped
	// one is refused without a look-up.
	TokenPrefix string
	// Schemes are the words before a token in the Authorization header,
	// compared without case. Empty: Token, Bearer.
	Schemes []string

	// CookieName is the cookie in which tokens of clients with Cookie set
	// travel. Empty: DefaultCookie.
	CookieName string
	// TrustedOrigins are those, like https://app.example.org, whose pages may
	// send requests that change something with the cookie: the server's own
	// public origin where a proxy hides it, and others of the same site.
	TrustedOrigins []string

	// CacheTTL is how long a session is kept in memory before it is read
	// anew. It bounds memory, not truth: what is ended is forgotten at once.
	// Zero: 60 seconds; negative: no cache.
	CacheTTL time.Duration
	// CacheEntries bounds the sessions in the cache. Zero: 100,000.
	CacheEntries int
	// StaleBound is how long a cached session is trusted when endings on
	// other nodes cannot be heard of. Zero: a second.
	StaleBound time.Duration
	// PollEvery is how often the Outbox of a shared Store is read. Zero: 100
	// milliseconds.
	PollEvery time.Duration
	// Invalidator hastens the news of endings between nodes. May be nil.
	Invalidator nodes.Invalidator

	// RefreshOnLogin sets the expiry anew when a login hands out a token
	// that is there.
	RefreshOnLogin bool
	// DefaultRate is the throttle of clients that have none of their own.
	// Unset: none.
	DefaultRate Rate
	// Limiter counts throttled requests. Nil: in this process's memory.
	Limiter throttle.Limiter
	// LoginLimiter slows down guessing. Nil: that of package loginlimit with
	// its documented numbers; loginlimit.Off turns it off.
	LoginLimiter LoginLimiter

	// TrustedProxies are the peers whose Forwarded or X-Forwarded-For header
	// is believed, from the right, as far as the chain is trusted. They must
	// remove what a caller wrote into either; see Guard.Address.
	TrustedProxies []netip.Prefix

	// FlushEvery is how often uses are written. Zero: 10 seconds.
	FlushEvery time.Duration
	// PruneAfter is how long an expired token is kept. Zero: 24 hours;
	// negative: for ever.
	PruneAfter time.Duration

	// Hooks are told what happens.
	Hooks Hooks
	// OnError writes every answer to a failed request. Nil: WriteError.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// Logger hears of trouble, without any secret. Nil: slog.Default.
	Logger *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// complete checks o and fills in what is not set.
func (o *Options) complete() error {
	if o.Store == nil {
		return errors.New("durin: Options.Store is not set")
	}
	if o.Keyring == nil && o.ReuseWithoutKey != PolicyReplace {
		return errors.New("durin: no Options.Keyring: clients with the policy reuse need one; without it set Options.ReuseWithoutKey to PolicyReplace")
	}
	switch {
	case o.LoginNames != "" && o.LoginNames != LoginNamesExact && o.LoginNames != LoginNamesFolded:
		return fmt.Errorf("durin: Options.LoginNames is %q, and neither exact nor folded", string(o.LoginNames))
	case o.LoginNames == LoginNamesFolded && o.Users == nil:
		return errors.New("durin: Options.LoginNames is folded, which needs Options.Users")
	}
	setDefault(&o.TokenTTL, 24*time.Hour)
	setDefault(&o.CacheTTL, time.Minute)
	setDefault(&o.CacheEntries, 100_000)
	setDefault(&o.StaleBound, time.Second)
	setDefault(&o.PollEvery, 100*time.Millisecond)
	setDefault(&o.FlushEvery, 10*time.Second)
	setDefault(&o.PruneAfter, 24*time.Hour)
	if o.TokenTTL < time.Microsecond {
		return fmt.Errorf("durin: Options.TokenTTL is %s: it must be longer than zero", o.TokenTTL)
	}
	if o.StaleBound < 0 || o.PollEvery < 0 || o.FlushEvery < 0 || o.CacheEntries < 0 {
		return errors.New("durin: StaleBound, PollEvery, FlushEvery and CacheEntries may not be negative")
	}
	if len(o.Schemes) == 0 {
		o.Schemes = []string{"Token", "Bearer"}
	}
	for _, s := range o.Schemes {
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return fmt.Errorf("durin: Options.Schemes: %q cannot be a scheme: it is empty or has a blank in it", s)
		}
	}
	setDefault(&o.CookieName, DefaultCookie)
	if o.Limiter == nil {
		o.Limiter = throttle.New()
	}
	if o.LoginLimiter == nil {
		o.LoginLimiter = newLoginLimiter()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Schemes = slices.Clone(o.Schemes)
	o.TrustedProxies = slices.Clone(o.TrustedProxies)
	return nil
}

// origins trusts what may send cookies from other origins.
func (o *Options) origins() (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	for _, origin := range o.TrustedOrigins {
		if err := p.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("durin: Options.TrustedOrigins: %w", err)
		}
	}
	if err := (&http.Cookie{Name: o.CookieName, Value: "x"}).Valid(); err != nil {
		return nil, fmt.Errorf("durin: Options.CookieName: %w", err)
	}
	return p, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
