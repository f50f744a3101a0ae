// Package api serves Durin's JSON interface: log in, renew, log out, list and
// end one's sessions, and keep an API key. It keeps the wire contract of
// django-rest-durin, so that front ends written for that need no change:
//
//	POST             M/login/          user name, password, client → token
//	POST             M/refresh/        a new expiry for the token in use
//	POST             M/logout/         end the session in use
//	POST             M/logoutall/      end all sessions of the user
//	GET              M/sessions/       list them
//	DELETE           M/sessions/<id>   end one of them
//	GET POST DELETE  M/apiaccess/      the user's API key
//
// And for those beside an application:
//
//	any              M/verify          may this request pass? For reverse proxies
//	any              M/verify-headers/ the same, with the rules in headers
//	POST             M/introspect      is this token good? (RFC 7662)
//	POST             M/revoke          end this token (RFC 7009)
//	GET              /.well-known/oauth-authorization-server (RFC 8414)
//
// The token of a client with durin.Client.Cookie travels in a cookie: the login
// sets it and leaves it out of its answer, refresh prolongs it, logout takes it
// away.
//
// M is Options.Prefix. Every path is good with and without its last slash, and
// sessions//<id> is too, as in django-rest-durin. Nothing is redirected. All
// answers are JSON, errors and unknown paths among them.
//
// A Handler looks at the path as it was sent. An http.ServeMux cleans paths
// before it chooses a handler, and redirects sessions//5 to sessions/5: where old
// front ends end sessions, ask the Handler before the mux:
//
//	h, err := api.New(guard, api.Options{Prefix: "/api/auth"})
//	...
//	http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		if h.Owns(r.URL.Path) {
//			h.ServeHTTP(w, r)
//			return
//		}
//		mux.ServeHTTP(w, r)
//	}))
//
// Failures go through the Guard's Options.OnError, but for those that
// django-rest-durin tells in another form than {"detail": …}: faults of the
// login's fields, and the two bare arrays of a session that cannot be ended and
// a key that exists.
package api
