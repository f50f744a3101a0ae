package durin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/durintest"
	"github.com/durin-go/durin/storetest"
)

func TestResourceServers(t *testing.T) {
	g := durintest.New(t)
	ctx := t.Context()
	old, first, err := g.CreateResourceServer(ctx, "billing", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, name string, secret durin.Secret, want error) {
		t.Helper()
		if s, err := g.CheckResourceServer(ctx, name, secret); !errors.Is(err, want) || want == nil && (err != nil || s.Name != "billing") {
			t.Errorf("%s: %v, %v, want %v", what, s, err, want)
		}
	}
	check("its secret", "billing", old, nil)
	check("without a name", "", old, nil)
	check("another name", "files", old, durin.ErrInvalidServer)
	check("no secret", "billing", "", durin.ErrInvalidServer)
	check("a token", "", g.Token("ada", "web"), durin.ErrInvalidServer)
	check("a mistyped one", "", old[:len(old)-1]+"x", durin.ErrInvalidServer)
	// A second one takes over: both are good for a while.
	secret, _, err := g.CreateResourceServer(ctx, "billing", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	check("the new one", "billing", secret, nil)
	check("the old one meanwhile", "billing", old, nil)
	if err := g.DeleteResourceServer(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	check("the old one afterwards", "billing", old, durin.ErrInvalidServer)
	g.Clock.Advance(time.Hour)
	check("in its last instant", "billing", secret, nil)
	g.Clock.Advance(time.Microsecond)
	check("expired", "billing", secret, durin.ErrInvalidServer)
	if err := g.DeleteResourceServer(ctx, first.ID); !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, _, err := g.CreateResourceServer(ctx, "a:b", durin.Never); err == nil {
		t.Error("a name with a colon was taken")
	}
	if text := fmt.Sprint(secret); text != "[redacted]" {
		t.Errorf("the secret writes itself as %q", text)
	}
}

// What another node deletes is refused within the bound; what cannot be asked is
// no refusal.
func TestResourceServersElsewhere(t *testing.T) {
	var failing error
	g := durintest.New(t, func(o *durin.Options) {
		o.Store = storetest.Faulty(o.Store, storetest.Faults{Before: func(_ context.Context, method string) error {
			if method == "ResourceServers" {
				return failing
			}
			return nil
		}})
	})
	secret, s, err := g.CreateResourceServer(t.Context(), "billing", durin.Never)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.CheckResourceServer(t.Context(), "", secret); err != nil {
		t.Fatal(err)
	}
	if err := g.Store.DeleteResourceServer(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	g.Clock.Advance(1001 * time.Millisecond)
	failing = errors.New("down")
	if _, err := g.CheckResourceServer(t.Context(), "", secret); !errors.Is(err, durin.ErrUnavailable) {
		t.Errorf("with the store down: %v", err)
	}
	failing = nil
	if _, err := g.CheckResourceServer(t.Context(), "", secret); !errors.Is(err, durin.ErrInvalidServer) {
		t.Errorf("behind the bound: %v", err)
	}
}

func TestPermit(t *testing.T) {
	g := durintest.New(t)
	for _, c := range []struct {
		name   string
		rules  durin.Rules
		client string // empty: anonymous
		want   error
	}{
		{"any", durin.Rules{}, "web", nil},
		{"nobody there", durin.Rules{}, "", durin.ErrNoToken},
		{"optional", durin.Rules{Optional: true}, "", nil},
		{"allowed", durin.Rules{Allow: []string{"cli", "web"}}, "web", nil},
		{"not allowed", durin.Rules{Allow: []string{"cli"}}, "web", durin.ErrForbidden},
		{"none allowed", durin.Rules{Allow: []string{}}, "web", durin.ErrForbidden},
		{"denied", durin.Rules{Deny: []string{"web"}}, "web", durin.ErrForbidden},
		{"denied first", durin.Rules{Allow: []string{"web"}, Deny: []string{"web"}}, "web", durin.ErrForbidden},
		{"optional is no leave for others", durin.Rules{Optional: true, Allow: []string{"cli"}}, "web", durin.ErrForbidden},
		{"blocked", durin.Rules{Throttle: []durin.Throttle{{Name: "x", Rate: durin.Rate{Period: time.Hour}}}}, "web", durin.ErrThrottled},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if c.client != "" {
			r = g.SignedIn(r, "ada", c.client)
		}
		w := httptest.NewRecorder()
		s, err := g.Permit(w, r, c.rules)
		if !errors.Is(err, c.want) || (s != nil) != (err == nil && c.client != "") {
			t.Errorf("%s: %v, %v, want %v", c.name, s, err, c.want)
		}
	}
}
