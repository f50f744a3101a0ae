package durin

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/throttle"
)

// An Authenticator checks user names and passwords: against the own users
// table, a directory, anything. Package password has one for a UserStore.
type Authenticator interface {
	// Authenticate returns the user, of whom ID and Name matter; and Password,
	// the hash that was compared, where it is one of Options.Users. It returns
	// ErrBadCredentials for an unknown name, a wrong password and an inactive
	// user alike, and takes as long for each; ErrBusy when too many checks
	// wait. Any other error means that it could not tell: 503.
	Authenticate(ctx context.Context, name string, password Secret) (User, error)
}

// A LoginLimiter slows down those who guess passwords.
type LoginLimiter interface {
	// Admit reports whether the attempt may be tried; it may wait for others
	// to end. One that may not is answered as wrong credentials are. Its
	// error is the answer: ErrBusy, or ctx's.
	Admit(ctx context.Context, a LoginAttempt) (bool, error)
	// Done tells how an admitted attempt ended: with nil, with
	// ErrBadCredentials, or with another error when the check could not be
	// made, which counts neither way.
	Done(ctx context.Context, a LoginAttempt, err error)
}

// A LoginAttempt is what a LoginLimiter knows of a login.
type LoginAttempt struct {
	At      time.Time
	Name    string     // trimmed, as LoginNames.Account has it
	Address netip.Addr // of the caller; not valid when unknown
	// Known says that the request bears a live token of this user: it comes
	// from a device that has logged in before.
	Known bool
}

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
