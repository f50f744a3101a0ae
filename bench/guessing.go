package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/api"
	"github.com/durin-go/durin/bench/internal/measure"
	"github.com/durin-go/durin/loginlimit"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/password"
)

// An attacked is a server with a clock of its own, behind a trusted proxy.
type attacked struct {
	server  *httptest.Server
	guard   *durin.Guard
	store   *memstore.Store
	clock   atomic.Int64 // Unix nanoseconds
	passed  atomic.Int64 // attempts that the limits admitted
	limiter *loginlimit.Limiter
}

// Admit implements durin.LoginLimiter.
func (a *attacked) Admit(ctx context.Context, at durin.LoginAttempt) (bool, error) {
	ok, err := a.limiter.Admit(ctx, at)
	if ok {
		a.passed.Add(1)
	}
	return ok, err
}

// Done implements durin.LoginLimiter.
func (a *attacked) Done(ctx context.Context, at durin.LoginAttempt, err error) {
	a.limiter.Done(ctx, at, err)
}

func newAttacked(ctx context.Context, auth func(durin.UserStore) (durin.Authenticator, error)) (*attacked, error) {
	a := &attacked{store: memstore.New(), limiter: loginlimit.New(loginlimit.Numbers{})}
	a.clock.Store(time.Now().UnixNano())
	checks, err := auth(a.store)
	if err != nil {
		return nil, err
	}
	a.guard, err = durin.New(ctx, durin.Options{
		Store: a.store, Users: a.store, Authenticator: checks, LoginLimiter: a, ReuseWithoutKey: durin.PolicyReplace,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(0, a.clock.Load()) },
	})
	if err != nil {
		return nil, err
	}
	if _, err := a.guard.CreateClient(ctx, durin.Client{Name: "web"}); err != nil {
		return nil, err
	}
	h, err := api.New(a.guard, api.Options{})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", h)
	a.server = httptest.NewServer(mux)
	return a, nil
}

func (a *attacked) close() {
	a.server.Close()
	_ = a.guard.Close(context.Background())
}

// guess tries a password from an address; the answer must be that of wrong ones.
func (a *attacked) guess(ctx context.Context, name, pw, address string) (time.Duration, error) {
	body := fmt.Sprintf(`{"username":%q,"password":%q,"client":"web"}`, name, pw)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.server.URL+"/api/auth/login/", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", address)
	began := time.Now()
	answer, err := a.server.Client().Do(r)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(answer.Body)
	took := time.Since(began)
	_ = answer.Body.Close()
	if err == nil && (answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), durin.ErrBadCredentials.Error())) {
		err = fmt.Errorf("a guess was answered with %d: %s", answer.StatusCode, text)
	}
	return took, err
}

// never lets nobody in, at no cost: what is counted is who may try.
type never struct{}

func (never) Authenticate(context.Context, string, durin.Secret) (durin.User, error) {
	return durin.User{}, durin.ErrBadCredentials
}

func place(i int) string { return fmt.Sprintf("198.18.%d.%d", i>>8, i&255) }

// guesses sends 10,000 guesses over HTTP, one each second of the server's clock,
// and compares how many were tried with what the documentation says.
func (s *suite) guesses() error {
	for _, c := range []struct {
		what      string
		name      func(i int) string
		address   func(i int) string
		documents int64
	}{
		{"one address, one account", func(int) string { return "ada" }, func(int) string { return place(1) }, 25},
		{"1,000 addresses, one account", func(int) string { return "ada" }, func(i int) string { return place(i % 1000) }, 35},
		{"one address, 1,000 accounts", func(i int) string { return fmt.Sprint("user", i%1000) }, func(int) string { return place(1) }, 114},
		{"1,000 addresses, 1,000 accounts", func(i int) string { return fmt.Sprint("user", i%1000) }, func(i int) string { return place(i % 1000) }, 10_000},
	} {
		a, err := newAttacked(s.ctx, func(durin.UserStore) (durin.Authenticator, error) { return never{}, nil })
		if err != nil {
			return err
		}
		for i := range 10_000 {
			if _, err := a.guess(s.ctx, c.name(i), "guess", c.address(i)); err != nil {
				a.close()
				return err
			}
			a.clock.Add(int64(time.Second))
		}
		passed := a.passed.Load()
		a.close()
		s.add(row{Figure: "guesses", What: "of 10,000, from " + c.what, Value: thousands(int(passed)) + " tried", Aim: thousands(int(c.documents)), Met: yes(passed == c.documents)})
	}
	return nil
}

// timing compares how long answers take for an unknown user, a wrong password and
// the right password of a locked account.
func (s *suite) timing() error {
	hash, err := s.userHash()
	if err != nil {
		return err
	}
	a, err := newAttacked(s.ctx, func(users durin.UserStore) (durin.Authenticator, error) {
		h, err := password.New(password.Options{})
		return password.NewUsers(users, h, password.UsersOptions{Logger: slog.New(slog.DiscardHandler)}), err
	})
	if err != nil {
		return err
	}
	defer a.close()
	for i := range s.tries + 1 {
		u := durin.User{Name: fmt.Sprintf("user%06d", i), Active: true, Password: hash}
		if _, err := a.store.CreateUser(s.ctx, u); err != nil {
			return err
		}
	}
	locked := fmt.Sprintf("user%06d", s.tries)
	for i := range 25 {
		if _, err := a.guess(s.ctx, locked, "wrong", place(60_000+i%5)); err != nil {
			return err
		}
	}
	ways := []struct{ name, pw func(i int) string }{
		{func(i int) string { return fmt.Sprintf("none%06d", i) }, func(int) string { return "wrong" }},
		{func(i int) string { return fmt.Sprintf("user%06d", i) }, func(int) string { return "wrong" }},
		{func(int) string { return locked }, func(int) string { return userPassword }},
	}
	words := []string{"unknown user", "wrong password", "locked account, right password"}
	found := make([][]float64, len(ways))
	for i := range s.tries {
		for k := range ways {
			w := (i + k) % len(ways) // nobody is always the first
			took, err := a.guess(s.ctx, ways[w].name(i), ways[w].pw(i), place(3*i+w))
			if err != nil {
				return err
			}
			found[w] = append(found[w], float64(took)/float64(time.Millisecond))
		}
	}
	if n := a.passed.Load(); n < int64(2*s.tries) {
		return errors.New("the limits refused what is to be compared")
	}
	for w, times := range found {
		s.add(row{Figure: "timing", What: words[w] + ", " + thousands(s.tries) + " answers", Value: measure.Series(times).String() + " ms"})
	}
	for _, pair := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
		x, y := found[pair[0]], found[pair[1]]
		d, p := measure.KolmogorovSmirnov(x, y)
		s.add(row{
			Figure: "timing", What: words[pair[0]] + " / " + words[pair[1]],
			Value: fmt.Sprintf("Mann-Whitney p = %.3f, Kolmogorov-Smirnov D = %.3f, p = %.3f", measure.MannWhitney(x, y), d, p),
		})
	}
	return nil
}
