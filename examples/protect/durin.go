package main

import (
	"context"
	"errors"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/sqlstore"
)

// protect puts the application behind tokens, which are kept in its database.
func (a *app) protect(ctx context.Context, keyFile string) *durin.Guard {
	check(sqlstore.Migrate(ctx, a.db, sqlstore.SQLite))
	store := must(sqlstore.Open(ctx, a.db, sqlstore.SQLite, sqlstore.Options{}))
	keys := must(keyring.OpenFile(keyFile, time.Now()))
	guard := must(durin.New(ctx, durin.Options{Store: store, Keyring: keys, Authenticator: a, UserActive: a.isOpen}))
	_, err := guard.CreateClient(ctx, durin.Client{Name: "web", Rate: durin.Rate{N: 60, Period: time.Minute}})
	check(err, durin.ErrExists)                                         // it stays as it is from the second start on
	a.mux.Handle("/api/auth/", must(api.New(guard, api.Options{})))     // log in and out, list sessions
	a.mux.Handle("/", guard.Require(guard.Throttle()(a.notes())))       // everything else: with a token
	a.mux.Handle("DELETE /notes", guard.AllowClients("web")(a.notes())) // and this with the web's only
	a.accountOf = func(ctx context.Context) string { return durin.SessionFrom(ctx).UserID }
	return guard
}

// Authenticate checks passwords against the application's own accounts.
func (a *app) Authenticate(ctx context.Context, email string, password durin.Secret) (durin.User, error) {
	id, err := a.checkPassword(ctx, email, password.Reveal())
	if errors.Is(err, errWrongPassword) {
		err = durin.ErrBadCredentials
	}
	return durin.User{ID: id, Name: email}, err
}
