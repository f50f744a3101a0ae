package importer

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/transfer"
)

// nobodyElse makes sure that tokens of a dump are not there.
func nobodyElse(t *testing.T, store durin.Store, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		isAbsent(t, store, token)
	}
}

// A key that another user has by now is a fault, with all its tokens, and so is one
// that another client has.
func TestKeysUsedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		first, then string
		want        []string
		absent      []string
	}{
		"user": {"key-of-bob.json", "key-of-mallory.json", []string{
			`(auth.user 2): it is "mallory", and its key was taken before for "bob", another user`,
			`(durin.authtoken 2): its user 2 is left out: it is "mallory" in the dump, and "bob" was taken under its key before`,
			`(authtoken.token): its user 2 is left out: it is "mallory" in the dump, and "bob"`,
			`(knox.authtoken): its user 2 is left out: it is "mallory" in the dump, and "bob"`,
		}, []string{strings.Repeat("d", 64), strings.Repeat("e", 40)}},
		"client": {"client-cli.json", "client-phone.json", []string{
			`(auth.user 2): it is "eve", and its key was taken before for "bob", another user`,
			`(durin.client 2): it is "phone", and its key was taken before for "cli": if it is the same one, give it the same name here and there`,
			`its user 2 is left out: it is "eve" in the dump, and "bob" was taken`,
			`its client 2 is left out: it is "phone" in the dump, and "cli" was taken under its key before`,
		}, []string{strings.Repeat("e1", 32)}},
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			take(t, store, readDump(t, c.first), Options{})
			before := contents(t, store)
			wantProblems(t, refused(t, store, readDump(t, c.then), Options{}), c.want...)
			report := take(t, store, readDump(t, c.then), Options{Lenient: true})
			wantProblems(t, report.Problems, c.want...)
			nobodyElse(t, store, c.absent...)
			for _, s := range contents(t, store).Sessions {
				if !slices.ContainsFunc(before.Sessions, func(b durin.Session) bool { return b.ID == s.ID && b.UserName == s.UserName }) && s.UserName == "bob" {
					t.Errorf("bob got the session %d", s.ID)
				}
			}
		})
	}
}

// The same holds for what programs took that kept no marks, and for whom that one
// was who has been renamed or deleted here since, or has another's id.
func TestKeysUsedAgainWithoutMarks(t *testing.T) {
	row := func(pk int, name, joined string) string {
		return replaced(userRow(pk, name), "2020-01-01T00:00:02Z", joined)
	}
	mallory := array(userRow(1, "alice"), row(2, "mallory", "2024-05-05T05:05:05.123Z"), clientRow(1, "web", "60", ""), tokenRow(1, "tm", "2", "1"))
	bobAgain := array(userRow(1, "alice"), userRow(2, "robert"), clientRow(1, "web", "60", ""), tokenRow(1, "tb", "2", "1"))
	for name, change := range map[string]func(*memstore.Store) error{
		"nothing": func(*memstore.Store) error { return nil },
		"renamed": func(s *memstore.Store) error {
			_, _, err := s.UpdateUser(t.Context(), "2", testNow, func(u *durin.User) error { u.Name = "mallory"; return nil })
			return err
		},
		"deleted": func(s *memstore.Store) error { _, _, err := s.DeleteUser(t.Context(), "2", testNow); return err },
	} {
		for _, marks := range []bool{true, false} {
			t.Run(fmt.Sprint(name, marks), func(t *testing.T) {
				store := memstore.New()
				var dst transfer.Importer = store
				if !marks {
					dst = unmarked{store}
				}
				take(t, dst, array(userRow(1, "alice"), userRow(2, "bob"), clientRow(1, "web", "60", "")), Options{})
				if err := change(store); err != nil {
					t.Fatal(err)
				}
				if _, err := store.CreateUser(t.Context(), durin.User{Name: "other", Active: true, Password: "!", Created: testNow}); err != nil {
					t.Fatal(err)
				}
				report := take(t, store, mallory, Options{Lenient: true})
				if len(report.Problems) == 0 || report.Model(tokenModel).Taken > 0 {
					t.Errorf("told %q", report.Problems)
				}
				isAbsent(t, store, "tm")
				// A new name at Django makes nobody somebody else.
				report = take(t, store, bobAgain, Options{Lenient: true})
				if name == "deleted" {
					wantProblems(t, report.Problems, "its user or its client has been deleted here")
					isAbsent(t, store, "tb")
				} else if s := lookup(t, store, "tb"); len(report.Problems) > 0 || s.UserID != "2" || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], `called "robert" in the dump`) {
					t.Errorf("%+v, told %q and %q", s, report.Problems, report.Notes)
				}
			})
		}
	}
}

