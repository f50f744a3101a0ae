package durin_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

// TestChanged: every call that changes something tells of it once, with what it
// was about.
func TestChanged(t *testing.T) {
	store := memstore.New()
	var told []durin.Change
	g, err := durin.New(t.Context(), durin.Options{
		Store: store, Users: store, ReuseWithoutKey: durin.PolicyReplace,
		Hooks: durin.Hooks{Changed: func(_ context.Context, c durin.Change) { told = append(told, c) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = g.CreateClient(ctx, durin.Client{Name: "web"})
	must(err)
	_, err = g.UpdateClient(ctx, "web", func(c *durin.Client) error { c.TTL = time.Hour; return nil })
	must(err)
	_, err = g.UpdateClient(ctx, "web", func(*durin.Client) error { return nil })
	must(err)
	u, err := g.CreateUser(ctx, durin.User{Name: "ada", Active: true})
	must(err)
	_, err = g.UpdateUser(ctx, u.ID, func(u *durin.User) error { u.Admin = true; return nil })
	must(err)
	issue := func() durin.Session {
		t.Helper()
		issued, err := g.Issue(ctx, durin.IssueRequest{UserID: u.ID, Client: "web"})
		must(err)
		return issued.Session
	}
	first := issue()
	second := issue() // replaces the first
	must(g.LogOut(ctx, &second))
	third := issue()
	_, err = g.End(ctx, durin.Selection{ID: third.ID})
	must(err)
	_, err = g.End(ctx, durin.Selection{ID: third.ID})
	must(err)
	fourth := issue()
	must(g.LogOutEverywhere(ctx, &fourth))
	_, server, err := g.CreateResourceServer(ctx, "billing", durin.Never)
	must(err)
	must(g.DeleteResourceServer(ctx, server.ID))
	must(g.DeleteUser(ctx, u.ID))
	must(g.DeleteClient(ctx, "web"))

	var words []string
	for _, c := range told {
		words = append(words, c.What)
		if c.At.IsZero() {
			t.Errorf("%s tells no instant", c.What)
		}
	}
	want := []string{
		"client.create", "client.update", "user.create", "user.update", "token.replace", "logout", "token.revoke", "logout.all",
		"resource.create", "resource.delete", "user.delete", "client.delete",
	}
	if !slices.Equal(words, want) {
		t.Fatalf("told of %v,\nwant %v", words, want)
	}
	if c := told[1]; c.OldClient.TTL != 24*time.Hour || c.Client.TTL != time.Hour {
		t.Errorf("client: %v, %v", c.OldClient, c.Client)
	}
	if c := told[4]; c.Count != 1 || c.Ended.UserID != u.ID || c.Ended.Client != "web" {
		t.Errorf("replaced: %+v, first was %d", c, first.ID)
	}
	if c := told[6]; c.Session == nil || c.Session.UserID != u.ID || c.Session.Client.Name != "web" {
		t.Errorf("revoked: %+v", c)
	}
	if c := told[8]; c.Server.Digest != (durin.Digest{}) {
		t.Error("the digest of a secret is told")
	}
}

// TestClientByName: a name is one client's or none's, whatever it is like.
func TestClientByName(t *testing.T) {
	g, err := durin.New(t.Context(), durin.Options{Store: memstore.New(), ReuseWithoutKey: durin.PolicyReplace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	want, err := g.CreateClient(t.Context(), durin.Client{Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := g.ClientByName(t.Context(), "web"); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, name := range []string{"", "WEB", "web ", "we"} {
		if got, err := g.ClientByName(t.Context(), name); err != durin.ErrUnknownClient {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}
