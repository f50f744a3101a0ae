// Package account serves the pages on which users look after themselves: where
// they are signed in, their API key, their password.
//
//	pages, err := account.New(guard, account.Options{APIKeyClient: "api"})
//	mux.Handle("/account/", pages)
//
// Users sign in with name and password for a client whose tokens travel in the
// Guard's cookie; who is signed in to a web application by that cookie is signed
// in here too. The pages work without scripts, load nothing from elsewhere, and
// change nothing by a GET. The cookie is Secure: over plain HTTP they work on
// localhost only.
package account
