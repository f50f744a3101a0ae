// A user of the client that oapi-codegen makes.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, user, password string) error {
	anonymous, err := NewClientWithResponses(url)
	if err != nil {
		return err
	}
	refused, err := anonymous.LoginWithResponse(ctx, LoginJSONRequestBody{Username: user, Password: "wrong", Client: "web"})
	if err != nil || refused.JSON400 == nil || refused.JSON400.NonFieldErrors == nil || len(*refused.JSON400.NonFieldErrors) != 1 {
		return fmt.Errorf("a wrong password: %v, %+v", err, refused)
	}
	in, err := anonymous.LoginWithResponse(ctx, LoginJSONRequestBody{Username: user, Password: password, Client: "web"})
	if err != nil || in.JSON200 == nil || in.JSON200.Token == nil || in.JSON200.Expiry == nil {
		return fmt.Errorf("log in: %v, %+v", err, in)
	}
	other, err := anonymous.LoginWithFormdataBodyWithResponse(ctx, LoginFormdataRequestBody{Username: user, Password: password, Client: "endless"})
	if err != nil || other.JSON200 == nil || other.JSON200.Expiry != nil {
		return fmt.Errorf("log in with a form: %v, %+v", err, other)
	}
	client, err := NewClientWithResponses(url, WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+*in.JSON200.Token)
		return nil
	}))
	if err != nil {
		return err
	}
	list, err := client.SessionsWithResponse(ctx)
	if err != nil || list.JSON200 == nil || len(*list.JSON200) != 2 {
		return fmt.Errorf("list: %v, %+v", err, list)
	}
	for _, s := range *list.JSON200 {
		want := http.StatusNoContent
		if s.IsCurrent {
			want = http.StatusBadRequest
		}
		if ended, err := client.EndSessionWithResponse(ctx, s.Id); err != nil || ended.StatusCode() != want {
			return fmt.Errorf("end %d: %v, %+v", s.Id, err, ended)
		}
	}
	if out, err := client.LogoutWithResponse(ctx); err != nil || out.StatusCode() != http.StatusNoContent {
		return fmt.Errorf("log out: %v, %+v", err, out)
	}
	if list, err = client.SessionsWithResponse(ctx); err != nil || list.JSON401 == nil || list.JSON401.Detail != "Invalid token." {
		return fmt.Errorf("list after that: %v, %+v", err, list)
	}
	return nil
}
