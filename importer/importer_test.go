package importer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/transfer"
)

// testNow is later than every instant of joining in the dumps.
var testNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func testClock() time.Time { return testNow }

func testRing(t *testing.T) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New(testNow)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func readDump(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// take imports a dump that must go well.
func take(t *testing.T, store transfer.Importer, dump string, opts Options) *Report {
	t.Helper()
	if opts.Now == nil {
		opts.Now = testClock
	}
	report, err := Django(t.Context(), strings.NewReader(dump), store, opts)
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return report
}

// refused imports a dump that must be refused for its rows.
func refused(t *testing.T, store transfer.Importer, dump string, opts Options) []Problem {
	t.Helper()
	opts.Now = testClock
	report, err := Django(t.Context(), strings.NewReader(dump), store, opts)
	var rows *RowsError
	if !errors.As(err, &rows) {
		t.Fatalf("error %v, want a *RowsError", err)
	}
	if report == nil || !report.DryRun || !reflect.DeepEqual(report.Problems, rows.Problems) {
		t.Fatalf("the report does not tell what the error does: %+v", report)
	}
	return rows.Problems
}

// everything is what a store holds, seals aside.
type everything struct {
	Clients  []durin.Client
	Users    []durin.User
	Sessions []durin.Session
}

func contents(t *testing.T, store *memstore.Store) everything {
	t.Helper()
	var all everything
	var err error
	if all.Clients, err = store.Clients(t.Context()); err != nil {
		t.Fatal(err)
	}
	for after := ""; ; {
		users, err := store.Users(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(users) == 0 {
			break
		}
		all.Users, after = append(all.Users, users...), users[len(users)-1].Name
	}
	for after := int64(0); ; {
		sessions, err := store.Sessions(t.Context(), browse.Query{After: after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(sessions) == 0 {
			break
		}
		all.Sessions, after = append(all.Sessions, sessions...), sessions[len(sessions)-1].ID
	}
	return all
}

func wantCounts(t *testing.T, r *Report, want ...ModelReport) {
	t.Helper()
	var got []ModelReport
	for _, m := range r.Models {
		got = append(got, *m)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("counts\n%+v, want\n%+v", got, want)
	}
}

func wantProblems(t *testing.T, got []Problem, want ...string) {
	t.Helper()
	for i, p := range got {
		if i >= len(want) {
			t.Errorf("one more problem: %s: %s", p.Action, p)
		} else if text := p.Action + ": " + p.String(); !strings.Contains(text, want[i]) {
			t.Errorf("problem %d is %q, want %q in it", i, text, want[i])
		}
	}
	if len(got) < len(want) {
		t.Errorf("%d problems, want %d: %q", len(got), len(want), want[len(got):])
	}
}

func TestReferenceDumpNeedsLenient(t *testing.T) {
	store := memstore.New()
	problems := refused(t, store, readDump(t, "dump.json"), Options{})
	wantProblems(t, problems,
		"mended: row 10 (durin.client 5): the life time is not above zero: it becomes the default, 1d",
		"mended: row 13 (durin.client 8): the throttle rate -1/m is negative: it becomes 0/m, which blocks",
		`mended: row 14 (durin.client 9): the throttle rate "blahblah" cannot be read`,
	)
	if all := contents(t, store); len(all.Clients)+len(all.Users)+len(all.Sessions) > 0 {
		t.Errorf("a refused import wrote %+v", all)
	}
}

func TestReferenceDump(t *testing.T) {
	store, ring := memstore.New(), testRing(t)
	report := take(t, store, readDump(t, "dump.json"), Options{Lenient: true, Keyring: ring, DefaultTTL: 36 * time.Hour})
	wantCounts(t, report,
		ModelReport{Model: "durin.client", Read: 12, Taken: 12, Mended: 3},
		ModelReport{Model: "auth.user", Read: 5, Taken: 5},
		ModelReport{Model: "durin.authtoken", Read: 7, Taken: 7},
	)
	if !reflect.DeepEqual(report.Passwords, map[string]int{"pbkdf2_sha256": 5}) {
		t.Errorf("passwords %v", report.Passwords)
	}
	all := contents(t, store)
	clients := map[string]durin.Client{}
	for _, c := range all.Clients {
		clients[c.Name] = c
	}
	day := 24 * time.Hour
	for _, want := range []durin.Client{
		{ID: 1, Name: "web", TTL: day},
		{ID: 3, Name: "throttled", TTL: day, Rate: durin.Rate{N: 5, Period: time.Minute}},
		{ID: 4, Name: "apikey", TTL: 365 * day},
		{ID: 5, Name: "zero", TTL: 36 * time.Hour},
		{ID: 6, Name: "mobile", TTL: 12 * time.Hour},
		{ID: 7, Name: "blocked", TTL: day, Rate: durin.Rate{Period: time.Minute}},
		{ID: 8, Name: "negrate", TTL: day, Rate: durin.Rate{Period: time.Minute}},
		{ID: 9, Name: "badrate", TTL: day},
		{ID: 12, Name: "perday", TTL: day, Rate: durin.Rate{N: 1, Period: day}},
	} {
		want.Policy, want.Created = durin.PolicyReuse, testNow
		if clients[want.Name] != want {
			t.Errorf("client %+v, want %+v", clients[want.Name], want)
		}
	}
	admin, carol := all.Users[0], all.Users[3]
	if admin.ID != "1" || !admin.Admin || !admin.Active || !admin.LastLogin.IsZero() || !admin.Created.Equal(time.Date(2026, 11, 23, 10, 8, 31, 693e6, time.UTC)) {
		t.Errorf("admin is %+v", admin)
	}
	if carol.ID != "4" || carol.Name != "carol" || carol.Active || carol.Admin {
		t.Errorf("carol is %+v", carol)
	}
	if zoe := all.Users[4]; zoe.ID != "5" || zoe.Name != "zoë" {
		t.Errorf("zoë is %+v", zoe)
	}
	s, err := store.Lookup(t.Context(), durin.Secret(strings.Repeat("a1", 32)).Digest())
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != 1 || s.UserID != "2" || s.UserName != "alice" || s.Client.Name != "web" ||
		!s.ExpiresAt.Equal(time.Date(2099, 1, 2, 3, 4, 5, 678e6, time.UTC)) || !s.Created.Equal(time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)) {
		t.Errorf("alice's session is %+v", s)
	}
	seals, err := store.Seals(t.Context(), 0, 100)
	if err != nil || len(seals) != 7 {
		t.Fatalf("%d seals, %v", len(seals), err)
	}
	if token, err := ring.Open(seals[0].Seal, seals[0].Digest); err != nil || token != strings.Repeat("a1", 32) {
		t.Errorf("the first seal does not hold the token: %v", err)
	}
}

func TestImportTwiceChangesNothing(t *testing.T) {
	for _, name := range []string{"dump.json", "dump-hashers.json", "dump-knox-drf-multitoken.json"} {
		t.Run(name, func(t *testing.T) {
			store, dump := memstore.New(), readDump(t, name)
			take(t, store, dump, Options{Lenient: true, Keyring: testRing(t)})
			before := contents(t, store)
			report := take(t, store, dump, Options{Lenient: true, Keyring: testRing(t)})
			if after := contents(t, store); !reflect.DeepEqual(before, after) {
				t.Errorf("the second import changed the store")
			}
			for _, m := range report.Models {
				if m.Taken+m.Mended > 0 || m.Known+m.LeftOut != m.Read {
					t.Errorf("second import: %+v", *m)
				}
			}
		})
	}
}

// What an earlier import mended needs no mending again.
func TestStrictAfterLenient(t *testing.T) {
	store, dump := memstore.New(), readDump(t, "dump.json")
	take(t, store, dump, Options{Lenient: true})
	if report := take(t, store, dump, Options{}); len(report.Problems) > 0 || report.Model("durin.client").Known != 12 {
		t.Errorf("%+v", report)
	}
}

type credentials struct {
	Username, Password, Algorithm string
	Active                        bool
	Tokens                        []struct {
		Client, Token string
		Expired       bool
	}
	DRF, Multitoken []string
}

func readCredentials(t *testing.T, name string) []credentials {
	t.Helper()
	var all []credentials
	if err := json.Unmarshal([]byte(readDump(t, name)), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestHashersDump(t *testing.T) {
	store := memstore.New()
	report := take(t, store, readDump(t, "dump-hashers.json"), Options{})
	wantCounts(t, report,
		ModelReport{Model: "durin.client", Read: 4, Taken: 4},
		ModelReport{Model: "auth.user", Read: 42, Taken: 42},
		ModelReport{Model: "durin.authtoken", Read: 102, Taken: 102},
	)
	if report.Unsealed != 102 {
		t.Errorf("%d tokens without a seal are told, want 102", report.Unsealed)
	}
	kinds := map[string]int{}
	for _, c := range readCredentials(t, "dump-hashers.credentials.json") {
		kinds[c.Algorithm]++
		u, err := store.UserByName(t.Context(), c.Username)
		if err != nil || u.Active != c.Active {
			t.Errorf("user %s: %+v, %v", c.Username, u, err)
		}
		for _, token := range c.Tokens {
			s, err := store.Lookup(t.Context(), durin.Secret(token.Token).Digest())
			if err != nil || s.UserID != u.ID || s.Client.Name != token.Client || s.Expired(testNow) != token.Expired {
				t.Errorf("token of %s for %s: %+v, %v", c.Username, token.Client, s, err)
			}
		}
	}
	t.Log(kinds, report.Passwords)
}

func TestReportBearsNoSecret(t *testing.T) {
	for _, name := range []string{"dump.json", "dump-hashers.json", "dump-knox-drf-multitoken.json"} {
		dump := readDump(t, name)
		report := take(t, memstore.New(), dump, Options{Lenient: true})
		told, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		var rows []struct {
			PK     any
			Fields struct{ Password, Token, Key, Token_Key string }
		}
		if err := json.Unmarshal([]byte(dump), &rows); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			pk, _ := row.PK.(string)
			for _, secret := range []string{pk, row.Fields.Password, row.Fields.Token, row.Fields.Key, row.Fields.Token_Key} {
				if secret != "" && strings.Contains(string(told), secret) {
					t.Fatalf("%s: the report holds a secret", name)
				}
			}
		}
	}
}

// failing is an Importer that dies after some batches with something new.
type failing struct {
	*memstore.Store
	left int
}

var errKilled = errors.New("killed")

func (f *failing) Import(ctx context.Context, rows []transfer.Row, now time.Time, dry bool) ([]transfer.Result, error) {
	if dry {
		return f.Store.Import(ctx, rows, now, dry)
	}
	rehearsed, err := f.Store.Import(ctx, rows, now, true)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(rehearsed, func(r transfer.Result) bool { return r.Outcome == transfer.Imported }) {
		if f.left--; f.left < 0 {
			return nil, errKilled
		}
	}
	return f.Store.Import(ctx, rows, now, dry)
}

// onlyReader hides that a reader can seek.
type onlyReader struct{ io.Reader }
