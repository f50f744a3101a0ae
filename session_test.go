package durin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/throttle"
)

// spoil changes everything in s.
func spoil(s *durin.Session) {
	if s == nil {
		return
	}
	if s.Client != nil {
		*s.Client = durin.Client{Name: "spoilt"}
	}
	if s.Device != nil {
		*s.Device = durin.Device{Name: "spoilt"}
	}
	if s.ReplacedBy != nil {
		*s.ReplacedBy = durin.Digest{}
	}
	*s = durin.Session{UserID: "spoilt"}
}

// TestSessionsAreOnesOwn: whatever those do who get a session, the next one who
// asks sees it as it is.
func TestSessionsAreOnesOwn(t *testing.T) {
	g := durintest.New(t)
	token := g.Token("ada", "web")
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Token "+token.Reveal())
	want := *verify(t, g, token, nil)
	client := *want.Client
	in := func(use func(ctx context.Context, r *http.Request)) {
		g.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { use(r.Context(), r) })).ServeHTTP(httptest.NewRecorder(), r)
	}
	for name, get := range map[string]func() *durin.Session{
		"Verify": func() *durin.Session { s, _ := g.Verify(t.Context(), token); return s },
		"Check":  func() *durin.Session { s, _ := g.Check(r); return s },
		"Permit": func() *durin.Session { s, _ := g.Permit(httptest.NewRecorder(), r, durin.Rules{}); return s },
		"SessionFrom": func() (s *durin.Session) {
			in(func(ctx context.Context, _ *http.Request) { s = durin.SessionFrom(ctx) })
			return s
		},
		"Check in a handler": func() (s *durin.Session) {
			in(func(_ context.Context, r *http.Request) { s, _ = g.Check(r) })
			return s
		},
		"Permit in a handler": func() (s *durin.Session) {
			in(func(_ context.Context, r *http.Request) {
				s, _ = g.Permit(httptest.NewRecorder(), r, durin.Rules{})
			})
			return s
		},
	} {
		for range 2 {
			got := get()
			if got == nil || got.Client == nil || *got.Client != client {
				t.Fatalf("%s: %+v", name, got)
			}
			flat := *got
			flat.Client = want.Client
			if !reflect.DeepEqual(flat, want) {
				t.Fatalf("%s: %+v, want %+v", name, flat, want)
			}
			spoil(got)
		}
	}
	in(func(ctx context.Context, _ *http.Request) {
		spoil(durin.SessionFrom(ctx))
		if s := durin.SessionFrom(ctx); s.UserID != "ada" || s.Client.Name != "web" {
			t.Errorf("the next one in the request: %+v", s)
		}
	})
	if durin.SessionFrom(t.Context()) != nil {
		t.Error("somebody, where no middleware ran")
	}
}

