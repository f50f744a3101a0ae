package loginlimit_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/loginlimit"
)

func attempt(name, address string) durin.LoginAttempt {
	a := durin.LoginAttempt{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Name: name}
	if address != "" {
		a.Address = netip.MustParseAddr(address)
	}
	return a
}

// try reports whether an attempt was admitted, and ends it with err.
func try(t *testing.T, l durin.LoginLimiter, a durin.LoginAttempt, err error) bool {
	t.Helper()
	ok, fault := l.Admit(t.Context(), a)
	if fault != nil {
		t.Fatal(fault)
	}
	if ok {
		l.Done(t.Context(), a, err)
	}
	return ok
}

func TestNumbersAreObeyedAndShown(t *testing.T) {
	l := loginlimit.New(loginlimit.Numbers{Pair: 2, Account: 4, Address: 5, Lock: time.Minute})
	guess := func(name, address string) bool { return try(t, l, attempt(name, address), durin.ErrBadCredentials) }
	passed := 0
	for range 5 {
		for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			if guess("ada", address) {
				passed++
			}
		}
	}
	if passed != 4 {
		t.Errorf("%d guesses pass, want 4", passed)
	}
	locks := held(t, l, attempt("", "").At)
	if len(locks) != 2 || locks[1].Network != netip.MustParsePrefix("192.0.2.1/32") || locks[0].Network.IsValid() || locks[0].Account != "ada" || locks[0].Locks != 1 || locks[0].Until.Sub(attempt("", "").At).Round(time.Second) != time.Minute {
		t.Errorf("locks: %+v", locks)
	}
	if len(held(t, l, attempt("", "").At.Add(2*time.Minute))) != 0 {
		t.Error("held after the locks")
	}
}

func TestOnlyWrongPasswordsCount(t *testing.T) {
	l := loginlimit.New(loginlimit.Numbers{Pair: 2})
	for _, err := range []error{nil, durin.ErrUnavailable, durin.ErrBadCredentials, errors.New("what"), nil, durin.ErrBadCredentials} {
		if !try(t, l, attempt("ada", "192.0.2.1"), err) {
			t.Fatal("refused")
		}
	}
	if !try(t, l, attempt("ada", "192.0.2.1"), durin.ErrBadCredentials) || try(t, l, attempt("ada", "192.0.2.1"), nil) {
		t.Error("the second failure after a right password does not lock")
	}
}

func TestDefaults(t *testing.T) {
	if got, want := (loginlimit.Numbers{}).String(), "pair=10,account=20,address=100,window=15m0s,lock=30s,max-lock=15m0s"; got != want {
		t.Errorf("%q", got)
	}
}

// TestLift: the locks of one account end, wherever they are, and no others; what
// comes after counts from the beginning.
func TestLift(t *testing.T) {
	l := loginlimit.New(loginlimit.Numbers{Pair: 2, Account: 4, Address: 6})
	for range 2 {
		for _, a := range []durin.LoginAttempt{attempt("ada", "192.0.2.1"), attempt("ada", "192.0.2.2"), attempt("bob", "192.0.2.3")} {
			try(t, l, a, durin.ErrBadCredentials)
		}
	}
	if n := len(held(t, l, attempt("ada", "192.0.2.1").At)); n != 4 {
		t.Fatalf("%d locks, want one of each pair and one of ada", n)
	}
	if n := l.Lift("ada"); n != 3 {
		t.Errorf("%d locks were lifted", n)
	}
	if n := l.Lift("nobody"); n != 0 {
		t.Errorf("%d locks of nobody", n)
	}
	if all := held(t, l, attempt("ada", "192.0.2.1").At); len(all) != 1 || all[0].Account != "bob" {
		t.Errorf("%+v", all)
	}
	for range 2 {
		if !try(t, l, attempt("ada", "192.0.2.1"), durin.ErrBadCredentials) {
			t.Error("still locked")
		}
	}
	if try(t, l, attempt("ada", "192.0.2.1"), nil) {
		t.Error("the limits are gone")
	}
}

func held(t *testing.T, l *loginlimit.Limiter, now time.Time) []loginlimit.Held {
	t.Helper()
	all, err := l.Held(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
