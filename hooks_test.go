package durin_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/durintest"
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

// TestRevokedTellsWhose: the hook learns session, user and client, by whatever means
// a token is ended.
func TestRevokedTellsWhose(t *testing.T) {
	ctx := context.Background()
	for name, end := range map[string]func(g *durintest.Guard, s *durin.Session) error{
		"log out":            func(g *durintest.Guard, s *durin.Session) error { return g.LogOut(ctx, s) },
		"log out everywhere": func(g *durintest.Guard, s *durin.Session) error { return g.LogOutEverywhere(ctx, s) },
		"by id": func(g *durintest.Guard, s *durin.Session) error {
			_, err := g.End(ctx, durin.Selection{ID: s.ID})
			return err
		},
		"by user and client": func(g *durintest.Guard, s *durin.Session) error {
			_, err := g.End(ctx, durin.Selection{UserID: s.UserID, Client: s.Client.Name})
			return err
		},
		"by client": func(g *durintest.Guard, s *durin.Session) error {
			_, err := g.End(ctx, durin.Selection{Client: s.Client.Name})
			return err
		},
		"by filter": func(g *durintest.Guard, s *durin.Session) error {
			_, err := g.EndSome(ctx, browse.Filter{Client: s.Client.Name}, 10)
			return err
		},
		"another log-in": func(g *durintest.Guard, s *durin.Session) error {
			_, err := g.Issue(ctx, durin.IssueRequest{UserID: s.UserID, Client: s.Client.Name})
			return err
		},
		"with the user":   func(g *durintest.Guard, s *durin.Session) error { return g.DeleteUser(ctx, s.UserID) },
		"with the client": func(g *durintest.Guard, s *durin.Session) error { return g.DeleteClient(ctx, s.Client.Name) },
	} {
		t.Run(name, func(t *testing.T) {
			var told []durin.Event
			g := durintest.New(t, func(o *durin.Options) {
				o.Users = o.Store.(durin.UserStore)
				o.Hooks.Revoked = func(_ context.Context, e durin.Event) { told = append(told, e) }
			})
			u, err := g.CreateUser(ctx, durin.User{Name: "ada", Active: true})
			if err != nil {
				t.Fatal(err)
			}
			g.Client(durin.Client{Name: "web", Policy: durin.PolicyReplace})
			s := verify(t, g, g.Token(u.ID, "web"), nil)
			if err := end(g, s); err != nil {
				t.Fatal(err)
			}
			if len(told) != 1 || told[0].Client != "web" || told[0].Session.Client.Name != "web" || told[0].At.IsZero() {
				t.Fatalf("told %+v", told)
			}
			e := told[0]
			if name == "with the client" {
				return // all of it at once
			}
			if e.UserID != u.ID || e.UserName != "ada" || e.Session.ID != s.ID || e.Session.Digest != s.Digest || e.Session.UserID != u.ID {
				t.Errorf("told %+v of %+v", e, *e.Session)
			}
		})
	}
}

// TestRevokedTellsReplaced: a session whose token was replaced has two.
func TestRevokedTellsReplaced(t *testing.T) {
	var told []string
	g := durintest.New(t, func(o *durin.Options) {
		o.Hooks.Revoked = func(_ context.Context, e durin.Event) {
			told = append(told, fmt.Sprint(e.Session.ID, e.UserID, e.Client, e.Session.Digest))
		}
	})
	g.Client(durin.Client{Name: "web", Rotate: time.Minute})
	old := verify(t, g, g.Token("ada", "web"), nil)
	renewed, err := g.Renew(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.End(t.Context(), durin.Selection{UserID: "ada"}); err != nil {
		t.Fatal(err)
	}
	want := []string{fmt.Sprint(old.ID, "ada", "web", renewed.Session.Digest), fmt.Sprint(old.ID, "ada", "web", old.Digest)}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
