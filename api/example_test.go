package api_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/memstore"
)

// An application with a users table of its own serves the whole interface beside
// its own routes.
func Example() {
	ring, err := durin.NewKeyring(time.Now())
	if err != nil {
		log.Fatal(err)
	}
	guard, err := durin.New(context.Background(), durin.Options{Store: memstore.New(), Authenticator: accounts{"ada": "lovelace"}, Keyring: ring})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = guard.Close(context.Background()) }()
	if _, err := guard.CreateClient(context.Background(), durin.Client{Name: "web"}); err != nil {
		log.Fatal(err)
	}
	h, err := api.New(guard, api.Options{
		Answer: func(_ *http.Request, in durin.LoggedIn, standard api.LoginAnswer) any {
			return map[string]any{"hello": in.User.Name, "token letters": len(standard.Token)}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/things", guard.Require(http.NotFoundHandler()))
	root := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.Owns(r.URL.Path) { // before the mux cleans the path
			h.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})

	r := httptest.NewRequest("POST", "/api/auth/login/", strings.NewReader("username=ada&password=lovelace&client=web"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	root.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 {"hello":"ada","token letters":64}
}

// accounts are the application's users and their passwords: a real one keeps
// hashes.
type accounts map[string]string

func (a accounts) Authenticate(_ context.Context, name string, password durin.Secret) (durin.User, error) {
	if known, ok := a[name]; !ok || known != password.Reveal() {
		return durin.User{}, durin.ErrBadCredentials
	}
	return durin.User{ID: "42", Name: name, Active: true}, nil
}
