// A user of the client that ogen makes.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ogen-go/ogen/ogenerrors"
)

// A token is sent as a Bearer token; "" is none.
type token string

func (t token) Bearer(context.Context, OperationName) (Bearer, error) {
	return Bearer{Token: string(t)}, nil
}

func (token) Cookie(context.Context, OperationName) (Cookie, error) {
	return Cookie{}, ogenerrors.ErrSkipClientSecurity
}

func (token) Token(context.Context, OperationName) (Token, error) {
	return Token{}, ogenerrors.ErrSkipClientSecurity
}

func (token) ResourceServer(context.Context, OperationName) (ResourceServer, error) {
	return ResourceServer{}, ogenerrors.ErrSkipClientSecurity
}

func (token) ResourceServerBearer(context.Context, OperationName) (ResourceServerBearer, error) {
	return ResourceServerBearer{}, ogenerrors.ErrSkipClientSecurity
}

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, user, password string) error {
	anonymous, err := NewClient(url, token(""))
	if err != nil {
		return err
	}
	answer, err := anonymous.Login(ctx, &Credentials{Username: user, Password: "wrong", Client: "web"})
	if refused, ok := answer.(*LoginRefusalHeaders); !ok || len(refused.Response.NonFieldErrors) != 1 {
		return fmt.Errorf("a wrong password: %v, %+v", err, answer)
	}
	answer, err = anonymous.Login(ctx, &Credentials{Username: user, Password: password, Client: "web"})
	in, ok := answer.(*LoggedInHeaders)
	if !ok || in.Response.Token.Value == "" || in.Response.Expiry.Null {
		return fmt.Errorf("log in: %v, %+v", err, answer)
	}
	answer, err = anonymous.Login(ctx, &Credentials{Username: user, Password: password, Client: "endless"})
	if other, ok := answer.(*LoggedInHeaders); !ok || !other.Response.Expiry.Null {
		return fmt.Errorf("log in elsewhere: %v, %+v", err, answer)
	}
	client, err := NewClient(url, token(in.Response.Token.Value))
	if err != nil {
		return err
	}
	sessions, err := client.Sessions(ctx)
	list, ok := sessions.(*SessionsOKHeaders)
	if !ok || len(list.Response) != 2 {
		return fmt.Errorf("list: %v, %+v", err, sessions)
	}
	for _, s := range list.Response {
		ended, err := client.EndSession(ctx, EndSessionParams{ID: s.ID})
		_, done := ended.(*Done)
		_, current := ended.(*EndSessionBadRequestHeaders)
		if err != nil || done == s.IsCurrent || current != s.IsCurrent {
			return fmt.Errorf("end %d: %v, %+v", s.ID, err, ended)
		}
	}
	if out, err := client.Logout(ctx); err != nil {
		return fmt.Errorf("log out: %v, %+v", err, out)
	}
	sessions, err = client.Sessions(ctx)
	if gone, ok := sessions.(*UnauthorizedHeaders); !ok || gone.Response.Detail != "Invalid token." {
		return fmt.Errorf("list after that: %v, %+v", err, sessions)
	}
	return nil
}
