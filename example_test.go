package durin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/throttle"
)

// newGuard makes a Guard on a store in memory, as examples and tests do.
func newGuard(o durin.Options) *durin.Guard {
	keys, err := keyring.New(time.Now())
	if err != nil {
		panic(err)
	}
	o.Store, o.Keyring, o.Logger = memstore.New(), keys, slog.New(slog.DiscardHandler)
	guard, err := durin.New(context.Background(), o)
	if err != nil {
		panic(err)
	}
	return guard
}

// signedIn makes the client and a token of the user for it.
func signedIn(guard *durin.Guard, user string, c durin.Client) string {
	ctx := context.Background()
	if _, err := guard.CreateClient(ctx, c); err != nil && !errors.Is(err, durin.ErrExists) {
		panic(err)
	}
	issued, err := guard.Issue(ctx, durin.IssueRequest{UserID: user, Client: c.Name})
	if err != nil {
		panic(err)
	}
	return issued.Token.Reveal()
}

// get asks h for /, and tells the status and the body.
func get(h http.Handler, token string) string {
	r := httptest.NewRequest("GET", "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return fmt.Sprint(w.Code, " ", w.Body)
}

func hello(w http.ResponseWriter, r *http.Request) {
	s := durin.SessionFrom(r.Context())
	if s == nil {
		_, _ = fmt.Fprint(w, "Hello, stranger")
		return
	}
	_, _ = fmt.Fprintf(w, "Hello, %s on %s", s.UserID, s.Client.Name)
}

func ExampleGuard_Require() {
	guard := newGuard(durin.Options{})
	defer func() { _ = guard.Close(context.Background()) }()
	token := signedIn(guard, "ada", durin.Client{Name: "web"})

	h := guard.Require(http.HandlerFunc(hello))
	fmt.Println(get(h, token))
	fmt.Println(get(h, ""))
	fmt.Println(get(h, "not-a-token"))
	// Output:
	// 200 Hello, ada on web
	// 401 {"detail":"Authentication credentials were not provided."}
	// 401 {"detail":"Invalid token."}
}

func ExampleGuard_Authenticate() {
	guard := newGuard(durin.Options{})
	defer func() { _ = guard.Close(context.Background()) }()
	token := signedIn(guard, "ada", durin.Client{Name: "web"})

	h := guard.Authenticate(http.HandlerFunc(hello))
	fmt.Println(get(h, token))
	fmt.Println(get(h, ""))
	// Output:
	// 200 Hello, ada on web
	// 200 Hello, stranger
}

func ExampleGuard_AllowClients() {
	guard := newGuard(durin.Options{})
	defer func() { _ = guard.Close(context.Background()) }()
	web := signedIn(guard, "ada", durin.Client{Name: "web"})
	phone := signedIn(guard, "ada", durin.Client{Name: "phone"})

	h := guard.AllowClients("web", "desktop")(http.HandlerFunc(hello))
	fmt.Println(get(h, web))
	fmt.Println(get(h, phone))
	// Output:
	// 200 Hello, ada on web
	// 403 {"detail":"You do not have permission to perform this action."}
}

func ExampleGuard_Throttle() {
	guard := newGuard(durin.Options{})
	defer func() { _ = guard.Close(context.Background()) }()
	token := signedIn(guard, "ada", durin.Client{Name: "phone", Rate: durin.Rate{N: 2, Period: time.Hour}})

	h := guard.Require(guard.Throttle()(http.HandlerFunc(hello)))
	fmt.Println(get(h, token))
	fmt.Println(get(h, token))
	fmt.Println(get(h, token))
	// Output:
	// 200 Hello, ada on phone
	// 200 Hello, ada on phone
	// 429 {"detail":"Request was throttled. Expected available in 3600 seconds."}
}

// Two throttles on one route: a burst and a sustained rate.
func ExampleGuard_Throttle_several() {
	guard := newGuard(durin.Options{})
	defer func() { _ = guard.Close(context.Background()) }()
	token := signedIn(guard, "ada", durin.Client{Name: "phone"})

	limit := guard.Throttle(
		durin.Throttle{Name: "burst", Rate: durin.Rate{N: 1, Period: time.Minute}},
		durin.Throttle{Name: "sustained", Rate: durin.Rate{N: 100, Period: 24 * time.Hour}},
	)
	h := guard.Require(limit(http.HandlerFunc(hello)))
	fmt.Println(get(h, token))
	fmt.Println(get(h, token))
	// Output:
	// 200 Hello, ada on phone
	// 429 {"detail":"Request was throttled. Expected available in 60 seconds."}
}

func ExampleGuard_Issue() {
	ctx := context.Background()
	guard := newGuard(durin.Options{TokenPrefix: "acme"})
	defer func() { _ = guard.Close(ctx) }()
	client, err := guard.CreateClient(ctx, durin.Client{Name: "phone", Policy: durin.PolicyEvict, MaxTokens: 2})
	if err != nil {
		panic(err)
	}
	for range 3 {
		issued, err := guard.Issue(ctx, durin.IssueRequest{UserID: "ada", Client: client.Name})
		if err != nil {
			panic(err)
		}
		fmt.Println(issued.Token, len(issued.Token.Reveal()))
	}
	live, err := guard.Sessions(ctx, browse.Query{UserID: "ada", State: browse.Live})
	fmt.Println(len(live), err)
	// Output:
	// [redacted] 54
	// [redacted] 54
	// [redacted] 54
	// 2 <nil>
}

func ExampleGuard_End() {
	ctx := context.Background()
	guard := newGuard(durin.Options{})
	defer func() { _ = guard.Close(ctx) }()
	token := durin.Secret(signedIn(guard, "ada", durin.Client{Name: "web"}))
	signedIn(guard, "ada", durin.Client{Name: "phone"})

	session, err := guard.Verify(ctx, token)
	if err != nil {
		panic(err)
	}
	ended, err := guard.End(ctx, durin.Selection{UserID: session.UserID, Except: session.ID}) // all others
	fmt.Println(ended, err)
	ended, err = guard.End(ctx, durin.Selection{ID: session.ID})
	fmt.Println(ended, err)
	_, err = guard.Verify(ctx, token)
	fmt.Println(err, errors.Is(err, durin.ErrInvalidToken))
	// Output:
	// 1 <nil>
	// 1 <nil>
	// Invalid token. true
}

func ExampleParseRate() {
	for _, text := range []string{"100/h", "5 / minute", "0/s", "fast"} {
		rate, err := throttle.ParseRate(text)
		fmt.Println(rate, err)
	}
	// Output:
	// 100/h <nil>
	// 5/m <nil>
	// 0/s <nil>
	//  "fast" is not a rate: write a number, a slash and s, m, h or d, like 100/h
}

func ExampleSecret() {
	secret := durin.Secret("5a1f")
	fmt.Printf("%v %q %x\n", secret, secret, secret)
	fmt.Println(secret.Reveal())
	// Output:
	// [redacted] [redacted] [redacted]
	// 5a1f
}

// Hooks hear of everything that becomes of a token.
func ExampleHooks() {
	ctx := context.Background()
	guard := newGuard(durin.Options{Hooks: durin.Hooks{
		Created: func(_ context.Context, e durin.Event) { fmt.Println("created for", e.UserID, "on", e.Client) },
		Revoked: func(_ context.Context, e durin.Event) { fmt.Println("revoked") },
	}})
	defer func() { _ = guard.Close(ctx) }()
	signedIn(guard, "ada", durin.Client{Name: "web"})
	if _, err := guard.End(ctx, durin.Selection{UserID: "ada"}); err != nil {
		panic(err)
	}
	// Output:
	// created for ada on web
	// revoked
}
