package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
)

// quiet is the Log of most tests: it writes when it is told to.
func quiet(t *testing.T, s audit.Store, change ...func(*audit.Options)) *audit.Log {
	t.Helper()
	o := audit.Options{Store: s, Chain: "a", FlushEvery: time.Hour, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	l, err := audit.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

func keyed(ring *keyring.Ring) func(*audit.Options) {
	return func(o *audit.Options) { o.Keyring = ring }
}

func newRing(t *testing.T) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func flush(t *testing.T, l *audit.Log) {
	t.Helper()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, s audit.Store, chain string) []audit.Row {
	t.Helper()
	all, err := s.AuditRows(t.Context(), chain, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// line is what matters of a row, in one line.
func line(r audit.Row) string {
	return strings.TrimSpace(fmt.Sprintf("%s by %s: %s %s %s", r.Action, r.Actor, r.UserName, r.Client, audit.DetailsText(r.Details)))
}

func lines(all []audit.Row) []string {
	var texts []string
	for _, r := range all {
		texts = append(texts, line(r))
	}
	return texts
}

// TestRotationIsRecorded: that a client's renewals replace the token is one of its
// rules.
func TestRotationIsRecorded(t *testing.T) {
	store := memstore.New()
	l := quiet(t, store)
	g, err := durin.New(t.Context(), durin.Options{Store: store, Users: store, Keyring: newRing(t), Authenticator: passwords{store}, Hooks: l.Hooks(durin.Hooks{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	if _, err := g.CreateClient(t.Context(), durin.Client{Name: "app", TTL: time.Hour, Rotate: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.UpdateClient(t.Context(), "app", func(c *durin.Client) error { c.Rotate = 0; return nil }); err != nil {
		t.Fatal(err)
	}
	flush(t, l)
	want := []string{
		"client.create by application:  app policy: reuse, rotate: 1m, ttl: 1h",
		"client.update by application:  app rotate: 1m → 0",
	}
	if got := lines(rows(t, store, "a")); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestGuardIsRecorded does everything that a Guard can do, as several actors.
func TestGuardIsRecorded(t *testing.T) {
	store := memstore.New()
	l := quiet(t, store, func(o *audit.Options) {
		o.KeyClient = "key"
		o.KnownUser = func(_ context.Context, name string) (string, error) {
			if name != "Ada" {
				return "", durin.ErrNotFound
			}
			return "1", nil
		}
	})
	called := 0
	g, err := durin.New(t.Context(), durin.Options{
		Store: store, Users: store, ReuseWithoutKey: durin.PolicyReplace, Authenticator: passwords{store},
		Hooks: l.Hooks(durin.Hooks{LoggedIn: func(context.Context, durin.Event) { called++ }}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	ctx := durin.WithOrigin(t.Context(), durin.Origin{Address: "192.0.2.1", Agent: "test/1", RequestID: "r1"})
	root := audit.WithActor(ctx, audit.Actor{Kind: audit.Admin, ID: "1", Name: "root"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"web", "key"} {
		_, err = g.CreateClient(root, durin.Client{Name: name, TTL: time.Hour})
		must(err)
	}
	_, err = g.UpdateClient(root, "web", func(c *durin.Client) error { c.TTL, c.Description = 2*time.Hour, "the app"; return nil })
	must(err)
	u, err := g.CreateUser(root, durin.User{Name: "ada", Active: true, Password: "$hash-of-ada"})
	must(err)
	for _, change := range []func(*durin.User){
		func(u *durin.User) { u.Password = "$other-hash" },
		func(u *durin.User) { u.Active = false },
		func(u *durin.User) { u.Active = true },
		func(u *durin.User) { u.Admin, u.Name = true, "Ada" },
	} {
		_, err = g.UpdateUser(root, u.ID, func(u *durin.User) error { change(u); return nil })
		must(err)
	}
	in, err := g.Login(ctx, durin.LoginRequest{Name: "Ada", Password: "right", Client: "web"})
	must(err)
	for range 3 {
		if _, err := g.Login(ctx, durin.LoginRequest{Name: "Ada", Password: "wrong", Client: "web"}); !errors.Is(err, durin.ErrBadCredentials) {
			t.Fatal(err)
		}
	}
	if _, err := g.Login(ctx, durin.LoginRequest{Name: "my-Passw0rd!", Password: "wrong", Client: "web"}); !errors.Is(err, durin.ErrBadCredentials) {
		t.Fatal(err)
	}
	_, err = g.Renew(ctx, &in.Session)
	must(err)
	must(g.LogOut(ctx, &in.Session))
	self := audit.WithActor(ctx, audit.Actor{Kind: audit.User, ID: u.ID, Name: "Ada"})
	_, err = g.Issue(self, durin.IssueRequest{UserID: u.ID, Client: "key"})
	must(err)
	_, err = g.End(self, durin.Selection{UserID: u.ID, Client: "key"})
	must(err)
	_, err = g.Issue(ctx, durin.IssueRequest{UserID: u.ID, Client: "web"})
	must(err)
	again, err := g.Issue(ctx, durin.IssueRequest{UserID: u.ID, Client: "web"})
	must(err)
	_, err = g.End(root, durin.Selection{ID: again.Session.ID})
	must(err)
	again, err = g.Issue(ctx, durin.IssueRequest{UserID: u.ID, Client: "web"})
	must(err)
	must(g.LogOutEverywhere(ctx, &again.Session))
	secret, server, err := g.CreateResourceServer(root, "billing", time.Hour)
	must(err)
	must(g.DeleteResourceServer(root, server.ID))
	must(g.DeleteUser(root, u.ID))
	must(g.DeleteClient(root, "web"))
	flush(t, l)

	var got []string
	for _, text := range lines(rows(t, store, "a")) {
		text, _, _ = strings.Cut(text, " expires:") // instants differ
		text, _, _ = strings.Cut(text, ", last:")
		got = append(got, text)
	}
	slices.Sort(got[len(got)-2:]) // failed logins of one flush come in any order
	want := []string{
		"client.create by admin root:  web policy: reuse, ttl: 1h",
		"client.create by admin root:  key policy: reuse, ttl: 1h",
		`client.update by admin root:  web description: "" → the app, ttl: 1h → 2h`,
		"user.create by admin root: ada  active: true",
		"user.password by admin root: ada",
		"user.deactivate by admin root: ada",
		"user.activate by admin root: ada",
		"user.update by admin root: Ada  admin: false → true, name: ada → Ada",
		"token.issue by Ada: Ada web",
		"login by Ada: Ada web",
		"token.renew by application: Ada web",
		"logout by Ada: Ada web",
		"apikey.create by Ada: Ada key",
		"apikey.delete by Ada:  key tokens: 1",
		"token.issue by application: Ada web",
		"token.replace by application:  web tokens: 1",
		"token.issue by application: Ada web",
		"token.revoke by admin root: Ada web",
		"token.issue by application: Ada web",
		"logout.all by Ada: Ada  tokens: 1",
		"resource.create by admin root:",
		"resource.delete by admin root:   id: 1",
		"user.delete by admin root: Ada",
		"client.delete by admin root:  web",
		"login.failed by anonymous:  web user: unknown",
		"login.failed by anonymous: Ada web count: 3",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || strings.TrimSpace(got[i]) != strings.TrimSpace(want[i]) {
			t.Fatalf("row %d is not as it should be:\n got %s\nwant %s", i+1, strings.Join(got[min(i, len(got)):], "\n     "), strings.Join(want[min(i, len(want)):], "\n     "))
		}
	}
	for _, r := range rows(t, store, "a") {
		if r.Address != "192.0.2.1" || r.Agent != "test/1" || r.RequestID != "r1" {
			t.Errorf("%s does not tell from where: %+v", r.Action, r)
		}
		all := fmt.Sprintf("%+v", r)
		for _, word := range []string{"my-Passw0rd!", "hash", "right", in.Token.Reveal(), again.Token.Reveal(), secret.Reveal()} {
			if strings.Contains(all, word) && word != "hash" || strings.Contains(r.Details, "hash") {
				t.Errorf("a secret is in %s", all)
			}
		}
	}
	if called != 1 {
		t.Errorf("the application's own hook was called %d times", called)
	}
}

// passwords knows one password of everybody who is there.
type passwords struct{ store *memstore.Store }

func (p passwords) Authenticate(ctx context.Context, name string, pw durin.Secret) (durin.User, error) {
	u, err := p.store.UserByName(ctx, name)
	if err != nil || pw != "right" {
		return durin.User{}, durin.ErrBadCredentials
	}
	return u, nil
}

// faulty is a store that can be away.
type faulty struct {
	*memstore.Store
	away  atomic.Bool
	after atomic.Bool // it does its work, and nobody hears of it
}

var errAway = errors.New("away")

func (f *faulty) AppendAudit(ctx context.Context, chain string, extend func(audit.Head) ([]audit.Row, audit.Head, error)) error {
	if f.away.Load() {
		return errAway
	}
	err := f.Store.AppendAudit(ctx, chain, extend)
	if f.after.Load() {
		return errAway
	}
	return err
}

// TestOutage: while the database is away rows wait, up to a bound; what finds no
// room is counted, and the count is recorded.
func TestOutage(t *testing.T) {
	s := &faulty{Store: memstore.New()}
	l := quiet(t, s, func(o *audit.Options) { o.Queue = 5 })
	s.away.Store(true)
	for i := range 8 {
		l.Record(t.Context(), audit.Entry{Action: audit.Logout, UserID: fmt.Sprint(i)})
		if i == 2 {
			if err := l.Flush(t.Context()); !errors.Is(err, errAway) {
				t.Fatal(err)
			}
		}
	}
	l.Record(t.Context(), audit.Entry{Action: audit.LoginFailed})
	s.away.Store(false)
	flush(t, l)
	var users []string
	var last audit.Row
	for _, r := range rows(t, s, "a") {
		if r.Action == audit.Logout {
			users = append(users, r.UserID)
		}
		last = r
	}
	if !slices.Equal(users, []string{"0", "1", "2", "3", "4", "5", "6", "7"}) {
		t.Errorf("rows are %v", users)
	}
	if last.Action != audit.LoginFailed {
		t.Errorf("the last row is %s", line(last))
	}
	s.away.Store(true)
	for range 12 {
		l.Record(t.Context(), audit.Entry{Action: audit.Logout})
	}
	if err := l.Flush(t.Context()); err == nil {
		t.Fatal("written")
	}
	s.away.Store(false)
	flush(t, l)
	all := rows(t, s, "a")
	if last := all[len(all)-1]; last.Action != audit.Dropped || !strings.Contains(last.Details, `"rows":7`) || len(all) != 9+5+1 {
		t.Errorf("%d rows, the last %s", len(all), line(last))
	}
	verified(t, s, nil)
}

// TestUnheardCommit: a batch that was written without anybody hearing of it is not
// written twice.
func TestUnheardCommit(t *testing.T) {
	s := &faulty{Store: memstore.New()}
	l := quiet(t, s)
	s.after.Store(true)
	l.Record(t.Context(), audit.Entry{Action: audit.Logout})
	if err := l.Flush(t.Context()); !errors.Is(err, errAway) {
		t.Fatal(err)
	}
	s.after.Store(false)
	flush(t, l)
	l.Record(t.Context(), audit.Entry{Action: audit.Login})
	flush(t, l)
	if got := lines(rows(t, s, "a")); len(got) != 2 {
		t.Errorf("rows: %q", got)
	}
}

// TestCloseTells: a Log that cannot write says how much is lost.
func TestCloseTells(t *testing.T) {
	s := &faulty{Store: memstore.New()}
	l := quiet(t, s)
	s.away.Store(true)
	l.Record(t.Context(), audit.Entry{Action: audit.Logout})
	l.Record(t.Context(), audit.Entry{Action: audit.Login})
	if err := l.Close(t.Context()); !errors.Is(err, errAway) || !strings.Contains(err.Error(), "2 rows") {
		t.Errorf("%v", err)
	}
	var off *audit.Log
	off.Record(t.Context(), audit.Entry{})
	if err := errors.Join(off.Flush(t.Context()), off.Close(t.Context()), off.Sign(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestStorm: 10,000 failed logins of one second are few rows, and none is lost
// from the count.
func TestStorm(t *testing.T) {
	s := memstore.New()
	l := quiet(t, s, func(o *audit.Options) {
		o.KnownUser = func(_ context.Context, name string) (string, error) { return "id of " + name, nil }
	})
	for i := range 10_000 {
		l.Record(t.Context(), audit.Entry{Action: audit.LoginFailed, UserName: fmt.Sprint("u", i%1500), Address: fmt.Sprint("192.0.2.", i%700)})
	}
	flush(t, l)
	all, sum := rows(t, s, "a"), 0
	for _, r := range all {
		n := 1
		for _, d := range audit.ReadDetails(r.Details) {
			if d.Name == "count" {
				_, _ = fmt.Sscan(d.Value, &n)
			}
		}
		sum += n
	}
	if sum != 10_000 || len(all) > 500 {
		t.Errorf("%d rows count %d", len(all), sum)
	}
}

// TestFlushesByItself: rows are written without anybody asking, and soon when there
// are many.
func TestFlushesByItself(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		n     int
	}{"in time": {time.Millisecond, 1}, "when there are many": {time.Hour, 600}} {
		s := memstore.New()
		l := quiet(t, s, func(o *audit.Options) { o.FlushEvery = c.every })
		for range c.n {
			l.Record(t.Context(), audit.Entry{Action: audit.Logout})
		}
		for len(rows(t, s, "a")) == 0 {
			if t.Context().Err() != nil {
				t.Fatal(name)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestOptions(t *testing.T) {
	for what, o := range map[string]audit.Options{
		"Store":    {},
		"Chain":    {Store: memstore.New(), Chain: strings.Repeat("x", 65)},
		"negative": {Store: memstore.New(), Keep: -1},
	} {
		if _, err := audit.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestBounds: nothing that a caller sends makes a row too long, or not a text.
func TestBounds(t *testing.T) {
	s := memstore.New()
	l := quiet(t, s)
	long := strings.Repeat("é", 5000)
	details := map[string]any{}
	for i := range 60 {
		details[fmt.Sprint(i)] = audit.Changed{long, long}
	}
	l.Record(t.Context(), audit.Entry{
		Action: audit.UserUpdate, Actor: audit.Actor{Kind: audit.User, ID: long, Name: "a\x00\xff"}, UserID: long, UserName: long, Client: long,
		Address: long, Agent: long, RequestID: long, Details: details,
	})
	flush(t, l)
	r := rows(t, s, "a")[0]
	if len(r.Details) > 4000 || len(r.UserName) > 255 || len(r.UserID) > 64 || len(r.Agent) > 255 || r.Actor.Name != "a\uFFFD\uFFFD" {
		t.Errorf("%+v", r)
	}
}
