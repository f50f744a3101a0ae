package enginetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/sqlstore"
	"github.com/durin-go/durin/transfer"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// filled opens a store with one client and one token, both called name.
func filled(t *testing.T, d servers.Database, name string, opts sqlstore.Options) *sqlstore.Store {
	t.Helper()
	s := engines[0].open(t, d.Open(t), opts)
	if _, err := s.CreateClient(t.Context(), durin.Client{Name: name, TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
		t.Fatal(err)
	}
	issue(t, s, name, name, "u")
	return s
}

func issue(t *testing.T, s durin.Store, token, client, user string) {
	t.Helper()
	_, err := s.Issue(t.Context(), durin.NewToken{UserID: user, Client: client, Digest: durin.Secret(token).Digest(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
}

// eventually tries until it holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("%s: still not so", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// calls are one of every method.
func calls(s *sqlstore.Store) map[string]func(context.Context) error {
	d := durin.Secret("a").Digest()
	return map[string]func(context.Context) error{
		"CreateClient": func(ctx context.Context) error {
			_, err := s.CreateClient(ctx, durin.Client{Name: "new", TTL: time.Hour})
			return err
		},
		"UpdateClient": func(ctx context.Context) error {
			_, err := s.UpdateClient(ctx, "a", now, func(*durin.Client) error { return nil })
			return err
		},
		"DeleteClient": func(ctx context.Context) error { _, err := s.DeleteClient(ctx, "none", now); return err },
		"ClientByName": func(ctx context.Context) error { _, err := s.ClientByName(ctx, "a"); return err },
		"Clients":      func(ctx context.Context) error { _, err := s.Clients(ctx); return err },
		"Issue": func(ctx context.Context) error {
			_, err := s.Issue(ctx, durin.NewToken{UserID: "u", Client: "a", Digest: d, Now: now})
			return err
		},
		"Installation":       func(ctx context.Context) error { _, err := s.Installation(ctx, now); return err },
		"FindInstallation":   func(ctx context.Context) error { _, err := s.FindInstallation(ctx); return err },
		"ForgetInstallation": s.ForgetInstallation,
		"Lookup":             func(ctx context.Context) error { _, err := s.Lookup(ctx, d); return err },
		"Sessions":           func(ctx context.Context) error { _, err := s.Sessions(ctx, browse.Query{}); return err },
		"Renew":              func(ctx context.Context) error { _, err := s.Renew(ctx, d, now); return err },
		"Rotate": func(ctx context.Context) error {
			_, err := s.Rotate(ctx, durin.Rotation{Digest: d, Now: now})
			return err
		},
		"ForgetReplaced": func(ctx context.Context) error { return s.ForgetReplaced(ctx, now) },
		"End":            func(ctx context.Context) error { _, err := s.End(ctx, durin.Selection{UserID: "x"}, now); return err },
		"MarkUser":       func(ctx context.Context) error { _, err := s.MarkUser(ctx, "x", now); return err },
		"Prune":          func(ctx context.Context) error { _, err := s.Prune(ctx, now, 10); return err },
		"Touch":          func(ctx context.Context) error { return s.Touch(ctx, []durin.Use{{Digest: d, At: now}}) },
		"AddUsage": func(ctx context.Context) error {
			return s.AddUsage(ctx, browse.Batch{}, []browse.Usage{{Day: now, UserID: "u", Requests: 1}})
		},
		"Usage":    func(ctx context.Context) error { _, err := s.Usage(ctx, now, "", 0, 1); return err },
		"Seals":    func(ctx context.Context) error { _, err := s.Seals(ctx, 0, 1); return err },
		"Reseal":   func(ctx context.Context) error { _, err := s.Reseal(ctx, d, nil, []byte("s")); return err },
		"Ping":     s.Ping,
		"Writable": func(ctx context.Context) error { return s.Writable(ctx, now) },
		"AdoptLegacy": func(ctx context.Context) error {
			_, err := s.AdoptLegacy(ctx, []transfer.LegacyDigest{{1}, {2}}, d)
			return err
		},
		"AppendAudit": func(ctx context.Context) error { return s.AppendAudit(ctx, "node", appendOne) },
		"AuditHeads":  func(ctx context.Context) error { _, err := s.AuditHeads(ctx); return err },
		"AuditRows":   func(ctx context.Context) error { _, err := s.AuditRows(ctx, "node", 5, 10); return err },
		"AuditStrays": func(ctx context.Context) error { _, err := s.AuditStrays(ctx, 10); return err },
		"FindAudit": func(ctx context.Context) error {
			_, err := s.FindAudit(ctx, audit.Filter{}, audit.Cursor{}, 10)
			return err
		},
		"PruneAudit": func(ctx context.Context) error {
			_, err := s.PruneAudit(ctx, "node", now, 10, func(h audit.Head) (audit.Head, error) { return h, nil })
			return err
		},
		"CreateResourceServer": func(ctx context.Context) error {
			_, err := s.CreateResourceServer(ctx, durin.ResourceServer{Name: "billing", Digest: d, Created: now})
			return err
		},
		"ResourceServers":      func(ctx context.Context) error { _, err := s.ResourceServers(ctx); return err },
		"DeleteResourceServer": func(ctx context.Context) error { return s.DeleteResourceServer(ctx, 99) },

		"LegacyLeft":   func(ctx context.Context) error { _, err := s.LegacyLeft(ctx); return err },
		"ExportTokens": func(ctx context.Context) error { _, err := s.ExportTokens(ctx, 0, 10); return err },
		"ExportLedger": func(ctx context.Context) error {
			_, err := s.ExportLedger(ctx, transfer.Entry{Source: "s", Key: "k"}, 10)
			return err
		},
		"CreateUser": func(ctx context.Context) error {
			_, err := s.CreateUser(ctx, durin.User{Name: "ada"})
			return err
		},
		"UsersByFold": func(ctx context.Context) error { _, err := s.UsersByFold(ctx, "x", 10); return err },
		"UserByName":  func(ctx context.Context) error { _, err := s.UserByName(ctx, "x"); return err },
		"UserByID":    func(ctx context.Context) error { _, err := s.UserByID(ctx, "9"); return err },
		"Users":       func(ctx context.Context) error { _, err := s.Users(ctx, "", 1); return err },
		"UpdateUser": func(ctx context.Context) error {
			_, _, err := s.UpdateUser(ctx, "9", now, func(*durin.User) error { return nil })
			return err
		},
		"SetPassword": func(ctx context.Context) error { _, err := s.SetPassword(ctx, "9", "", "x"); return err },
		"DeleteUser":  func(ctx context.Context) error { _, _, err := s.DeleteUser(ctx, "9", now); return err },
		"Browse": func(ctx context.Context) error {
			_, err := s.Browse(ctx, browse.Filter{}, browse.Cursor{}, 1)
			return err
		},
		"CountSessions": func(ctx context.Context) error { _, err := s.CountSessions(ctx, browse.Filter{}, 1); return err },
		"EndSome": func(ctx context.Context) error {
			_, err := s.EndSome(ctx, browse.Filter{UserID: "x"}, 1, now)
			return err
		},
		"FindUsers": func(ctx context.Context) error { _, err := s.FindUsers(ctx, browse.Users{}, "", 1); return err },
		"AddActivity": func(ctx context.Context) error {
			return s.AddActivity(ctx, browse.Batch{}, []browse.Activity{{Day: now}})
		},
		"Activity":   func(ctx context.Context) error { _, err := s.Activity(ctx, now); return err },
		"UsageOn":    func(ctx context.Context) error { _, err := s.UsageOn(ctx, now, 1); return err },
		"Endings":    func(ctx context.Context) error { _, err := s.Endings(ctx, 0, 1); return err },
		"LastEnding": func(ctx context.Context) error { _, err := s.LastEnding(ctx); return err },
		"Import": func(ctx context.Context) error {
			_, err := s.Import(ctx, []transfer.Row{{Source: "s", Key: "k", User: &durin.User{Name: "eve"}}}, now, true)
			return err
		},
	}
}

// appendOne extends a chain of the audit log by a row.
func appendOne(h audit.Head) ([]audit.Row, audit.Head, error) {
	h.Seq++
	var r audit.Row
	r.Seq, r.At = h.Seq, now
	return []audit.Row{r}, h, nil
}

// TestFileTakenAway takes the file away in several ways: every method must fail,
// and say nothing of any row, until it is back.
func TestFileTakenAway(t *testing.T) {
	for name, way := range map[string]struct{ take, giveBack func(path string) error }{
		"moved": {
			func(path string) error { return os.Rename(path, path+".away") },
			func(path string) error { return os.Rename(path+".away", path) },
		},
		"unreadable": {
			func(path string) error { return os.Chmod(path, 0) },
			func(path string) error { return os.Chmod(path, 0o600) },
		},
		"not a database": {
			func(path string) error {
				return errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, []byte("not what you think it is"), 0o600))
			},
			func(path string) error { return os.Rename(path+".away", path) },
		},
		"empty": {
			func(path string) error {
				return errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, nil, 0o600))
			},
			func(path string) error { return os.Rename(path+".away", path) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := servers.SQLite(t)
			s := filled(t, d, "a", sqlstore.Options{})
			if err := way.take(d.URL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "noticed", func() bool { return s.Ping(t.Context()) != nil })
			for method, call := range calls(s) {
				err := call(t.Context())
				var answer *durin.Error
				if err == nil || errors.As(err, &answer) {
					t.Errorf("%s: %v", method, err)
				}
			}
			if err := way.giveBack(d.URL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "service again", func() bool { return s.Ping(t.Context()) == nil })
			if _, err := s.Lookup(t.Context(), durin.Secret("a").Digest()); err != nil {
				t.Error(err)
			}
			issue(t, s, "later", "a", "u2")
		})
	}
}

