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
