package client_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/client"
)

// Two programs share a token in a file; the one renews it, and it is replaced. The
// other goes on with the new one before the old one's grace is over.
func TestRotationIsShared(t *testing.T) {
	w := newWorld(t)
	w.Client(durin.Client{Name: "app", TTL: time.Hour, Policy: durin.PolicyEvict, MaxTokens: 1, Rotate: 10 * time.Second})
	kept := client.File(filepath.Join(t.TempDir(), "token"))
	open := func() *client.Client {
		c, err := client.New(client.Options{URL: w.base + "/api/auth", Client: "app", Keeper: kept, Now: w.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, two := open(), open()
	first, err := one.Login(t.Context(), "ada", "engine")
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(50 * time.Minute) // the last fifth
	if got := w.ask(two); got != 200 {
		t.Fatalf("the second program: %d", got)
	}
	renewed, err := two.Token(t.Context())
	if err != nil || renewed.Value == first.Value || !renewed.Expiry.Equal(w.Clock.Now().Add(time.Hour)) {
		t.Fatalf("%v, %v: the new token is not kept", renewed, err)
	}
	w.Clock.Advance(11 * time.Second)
	for name, c := range map[string]*client.Client{"one": one, "two": two} {
		if got := w.ask(c); got != 200 {
			t.Errorf("%s: %d after the grace", name, got)
		}
	}
	if s := w.Stats(); s.Ended.Replayed != 0 || s.Rotated != 1 {
		t.Errorf("%d replayed, %d rotated", s.Ended.Replayed, s.Rotated)
	}
}
