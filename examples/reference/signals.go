package main

import (
	"context"
	"log/slog"

	"github.com/durin-go/durin"
)

// signals writes what happens to the log. The names are the signals' of
// django-rest-durin and Django, where there are such.
func signals(log *slog.Logger) durin.Hooks {
	tell := func(signal string) func(context.Context, durin.Event) {
		return func(ctx context.Context, e durin.Event) {
			log.InfoContext(ctx, signal, "user", e.UserName, "client", e.Client, "address", e.Origin.Address)
		}
	}
	return durin.Hooks{
		Created:     tell("token_created"),
		Renewed:     tell("token_renewed"),
		Expired:     tell("token_expired"),
		Revoked:     tell("token_revoked"),
		LoggedIn:    tell("user_logged_in"),
		LoggedOut:   tell("user_logged_out"),
		LoginFailed: tell("user_login_failed"),
		Throttled:   tell("throttled"),
	}
}
