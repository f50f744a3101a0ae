package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
)

// directory knows one user; yours asks a table, or a directory server.
type directory struct{}

func (directory) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	if name != "ada" || password.Reveal() != "correct horse" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "7", Name: name}, nil
}

func exampleGuard() *durin.Guard {
	ctx := context.Background()
	keys, err := keyring.New(time.Now())
	if err != nil {
		panic(err)
	}
	guard, err := durin.New(ctx, durin.Options{Store: memstore.New(), Keyring: keys, Authenticator: directory{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	if _, err := guard.CreateClient(ctx, durin.Client{Name: "web"}); err != nil {
		panic(err)
	}
	return guard
}

func exampleLogin(h http.Handler, body string) (int, string) {
	r := httptest.NewRequest("POST", "/api/auth/login/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Client", "web")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func ExampleNew() {
	guard := exampleGuard()
	defer func() { _ = guard.Close(context.Background()) }()
	auth, err := api.New(guard, api.Options{Prefix: "/api/auth"})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", auth)

	status, _ := exampleLogin(mux, `{"username":"ada","password":"correct horse","client":"web"}`)
	fmt.Println(status)
	fmt.Println(exampleLogin(mux, `{"username":"ada","password":"wrong","client":"web"}`))
	fmt.Println(exampleLogin(mux, `{"username":"ada","password":"correct horse"}`))
	// Output:
	// 200
	// 400 {"non_field_errors":["Unable to log in with provided credentials."]}
	// 400 {"detail":"No client specified."}
}

// The client may come from elsewhere, and the answer have another form.
func ExampleOptions() {
	guard := exampleGuard()
	defer func() { _ = guard.Close(context.Background()) }()
	auth, err := api.New(guard, api.Options{
		Client: api.ClientFromHeader("X-Client"),
		Answer: func(_ *http.Request, in durin.LoggedIn, _ api.LoginAnswer) any {
			return map[string]any{"access_token": len(in.Token.Reveal()), "token_type": "Bearer", "user": in.User.ID}
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(exampleLogin(auth, `{"username":"ada","password":"correct horse"}`))
	// Output:
	// 200 {"access_token":64,"token_type":"Bearer","user":"7"}
}

// A ServeMux cleans paths: it would answer django-rest-durin's spelling
// sessions//5 with a redirect. Ask the Handler first.
func ExampleHandler_Owns() {
	guard := exampleGuard()
	defer func() { _ = guard.Close(context.Background()) }()
	auth, err := api.New(guard, api.Options{})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", guard.Require(http.NotFoundHandler()))

	all := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth.Owns(r.URL.Path) {
			auth.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})

	w := httptest.NewRecorder()
	all.ServeHTTP(w, httptest.NewRequest("DELETE", "/api/auth/sessions//5", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 401 {"detail":"Authentication credentials were not provided."}
}
