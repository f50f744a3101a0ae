package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/password"
	"github.com/durin-go/durin/sqlstore"
)

// keyClient is the client that API keys are issued for.
const keyClient = "api-key"

// clients are the kinds of program that may call, each with its own rules.
func clients() []durin.Client {
	const day = 24 * time.Hour
	return []durin.Client{
		// Logging in twice gives the same token, as in django-rest-durin.
		{Name: "web", TTL: 12 * time.Hour, Policy: durin.PolicyReuse, Rate: durin.Rate{N: 600, Period: time.Minute}, Description: "The site"},
		// Five phones at most; a login on a sixth ends the oldest. Used at
		// least once in 30 days a login lasts, but for a year at most.
		{Name: "phone", TTL: 30 * day, Sliding: day, MaxLife: 365 * day, Policy: durin.PolicyEvict, MaxTokens: 5},
		// A new login ends the old one.
		{Name: "kiosk", TTL: 15 * time.Minute, Policy: durin.PolicyReplace},
		// No password opens it: its tokens come from the apiaccess route.
		{Name: keyClient, TTL: durin.Never, Policy: durin.PolicyReject, MaxTokens: 1, NoPassword: true},
	}
}

// hashing bounds what passwords may cost.
func hashing() password.Options {
	return password.Options{
		Params:  password.Params{Memory: 19 << 10, Time: 2, Threads: 1}, // of new hashes
		Workers: 0,                                                      // one less than there are cores
		Memory:  256 << 20,                                              // bytes, of all hashes at a time
		Queue:   0,                                                      // 256 for each worker

		Command: nil, // of a process that calls password.Serve; nil: this one hashes
		Nice:    0,   // by how much that one gives way; 0: by 10
		Logger:  nil, // hears when that cannot be had; nil: slog.Default
	}
}

// guarding is how tokens are issued, checked and ended.
func guarding(store *sqlstore.Store, hasher *password.Hasher, keys *keyring.Ring) durin.Options {
	log := slog.Default()
	return durin.Options{
		Store: store,
		Users: store, // the users are Durin's own
		Authenticator: password.NewUsers(store, hasher, password.UsersOptions{
			Floor:    0, // answers take as long as a hash
			Upgraded: nil,
			Logger:   log,
		}),
		LoginNames: durin.LoginNamesExact, // case counts
		UserActive: nil,                   // not asked: the users are the store's

		Keyring:         keys,
		ReuseWithoutKey: "", // there is a key

		TokenTTL:    24 * time.Hour, // of clients made without a life time
		TokenLength: 64,             // without a prefix
		TokenPrefix: "notes",        // notes_…, found by secret scanners
		Schemes:     []string{"Token", "Bearer"},

		CookieName:     durin.DefaultCookie, // of clients whose tokens travel in a cookie
		TrustedOrigins: nil,                 // whose pages may send such requests, beside our own

		CacheTTL:     time.Minute,
		CacheEntries: 100_000,
		StaleBound:   time.Second,
		PollEvery:    100 * time.Millisecond,
		Invalidator:  nil, // the database is enough

		RefreshOnLogin: false,
		DefaultRate:    durin.Rate{N: 1000, Period: time.Hour},
		Limiter:        nil, // in memory
		LoginLimiter:   nil, // the one with the documented numbers

		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},

		FlushEvery: 10 * time.Second,
		PruneAfter: 24 * time.Hour,

		Hooks: durin.Hooks{LoginFailed: func(_ context.Context, e durin.Event) {
			log.Warn("login failed", "user", e.UserName, "address", e.Origin.Address)
		}},
		OnError: nil, // WriteError
		Logger:  log,
		Now:     time.Now,
	}
}

// endpoints is how the login interface looks.
func endpoints() api.Options {
	return api.Options{
		Prefix: "/api/auth",

		APIKeyClient:   keyClient,
		HideAPIKey:     true,
		ShowAPIKey:     false,
		APIKeyPassword: true, // a stolen token makes no key that outlives it
		UserName:       nil,  // the users are the store's

		Location: time.UTC,
		Expiry:   api.ExpiryFormat("iso-8601", time.UTC),

		LoginUser: true,
		Client:    api.ClientFromField("client"),
		HandOut:   nil, // by the client's policy
		Answer:    loginAnswer,

		CookieToken: false, // a token in a cookie is not in the answer

		PublicURL:        "",              // as it is asked
		HideMetadata:     false,           // services find introspection by it
		IntrospectionTTL: 5 * time.Minute, // the longest that they may keep an answer
		VerifyApart:      false,           // the proxy asks at the same address
		IdentityPrefix:   "X-Durin-",      // of what verify tells about the caller
		SignInURL:        "",              // verify answers 401 to people too
		ReturnTo:         nil,

		Compat: api.Compat{}, // no login routes of other libraries

		MaxBody: 256 << 10,
	}
}

// answer adds to the standard login answer what this front end wants.
type answer struct {
	api.LoginAnswer
	Client string `json:"client"`
}

func loginAnswer(_ *http.Request, in durin.LoggedIn, standard api.LoginAnswer) any {
	return answer{standard, in.Session.Client.Name}
}

// routes are the login interface and an application behind it.
func routes(guard *durin.Guard) (http.Handler, error) {
	auth, err := api.New(guard, endpoints())
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", guard.Require(guard.Throttle()(http.HandlerFunc(whoAmI))))
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(api.OpenAPI(api.Description{Prefix: "/api/auth"}))
	})
	return unclean(auth, mux), nil
}

// unclean sends the interface the paths that are its own as they came. Mounted
// in a ServeMux, django-rest-durin's spelling sessions//5 would be redirected.
func unclean(auth *api.Handler, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth.Owns(r.URL.Path) {
			auth.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func whoAmI(w http.ResponseWriter, r *http.Request) {
	s := durin.SessionFrom(r.Context())
	durin.WriteJSON(w, http.StatusOK, map[string]string{"user": s.UserName, "client": s.Client.Name})
}