// TestSessionsAreCopiedWhole: a field that is added is copied too.
func TestSessionsAreCopiedWhole(t *testing.T) {
	var told durin.Session
	g := durintest.New(t, func(o *durin.Options) {
		o.Hooks.Created = func(_ context.Context, e durin.Event) { told = *e.Session }
	})
	g.Client(durin.Client{Name: "web", Rotate: time.Minute})
	issued, err := g.Issue(t.Context(), durin.IssueRequest{UserID: "ada", Client: "web", TTL: time.Hour, Device: durin.Device{Name: "d"}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(told, issued.Session) || told.Client == issued.Session.Client || told.Device == issued.Session.Device {
		t.Errorf("the hook is told %+v, want a copy of %+v", told, issued.Session)
	}
	if _, err := g.Renew(t.Context(), &issued.Session); err != nil {
		t.Fatal(err)
	}
	s := verify(t, g, issued.Token, nil) // replaced, in its grace
	if s.ReplacedBy == nil || *s.ReplacedBy == (durin.Digest{}) || s.Ceiling.IsZero() {
		t.Fatalf("%+v", s)
	}
	next := *s.ReplacedBy
	spoil(s)
	if again := verify(t, g, issued.Token, nil); *again.ReplacedBy != next {
		t.Error("what takes the token's place was changed")
	}
}

// TestHooksChangeNothing: what a hook does to its event is not seen by the caller,
// nor by later checks.
func TestHooksChangeNothing(t *testing.T) {
	told := 0
	hook := func(_ context.Context, e durin.Event) { told++; spoil(e.Session) }
	g := durintest.New(t, func(o *durin.Options) {
		o.Hooks = durin.Hooks{Created: hook, Renewed: hook, Expired: hook, LoggedOut: hook, Throttled: hook, Changed: func(_ context.Context, c durin.Change) {
			told++
			spoil(c.Session)
			if c.Client != nil {
				*c.Client = durin.Client{}
			}
		}}
	})
	c := g.Client(durin.Client{Name: "web", TTL: time.Hour, Rate: throttle.Rate{Period: time.Minute}})
	if c.Name != "web" {
		t.Errorf("made %+v", c)
	}
	issued, err := g.Issue(t.Context(), durin.IssueRequest{UserID: "ada", Client: "web"})
	if err != nil || issued.Session.UserID != "ada" || issued.Session.Client.Name != "web" {
		t.Fatalf("issued %+v, %v", issued, err)
	}
	s := verify(t, g, issued.Token, nil)
	renewed, err := g.Renew(t.Context(), s)
	if err != nil || renewed.Session.UserID != "ada" {
		t.Errorf("renewed %+v, %v", renewed, err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Token "+issued.Token.Reveal())
	w := httptest.NewRecorder()
	if g.Throttle()(http.NotFoundHandler()).ServeHTTP(w, r); w.Code != 429 {
		t.Errorf("answered %d", w.Code)
	}
	if s := verify(t, g, issued.Token, nil); s.UserID != "ada" || s.Client.Name != "web" {
		t.Errorf("checked %+v", s)
	}
	g.Clock.Advance(2 * time.Hour)
	verify(t, g, issued.Token, durin.ErrExpired)
	if told < 5 {
		t.Errorf("%d hooks were called", told)
	}
}

// TestReasonsCannotBeChanged: who changes an error changes no other answer.
func TestReasonsCannotBeChanged(t *testing.T) {
	g := durintest.New(t)
	token := g.Token("ada", "web")
	g.Clock.Advance(48 * time.Hour)
	blocked := durin.Rules{Throttle: []durin.Throttle{{Name: "x", Rate: throttle.Rate{Period: time.Minute}}}, Optional: true}
	for name, get := range map[string]func() error{
		"a reason":     func() error { return durin.ErrExpired },
		"one expired":  func() error { _, err := g.Verify(t.Context(), token); return err },
		"one unknown":  func() error { _, err := g.Verify(t.Context(), durin.Secret(token.Reveal()[1:]+"0")); return err },
		"one wrapped":  func() error { return errors.Join(errors.New("x"), durin.ErrBusy) },
		"no selection": func() error { _, err := g.End(t.Context(), durin.Selection{}); return err },
		"throttled": func() error {
			_, err := g.Permit(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), blocked)
			return err
		},
	} {
		err := get()
		want := *durin.AsError(err)
		for range 2 {
			var found *durin.Error
			if errors.As(err, &found) {
				found.Detail, found.Status = "spoilt", 200
				for i := range found.Limits {
					found.Limits[i].Name = "spoilt"
				}
			}
			e := durin.AsError(err)
			e.Detail, e.Code = "spoilt", "spoilt"
			for _, err = range []error{err, get()} {
				if got := durin.AsError(err); got.Detail != want.Detail || got.Status != want.Status || got.Code != want.Code || got.RetryAfter != want.RetryAfter ||
					len(got.Limits) > 0 && got.Limits[0].Name != "x" {
					t.Errorf("%s: %+v, want %+v", name, got, want)
				}
			}
		}
	}
	if durin.ErrExpired.Error() != "The given token has expired." || !errors.Is(durin.AsError(durin.ErrExpired), durin.ErrExpired) || durin.Reason(200).Error() == "" {
		t.Error("the reasons are not what they were")
	}
}

// TestNothingPanics: nobody's session, no users, no error.
func TestNothingPanics(t *testing.T) {
	g := durintest.New(t)
	ctx := t.Context()
	if durin.AsError(nil) != nil {
		t.Error("no error is one")
	}
	w := httptest.NewRecorder()
	g.Fail(w, httptest.NewRequest("GET", "/", nil), nil)
	if w.Code != 500 {
		t.Errorf("no error is answered with %d", w.Code)
	}
	for name, call := range map[string]struct {
		run  func() error
		want error
	}{
		"LogOut":           {func() error { return g.LogOut(ctx, nil) }, durin.ErrNoToken},
		"LogOutEverywhere": {func() error { return g.LogOutEverywhere(ctx, nil) }, durin.ErrNoToken},
		"Renew":            {func() error { _, err := g.Renew(ctx, nil); return err }, durin.ErrNoToken},
		"Prolong":          {func() error { _, err := g.Prolong(ctx, nil); return err }, durin.ErrNoToken},
		"of nobody's own":  {func() error { return g.LogOut(ctx, &durin.Session{}) }, nil},
		"Renew of none":    {func() error { _, err := g.Renew(ctx, &durin.Session{}); return err }, durin.ErrInvalidToken},
		"OpenSeal":         {func() error { _, err := g.OpenSeal(ctx, nil); return err }, nil},
		"CreateUser":       {func() error { _, err := g.CreateUser(ctx, durin.User{Name: "a"}); return err }, nil},
		"UpdateUser": {func() error {
			_, err := g.UpdateUser(ctx, "1", func(*durin.User) error { return nil })
			return err
		}, nil},
		"DeleteUser":     {func() error { return g.DeleteUser(ctx, "1") }, nil},
		"ChangePassword": {func() error { _, err := g.ChangePassword(ctx, durin.PasswordChange{UserID: "1"}); return err }, nil},
		"CheckPassword":  {func() error { _, err := g.CheckPassword(ctx, durin.PasswordCheck{Name: "a"}); return err }, durin.ErrBadCredentials},
	} {
		if err := call.run(); err == nil || call.want != nil && !errors.Is(err, call.want) {
			t.Errorf("%s: %v, want %v", name, err, call.want)
		}
	}
	g.SetCookie(w, "x", nil)
	g.SetCookie(w, "x", &durin.Session{ExpiresAt: g.Now().Add(time.Hour)})
	g.KeepCookie(w, httptest.NewRequest("GET", "/", nil), nil)
}

// TestCallersFaults are told as such, and never as an outage.
func TestCallersFaults(t *testing.T) {
	g := durintest.New(t)
	g.Client(durin.Client{Name: "web"})
	no := errors.New("not like that")
	for name, call := range map[string]func() error{
		"no user": func() error { _, err := g.Issue(t.Context(), durin.IssueRequest{Client: "web"}); return err },
		"a long user": func() error {
			_, err := g.Issue(t.Context(), durin.IssueRequest{Client: "web", UserID: string(make([]byte, 73))})
			return err
		},
		"a life time below zero": func() error {
			_, err := g.Issue(t.Context(), durin.IssueRequest{Client: "web", UserID: "ada", TTL: -1})
			return err
		},
		"no selection": func() error { _, err := g.End(t.Context(), durin.Selection{Spare: "web", Except: 7}); return err },
	} {
		err := call()
		var field *durin.FieldError
		if !errors.As(err, &field) || durin.AsError(err).Status != 400 || errors.Is(err, durin.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.UpdateClient(t.Context(), "web", func(*durin.Client) error { return no }); err != no {
		t.Errorf("a change that refuses: %v", err)
	}
}
