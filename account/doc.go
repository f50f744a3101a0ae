// Package account serves the pages on which users look after themselves: where
// they are signed in, their API key, their password.
//
//	pages, err := account.New(guard, account.Options{APIKeyClient: "api"})
//	mux.Handle("/account/", pages)
//
// Users sign in with name and password for a client whose tokens travel in the
// Guard's cookie; who is signed in to a web application by that cookie is signed
// in here too, and the other way round. So they are the sign-in page of such an
// application: whoever opens /account/?next=/things signs in, and is led to
// /things. Addresses of other hosts are followed if Options.ReturnTo has them.
//
// The pages work without scripts, load nothing from elsewhere, and
// change nothing by a GET. The cookie is Secure: over plain HTTP they work on
// localhost only.
package account
