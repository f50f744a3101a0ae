package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/transfer"
)

func contextTests() []test {
	return []test{
		{"ended before the call", contextEnded},
		{"past its deadline", contextDeadline},
		{"ended during an update", contextDuring},
	}
}

// everyCall is each method that s has, as one that would do something to what
// populate makes.
func everyCall(s durin.Store) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{
		"CreateClient": func(ctx context.Context) error { _, err := s.CreateClient(ctx, fullClient("more")); return err },
		"UpdateClient": func(ctx context.Context) error {
			_, err := s.UpdateClient(ctx, "web", start, func(c *durin.Client) error { c.TTL = time.Minute; return nil })
			return err
		},
		"DeleteClient": func(ctx context.Context) error { _, err := s.DeleteClient(ctx, "web", start); return err },
		"ClientByName": func(ctx context.Context) error { _, err := s.ClientByName(ctx, "web"); return err },
		"Clients":      func(ctx context.Context) error { _, err := s.Clients(ctx); return err },
		"Issue":        func(ctx context.Context) error { _, err := s.Issue(ctx, newToken("b", user("u2"))); return err },
		"Lookup":       func(ctx context.Context) error { _, err := s.Lookup(ctx, digest("a")); return err },
		"Sessions":     func(ctx context.Context) error { _, err := s.Sessions(ctx, browse.Query{}); return err },
		"Renew":        func(ctx context.Context) error { _, err := s.Renew(ctx, digest("a"), after(time.Minute)); return err },
		"End":          func(ctx context.Context) error { _, err := s.End(ctx, durin.Selection{UserID: "1"}, start); return err },
		"MarkUser":     func(ctx context.Context) error { _, err := s.MarkUser(ctx, "1", start); return err },
		"Prune":        func(ctx context.Context) error { _, err := s.Prune(ctx, after(9*time.Hour), 9); return err },
		"Touch": func(ctx context.Context) error {
			return s.Touch(ctx, []durin.Use{{Digest: digest("a"), At: after(time.Minute)}})
		},
		"AddUsage": func(ctx context.Context) error {
			return s.AddUsage(ctx, browse.Batch{}, []browse.Usage{{Day: start.Truncate(24 * time.Hour), UserID: "1", ClientID: 1, Requests: 1}})
		},
		"Usage": func(ctx context.Context) error { _, err := s.Usage(ctx, time.Time{}, "", 0, 9); return err },
		"Seals": func(ctx context.Context) error { _, err := s.Seals(ctx, 0, 9); return err },
		"Reseal": func(ctx context.Context) error {
			_, err := s.Reseal(ctx, digest("a"), []byte("seal of a"), []byte("new"))
			return err
		},
		"Ping": s.Ping,
	}
	addOptional(calls, s)
	return calls
}

func addOptional(calls map[string]func(context.Context) error, s durin.Store) {
	if users, ok := s.(durin.UserStore); ok {
		calls["CreateUser"] = func(ctx context.Context) error { _, err := users.CreateUser(ctx, fullUser("bob")); return err }
		calls["UsersByFold"] = func(ctx context.Context) error { _, err := users.UsersByFold(ctx, "ada", 0); return err }
		calls["UserByName"] = func(ctx context.Context) error { _, err := users.UserByName(ctx, "ada"); return err }
		calls["UserByID"] = func(ctx context.Context) error { _, err := users.UserByID(ctx, "1"); return err }
		calls["Users"] = func(ctx context.Context) error { _, err := users.Users(ctx, "", 9); return err }
		calls["UpdateUser"] = func(ctx context.Context) error {
			_, _, err := users.UpdateUser(ctx, "1", start, func(u *durin.User) error { u.Admin = true; return nil })
			return err
		}
		calls["SetPassword"] = func(ctx context.Context) error { _, err := users.SetPassword(ctx, "1", "hash", "new"); return err }
		calls["DeleteUser"] = func(ctx context.Context) error { _, _, err := users.DeleteUser(ctx, "1", start); return err }
	}
	if importer, ok := s.(transfer.Importer); ok {
		calls["Import"] = func(ctx context.Context) error {
			c, u, k := oldSystem()
			u.Name = "old"
			_, err := importer.Import(ctx, rowsOf(c, u, k), start, false)
			return err
		}
	}
	if outbox, ok := s.(nodes.Outbox); ok {
		calls["Endings"] = func(ctx context.Context) error { _, err := outbox.Endings(ctx, 0, 9); return err }
		calls["LastEnding"] = func(ctx context.Context) error { _, err := outbox.LastEnding(ctx); return err }
	}
}

// populate makes the client web, the user ada with the id 1 where there are
// users, and the token a of the user 1.
func populate(t *testing.T, s durin.Store) {
	create(t, s, web())
	if users, ok := s.(durin.UserStore); ok {
		u := ada()
		u.ID = "1"
		createUser(t, users, u)
	}
	issue(t, s, newToken("a", user("1")))
}

// everything is what can be read of a store with few rows.
func everything(t *testing.T, s durin.Store) []any {
	clients, err := s.Clients(t.Context())
	must(t, err)
	seals, err := s.Seals(t.Context(), 0, 99)
	must(t, err)
	usage, err := s.Usage(t.Context(), time.Unix(0, 0), "", 0, 99)
	must(t, err)
	all := []any{clients, sessions(t, s, browse.Query{}), len(seals), len(usage)}
	if users, ok := s.(durin.UserStore); ok {
		some, err := users.Users(t.Context(), "", 99)
		must(t, err)
		all = append(all, some)
	}
	if outbox, ok := s.(nodes.Outbox); ok {
		endings, err := outbox.Endings(t.Context(), 0, 99)
		must(t, err)
		all = append(all, len(endings))
	}
	return all
}

func contextEnded(t *testing.T, s durin.Store) {
	populate(t, s)
	want := everything(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range everyCall(s) {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s returned %v", name, err)
		}
	}
	same(t, "afterwards", everything(t, s), want)
	for _, name := range []string{"Lookup", "Renew", "Touch", "Ping"} {
		must(t, everyCall(s)[name](t.Context()))
	}
}

func contextDeadline(t *testing.T, s durin.Store) {
	populate(t, s)
	want := everything(t, s)
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for name, call := range everyCall(s) {
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s returned %v", name, err)
		}
	}
	same(t, "afterwards", everything(t, s), want)
}

// contextDuring ends the context between the read and the write of an update.
func contextDuring(t *testing.T, s durin.Store) {
	populate(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.UpdateClient(ctx, "web", start, func(c *durin.Client) error {
		cancel()
		c.TTL, c.Description = time.Minute, "new"
		return nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the update returned %v", err)
	}
	got, lookupErr := s.ClientByName(t.Context(), "web")
	must(t, lookupErr)
	whole := got.TTL == time.Minute && got.Description == "new"
	none := got.TTL == time.Hour && got.Description == ""
	if !whole && !none || err == nil && !whole {
		t.Errorf("the update returned %v, and the client is %+v", err, got)
	}
	// Nothing is left locked.
	_, err = s.UpdateClient(t.Context(), "web", start, func(c *durin.Client) error { c.TTL = time.Second; return nil })
	must(t, err)
}