// TestFileReplaced puts another database in the place of the first, while the
// first has something in its write-ahead log only.
func TestFileReplaced(t *testing.T) {
	for name, opts := range map[string]func(t *testing.T, d servers.Database) sqlstore.Options{
		"one handle":  func(*testing.T, servers.Database) sqlstore.Options { return sqlstore.Options{} },
		"two handles": func(t *testing.T, d servers.Database) sqlstore.Options { return sqlstore.Options{Reader: d.Open(t)} },
	} {
		t.Run(name, func(t *testing.T) { fileReplaced(t, opts) })
	}
}

// sessionsOf counts the sessions of two clients.
func sessionsOf(t *testing.T, s *sqlstore.Store) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, client := range []string{"a", "b"} {
		some, err := s.Sessions(t.Context(), browse.Query{Client: client})
		if err != nil {
			t.Fatal(err)
		}
		n[client] = len(some)
	}
	return n
}

func fileReplaced(t *testing.T, opts func(*testing.T, servers.Database) sqlstore.Options) {
	d, other := servers.SQLite(t), servers.SQLite(t)
	s := filled(t, d, "a", sqlstore.Options{})
	_ = s.Close()
	s = engines[0].open(t, d.Open(t), opts(t, d))
	for range 3 {
		issue(t, s, "again", "a", "u3")
		if _, err := s.End(t.Context(), durin.Selection{UserID: "u3"}, now); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 { // until the statements are kept
		if of := sessionsOf(t, s); of["a"] != 1 || of["b"] != 0 {
			t.Fatal(of)
		}
	}
	read, err := s.Endings(t.Context(), 0, 100)
	if err != nil || len(read) == 0 {
		t.Fatal(read, err)
	}
	last := read[len(read)-1].Seq
	filled(t, other, "b", sqlstore.Options{})
	if _, err := other.Open(t).Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "kept.db")
	if err := errors.Join(os.Link(d.URL, kept), os.Rename(other.URL, d.URL)); err != nil {
		t.Fatal(err)
	}

	eventually(t, "changed over", func() bool {
		_, err := s.Lookup(t.Context(), durin.Secret("b").Digest())
		return err == nil
	})
	if _, err := s.Lookup(t.Context(), durin.Secret("a").Digest()); !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("a token of the old database: %v", err)
	}
	if of := sessionsOf(t, s); of["a"] != 0 || of["b"] != 1 {
		t.Errorf("sessions of clients: %v", of)
	}
	endings, err := s.Endings(t.Context(), last, 100)
	if err != nil || len(endings) != 1 || endings[0].Digest != (durin.Digest{}) || endings[0].ClientID != 0 {
		t.Errorf("nodes are told %+v, %v; want to forget everything", endings, err)
	}
	for method, call := range calls(s) {
		if err := call(t.Context()); err != nil && durin.AsError(err).Status == 500 {
			t.Errorf("%s: %v", method, err)
		}
	}
	old := servers.Database{Driver: "sqlite", DSN: servers.SQLiteDSN(kept)}.Open(t)
	was := engines[0].open(t, old, sqlstore.Options{})
	if all, err := was.Endings(t.Context(), 0, 100); err != nil || len(all) != len(read) {
		t.Errorf("the old file has %d endings of %d: %v", len(all), len(read), err)
	}
	var health string
	if err := d.Open(t).QueryRow("PRAGMA integrity_check").Scan(&health); err != nil || health != "ok" {
		t.Errorf("the new file: %s, %v", health, err)
	}
}