// Whole minutes are written by hand: two projects' first users have the same, and
// are two people.
func TestKeysUsedAgainOfTheSameMinute(t *testing.T) {
	dump := func(name, token, joined string) string {
		user := replaced(userRow(2, name), "2020-01-01T00:00:02Z", joined)
		return array(userRow(1, "alice"), user, clientRow(1, "web", "60", ""), tokenRow(1, token, "2", "1"))
	}
	for joined, same := range map[string]bool{
		"2020-01-01T00:00:00Z": false, "2020-01-01T09:30:00+05:30": false, "2020-01-01T00:00:00.000001Z": true, "2020-01-01T00:00:01Z": true,
	} {
		for _, marks := range []bool{true, false} {
			store := memstore.New()
			var dst transfer.Importer = store
			if !marks {
				dst = unmarked{store}
			}
			take(t, dst, dump("bob", "tb", joined), Options{})
			report := take(t, store, dump("mallory", "tm", joined), Options{Lenient: true})
			if same {
				if s := lookup(t, store, "tm"); s.UserID != "2" {
					t.Errorf("%s: a new name makes somebody else: %+v, %q", joined, s, report.Problems)
				}
				continue
			}
			wantProblems(t, report.Problems, `it is "mallory", and its key was taken before for "bob", another user`, `its user 2 is left out`)
			isAbsent(t, store, "tm")
			// Who is renamed here is the same one still, and who is on both sides.
			for _, name := range []string{"robert", "rob"} {
				if _, _, err := store.UpdateUser(t.Context(), "2", testNow, func(u *durin.User) error { u.Name = name; return nil }); err != nil {
					t.Fatal(err)
				}
				if _, err := store.End(t.Context(), durin.Selection{UserID: "2"}, testNow); err != nil { // room for the next
					t.Fatal(err)
				}
				from := "bob"
				if !marks {
					from = name
				}
				report = take(t, store, dump(from, "t"+name, joined), Options{Lenient: true})
				if s, err := store.Lookup(t.Context(), durin.Secret("t"+name).Digest()); err != nil || s.UserID != "2" {
					t.Errorf("%s, %s, %v: %+v, %q", joined, name, marks, s, report.Problems)
				}
			}
		}
	}
}

// unmarked is the store of a program that keeps no marks.
type unmarked struct{ *memstore.Store }

func (u unmarked) Import(ctx context.Context, rows []transfer.Row, now time.Time, dry bool) ([]transfer.Result, error) {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Mark, rows[i].Person = "", ""
	}
	return u.Store.Import(ctx, rows, now, dry)
}

