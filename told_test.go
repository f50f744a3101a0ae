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
)

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
