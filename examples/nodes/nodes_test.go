package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/examples/internal/stoptest"
)

// schema is a place of the test's own in the database that DURIN_TEST_POSTGRES
// names, or in the one on the usual port.
func schema(t *testing.T) string {
	t.Helper()
	at := os.Getenv("DURIN_TEST_POSTGRES")
	if at == "" {
		at = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"
	}
	pool, err := pgxpool.New(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("durin_example_%d", time.Now().UnixNano())
	if _, err := pool.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Skipf("no PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		_, _ = pool.Exec(context.Background(), "DROP SCHEMA "+name+" CASCADE")
		pool.Close()
	})
	return at + "&search_path=" + name
}

// Two copies: what one ends, the other refuses though it polls hardly ever.
func TestTwoCopies(t *testing.T) {
	at := schema(t)
	ctx := t.Context()
	var guards []*durin.Guard
	var users durin.UserStore
	for range 2 {
		options, pool, err := open(ctx, at)
		if err != nil {
			t.Fatal(err)
		}
		withNotify(&options, pool)
		options.PollEvery, options.StaleBound = time.Hour, time.Hour
		guard, err := durin.New(ctx, options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = guard.Close(context.Background()); pool.Close() })
		if _, err := routes(ctx, guard); err != nil {
			t.Fatal(err)
		}
		guards, users = append(guards, guard), options.Users
	}
	user, err := users.CreateUser(ctx, durin.User{Name: "ada", Password: "!", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	// The channel takes a moment to be there: end tokens until one is heard of.
	for end := time.Now().Add(30 * time.Second); ; {
		issued, err := guards[0].Issue(ctx, durin.IssueRequest{UserID: user.ID, Client: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := guards[1].Verify(ctx, issued.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := guards[0].End(ctx, durin.Selection{ID: issued.Session.ID}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		if _, err := guards[1].Verify(ctx, issued.Token); errors.Is(err, durin.ErrInvalidToken) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the other copy hears of nothing")
		}
	}
}

func TestMain(m *testing.M) { stoptest.Main(m, main) }

// A signal lets the requests that are under way come to their end.
func TestStops(t *testing.T) {
	stoptest.Stops(t, "/api/auth/login/", schema(t), "ADDR")
}