// A client that was renamed here, there or on both sides.
func TestClientsRenamed(t *testing.T) {
	store := memstore.New()
	take(t, store, array(userRow(1, "alice"), clientRow(1, "web", "60", ""), clientRow(2, "cli", "60", "")), Options{})
	for _, old := range []string{"web", "cli"} {
		if _, err := store.UpdateClient(t.Context(), old, testNow, func(c *durin.Client) error { c.Name += "2"; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	take(t, store, array(userRow(1, "alice"), clientRow(1, "web", "60", ""), clientRow(2, "cli2", "60", ""), tokenRow(1, "ta", "1", "1"), tokenRow(2, "tb", "1", "2")), Options{})
	if a, b := lookup(t, store, "ta"), lookup(t, store, "tb"); a.Client.Name != "web2" || b.Client.Name != "cli2" {
		t.Errorf("%s and %s", a.Client.Name, b.Client.Name)
	}
}

// Users without an instant of joining are known by name.
func TestUsersWithoutJoining(t *testing.T) {
	row := func(pk int, name string) string {
		return fmt.Sprintf(`{"model":"people.person","pk":%d,"fields":{"username":%q,"password":"!"}}`, pk, name)
	}
	store, opts := memstore.New(), Options{UserModel: "people.Person"}
	take(t, store, array(row(1, "alice"), row(2, "bob"), clientRow(1, "web", "60", "")), opts)
	then := array(row(1, "mallory"), row(2, "bob"), clientRow(1, "web", "60", ""), tokenRow(1, "tm", "1", "1"), tokenRow(2, "tb", "2", "1"))
	want := []string{`(people.person 1): it is "mallory", and its key was taken before for "alice", another user`, `(durin.authtoken 1): its user 1 is left out: it is "mallory" in the dump, and "alice"`}
	wantProblems(t, refused(t, store, then, opts), want...)
	opts.Lenient = true
	wantProblems(t, take(t, store, then, opts).Problems, want...)
	isAbsent(t, store, "tm")
	if s := lookup(t, store, "tb"); s.UserName != "bob" {
		t.Errorf("%+v", s)
	}
	// In a dump of other people only, they are another project's.
	take(t, store, array(row(1, "eve"), clientRow(1, "web", "60", ""), tokenRow(3, "te", "1", "1")), opts)
	if s := lookup(t, store, "te"); s.UserName != "eve" || s.UserID == "1" {
		t.Errorf("%+v", s)
	}
}

// The policies' maximum holds with what is here: by dumps one after the other, by a
// log-in here between them, by exports of two stores.
func TestMaximumHolds(t *testing.T) {
	before, after := readDump(t, "before-logout.json"), readDump(t, "after-logout.json")
	old, fresh, here := strings.Repeat("a1", 32), strings.Repeat("a2", 32), "of a log-in here"
	logIn := func(t *testing.T, store *memstore.Store, at time.Time) {
		if _, err := store.End(t.Context(), durin.Selection{UserID: "1"}, at); err != nil {
			t.Fatal(err)
		}
		n := durin.NewToken{UserID: "1", Owned: true, Client: "web", Digest: durin.Secret(here).Digest(), Now: at}
		if _, err := store.Issue(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	live := func(t *testing.T, store *memstore.Store, want string, others ...string) {
		t.Helper()
		all, err := store.Sessions(t.Context(), browse.Query{UserID: "1"})
		if err != nil || len(all) != 1 || all[0].Digest != durin.Secret(want).Digest() {
			t.Errorf("%+v, %v", all, err)
		}
		nobodyElse(t, store, others...)
	}
	for _, policy := range []durin.Policy{durin.PolicyReuse, durin.PolicyReplace, durin.PolicyEvict, durin.PolicyReject} {
		t.Run(string(policy), func(t *testing.T) {
			rule := func(store *memstore.Store) *memstore.Store {
				most := 0
				if policy == durin.PolicyEvict || policy == durin.PolicyReject {
					most = 1
				}
				if _, err := store.UpdateClient(t.Context(), "web", testNow, func(c *durin.Client) error { c.Policy, c.MaxTokens = policy, most; return nil }); err != nil {
					t.Fatal(err)
				}
				return store
			}
			first := func() *memstore.Store {
				store := memstore.New()
				take(t, store, before, Options{})
				return rule(store)
			}
			store := first()
			report := take(t, store, after, Options{Lenient: policy == durin.PolicyReject, DryRun: true})
			if again := take(t, store, after, Options{Lenient: policy == durin.PolicyReject}); !reflect.DeepEqual(again.Ended, report.Ended) || !reflect.DeepEqual(again.Problems, report.Problems) {
				t.Errorf("the rehearsal told %+v, and the import %+v", report, again)
			}
			if policy == durin.PolicyReject {
				live(t, store, old, fresh)
				wantProblems(t, report.Problems, `left out: row 4 (durin.authtoken 3): its user has as many sessions of the client "web" here as its policy allows`)
			} else {
				live(t, store, fresh, old)
				wantProblems(t, report.Ended, `ended: row 4 (durin.authtoken 3): it takes the place of session 1 of its user for the client "web", whose policy allows no more`)
			}
			take(t, store, before, Options{})
			take(t, store, after, Options{}) // what was left out is known

			store = first()
			logIn(t, store, testNow)
			wantProblems(t, refused(t, store, after, Options{}), `left out: row 4 (durin.authtoken 3): its user has as many sessions`)
			take(t, store, after, Options{Lenient: true})
			live(t, store, here, old, fresh)
			if _, err := store.End(t.Context(), durin.Selection{UserID: "1"}, testNow); err != nil {
				t.Fatal(err)
			}
			take(t, store, after, Options{})
			nobodyElse(t, store, here, old, fresh) // she has logged out

			one, two, both := first(), memstore.New(), memstore.New()
			take(t, two, after, Options{})
			two = rule(two)
			takeExport(t, both, export(t, one, "one"), Options{})
			report = takeExport(t, both, export(t, two, "two"), Options{})
			if len(report.Ended)+report.Model(tokenKind).LeftOut != 1 {
				t.Errorf("told %+v and %+v", report.Ended, report.Problems)
			}
			if all, _ := both.Sessions(t.Context(), browse.Query{UserID: "1"}); len(all) != 1 {
				t.Errorf("%d live sessions", len(all))
			}
		})
	}
}

// Exports of two copies of one store, which went separate ways.
func TestExportsOfCopies(t *testing.T) {
	make := func(name, client, token string, joined time.Time) *memstore.Store {
		store := memstore.New()
		u, err := store.CreateUser(t.Context(), durin.User{Name: name, Active: true, Password: "!", Created: joined})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.CreateClient(t.Context(), durin.Client{Name: client, TTL: time.Hour, Created: joined}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Issue(t.Context(), durin.NewToken{UserID: u.ID, Owned: true, Client: client, Digest: durin.Secret(token).Digest(), Now: testNow}); err != nil {
			t.Fatal(err)
		}
		return store
	}
	store := memstore.New()
	takeExport(t, store, export(t, make("bob", "web", "tb", testNow), "same"), Options{})
	report := takeExport(t, store, export(t, make("mallory", "web", "tm", testNow.Add(-time.Hour)), "same"), Options{})
	wantProblems(t, report.Problems, `left out: row 3 (user 1): it is "mallory", and its key was taken before for "bob", another user`,
		`left out: row 4 (session 1): its user or its client is left out: it is "mallory" in the dump, and "bob" was taken under its key before`)
	report = takeExport(t, store, export(t, make("bob", "phone", "tp", testNow), "same"), Options{})
	wantProblems(t, report.Problems, `left out: row 2 (client 1): it is "phone", and its key was taken before for "web"`,
		`left out: row 4 (session 1): its user or its client is left out: it is "phone" there, and "web" was taken under its key before`)
	nobodyElse(t, store, "tm", "tp")
	if s := lookup(t, store, "tb"); s.UserName != "bob" {
		t.Errorf("%+v", s)
	}
}

// Ids that are not kept are told; those that are numbers stop a strict import.
func TestChangedIDs(t *testing.T) {
	store := memstore.New()
	if _, err := store.CreateUser(t.Context(), durin.User{Name: "operator", Active: true, Password: "!"}); err != nil {
		t.Fatal(err)
	}
	dump := array(userRow(1, "alice"), userRow(2, "bob"), clientRow(1, "web", "60", ""))
	wantProblems(t, refused(t, store, dump, Options{}), "mended: row 1 (auth.user 1): its id 1 is not free here: it gets another one")
	report := take(t, store, dump, Options{Lenient: true})
	wantProblems(t, report.Problems, "mended: row 1 (auth.user 1): its id 1 is not free here: it becomes 3")
	if want := []ChangedID{{"auth.user", "1", "alice", 3}}; !reflect.DeepEqual(report.ChangedIDs, want) {
		t.Errorf("%+v", report.ChangedIDs)
	}
	uuid := "383208de-e3d3-4b5d-b226-36526250f5e7"
	text := array(strings.Replace(userRow(7, "carol"), `"pk":7`, `"pk":"`+uuid+`"`, 1))
	for _, dry := range []bool{true, false} {
		report = take(t, store, text, Options{DryRun: dry})
		want := []ChangedID{{"auth.user", uuid, "carol", 4}}
		if dry {
			want[0].ID = 0
		}
		if !reflect.DeepEqual(report.ChangedIDs, want) || len(report.Notes) != 1 {
			t.Errorf("%+v, %q", report.ChangedIDs, report.Notes)
		}
	}
	if !strings.Contains(export(t, store, "here"), `{"taken":{"source":"django~2:user","key":"`+uuid+`","id":4`) && !strings.Contains(export(t, store, "here"), `"key":"`+uuid+`","id":4`) {
		t.Error("the export does not tell the old key")
	}
}

// Only superusers who are active become administrators, and all who do are named.
func TestAdministrators(t *testing.T) {
	super := func(pk int, name, active string) string {
		return replaced(replaced(userRow(pk, name), `"is_superuser":false`, `"is_superuser":true`), `"is_active":true`, `"is_active":`+active)
	}
	store := memstore.New()
	report := take(t, store, array(super(1, "root", "true"), super(2, "former", "false"), userRow(3, "alice")), Options{})
	if !reflect.DeepEqual(report.Administrators, []string{"root"}) || report.Inactive != 1 || len(report.Notes) != 1 {
		t.Errorf("%q, %d, %q", report.Administrators, report.Inactive, report.Notes)
	}
	for _, u := range contents(t, store).Users {
		if u.Admin != (u.Name == "root") {
			t.Errorf("%+v", u)
		}
	}
	other := memstore.New()
	if report := takeExport(t, other, export(t, store, "here"), Options{}); !reflect.DeepEqual(report.Administrators, []string{"root"}) {
		t.Errorf("%q", report.Administrators)
	}
	if report := take(t, store, array(super(1, "root", "true")), Options{}); report.Administrators != nil {
		t.Errorf("made again: %q", report.Administrators)
	}
}

// Who was deleted here comes back by no key.
func TestDeletedUsersStayAway(t *testing.T) {
	store := memstore.New()
	keyed, bare := userRow(1, "alice"), strings.Replace(userRow(1, "alice"), `"pk":1,`, "", 1)
	take(t, store, array(keyed), Options{})
	elsewhere := export(t, store, "here")
	if _, _, err := store.DeleteUser(t.Context(), "1", testNow); err != nil {
		t.Fatal(err)
	}
	take(t, store, array(bare), Options{})
	take(t, store, array(strings.Replace(keyed, `"pk":1`, `"pk":5`, 1)), Options{})
	takeExport(t, store, elsewhere, Options{})
	if _, err := store.UserByName(t.Context(), "alice"); !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("alice: %v", err)
	}
}

// A token of knox that was ended here does not come back by a store in which it was
// used, and has another digest since.
func TestEndedTokenOfKnoxStaysEnded(t *testing.T) {
	legacy := transfer.LegacyDigest(sha512.Sum512([]byte("secret")))
	dump := array(userRow(1, "alice"), fmt.Sprintf(`{"model":"knox.authtoken","pk":"%x","fields":{"user":1,"created":"2026-11-23T10:58:14Z","expiry":null}}`, legacy[:]))
	here, elsewhere := memstore.New(), memstore.New()
	take(t, here, dump, Options{})
	take(t, elsewhere, dump, Options{})
	if adopted, err := elsewhere.AdoptLegacy(t.Context(), []transfer.LegacyDigest{legacy}, durin.Secret("secret").Digest()); err != nil || !adopted {
		t.Fatal(err)
	}
	if _, err := here.End(t.Context(), durin.Selection{UserID: "1"}, testNow); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		report := takeExport(t, here, export(t, elsewhere, "elsewhere"), Options{})
		if got := report.Model(tokenKind); got.Known != 1 || got.Read != 1 {
			t.Errorf("%+v", got)
		}
		isAbsent(t, here, "secret")
	}
	fresh := memstore.New()
	takeExport(t, fresh, export(t, elsewhere, "elsewhere"), Options{})
	lookup(t, fresh, "secret")
}
