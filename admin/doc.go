// Package admin serves the administrators' pages: what goes on, clients, tokens
// and users, to look through, add, change and end.
//
//	pages, err := admin.New(guard, admin.Options{Users: store, HashPassword: hash})
//	mux.Handle("/admin/", pages)
//
// The pages need a Guard whose store is a durin.Browser. They work without
// scripts, load nothing from elsewhere, and change nothing by a GET.
//
// # Who gets in
//
// Everything but the sign-in and the style goes through one gate, which asks
// anew at each request whether the user is an administrator and active. A
// session of these pages is a token of durin.AdminClient in a cookie of its own:
// it ends after a while without use, at a fixed age, with everything that ends a
// token, on every node at once; and it is good for nothing but these pages.
// Whoever asks for the password is under the Guard's login limits. What cannot be
// undone asks for the password again, unless it was given a short while ago.
//
// The cookie is Secure: over plain HTTP the pages work on localhost only.
//
// # What they show of tokens
//
// A token's text is on one page only, the answer to its issue. Nobody can look it
// up later, and a token that its owner already has is not shown at all.
package admin
