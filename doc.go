// Package durin is token authentication per API client, for net/http.
//
// A user has many tokens, one for each kind of program that calls the API: the
// web application, the command line, the phone. Each such [Client] has its own
// life time, throttle rate and policy. Tokens are opaque and kept on the server,
// as SHA-256 only: they can be listed, renewed and ended, at once.
//
// # Protect an application
//
// Open your own database, bring Durin's tables into it, and make a [Guard]:
//
//	db, _ := sql.Open("sqlite", "app.db")
//	err := sqlstore.Migrate(ctx, db, sqlstore.SQLite)
//	store, err := sqlstore.Open(ctx, db, sqlstore.SQLite, sqlstore.Options{})
//	keys, err := keyring.OpenFile("durin.key", time.Now())
//	guard, err := durin.New(ctx, durin.Options{Store: store, Keyring: keys, Authenticator: myUsers})
//	defer guard.Close(ctx)
//
//	logins, err := api.New(guard, api.Options{Prefix: "/api/auth"})
//	mux.Handle("/api/auth/", logins)
//	mux.Handle("/things", guard.Require(things))
//
// In a handler [SessionFrom] tells who asks. [Guard.AllowClients],
// [Guard.DenyClients] and [Guard.Throttle] narrow a route down. Every one of
// them checks the token by itself, once for a request: there is no middleware
// whose absence would open a route.
//
// # Packages
//
//   - api: the JSON handlers to log in, renew, log out, list sessions and keep
//     an API key, with django-rest-durin's wire contract.
//   - sqlstore: a [Store] on a *sql.DB of yours: SQLite, PostgreSQL, MySQL.
//   - memstore: a Store in memory, for tests and demonstrations.
//   - storetest: the tests that every Store passes.
//   - keyring: the keys that seal tokens which are shown again.
//   - throttle: rates, and the limiters that hold them; loginlimit: the limits on
//     guessing passwords.
//   - password: hashing, and the formats of other systems.
//   - nodes: how several processes hear of what one has ended.
//   - audit: a log of who did what, in which tampering is found.
//   - browse: the questions about the sessions and users in a store.
//   - importer: users and tokens out of Django; transfer: what a Store offers it.
//   - durintest: what the tests of your application need.
//
// # What is promised
//
//   - What is ended is refused: by this process from the moment that the call
//     returns, by others as soon as they hear of it, and never later than
//     [Options].StaleBound. No cache outlives it.
//   - A check writes nothing, and costs no query when the session is in the
//     cache, one otherwise.
//   - A store that cannot be asked is [ErrUnavailable], status 503: never a
//     reason to let somebody in, nor to tell that a token is bad.
//   - At most the policy's number of live tokens for a user and client, and at
//     most a rate's number of requests in any window of its period, under any
//     concurrency.
//   - A clear token is in the hands of the one who got it and nowhere else. The
//     exception is told apart: [PolicyReuse] shows a token again and so keeps it
//     sealed under a key that is not in the database (see package keyring).
//
// Everything is safe for concurrent use. Contexts are honoured. Errors that
// callers are told about are an [*Error], which bears its HTTP status.
package durin
