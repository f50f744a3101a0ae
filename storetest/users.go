package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
)

func userTests() []test {
	return []test{
		ofUsers("every field is kept", userFields),
		ofUsers("ids", userIDs),
		ofUsers("names are exact", userNames),
		ofUsers("bad names", userBadNames),
		ofUsers("names of the longest", userLongNames),
		ofUsers("folded names", userFoldedNames),
		ofUsers("pages", userPages),
		ofUsers("update", userUpdate),
		ofUsers("update that fails", userUpdateFails),
		ofUsers("password", userPassword),
		ofUsers("delete", userDelete),
		ofUsers("owned tokens", userTokens),
		ofUsers("last log-in", userLastLogin),
		ofUsers("a password that was checked", userChecked),
		ofUsers("sessions of a user", userSessions),
	}
}

// userChecked: a token for a password that was changed since is none.
func userChecked(t *testing.T, s durin.Store, users durin.UserStore) {
	create(t, s, withPolicy(durin.PolicyEvict, 9))
	u := createUser(t, users, ada())
	checked := func(hash string) func(*durin.NewToken) {
		return func(n *durin.NewToken) { n.PasswordHash = hash }
	}
	issue(t, s, newToken("a", client("evict"), user(u.ID), owned, checked("hash"), at(after(time.Minute))))
	got, err := users.UserByID(t.Context(), u.ID)
	must(t, err)
	same(t, "last log-in", got.LastLogin, after(time.Minute))
	_, err = users.SetPassword(t.Context(), u.ID, "hash", "other")
	must(t, err)
	_, err = s.Issue(t.Context(), newToken("b", client("evict"), user(u.ID), owned, checked("hash")))
	refused(t, "the hash of before", err, durin.ErrPasswordChanged)
	isThere(t, s, "a")
	issue(t, s, newToken("b", client("evict"), user(u.ID), owned, checked("other")))
	_, _, err = users.UpdateUser(t.Context(), u.ID, start, func(u *durin.User) error { u.Active = false; return nil })
	must(t, err)
	_, err = s.Issue(t.Context(), newToken("c", client("evict"), user(u.ID), owned, checked("other")))
	refused(t, "deactivated", err, durin.ErrInactive)
	issue(t, s, newToken("d", client("evict"), user(u.ID), checked("hash"))) // nobody of ours
	isThere(t, s, "a", "b", "d")
}

func createUser(t *testing.T, users durin.UserStore, u durin.User) durin.User {
	t.Helper()
	u, err := users.CreateUser(t.Context(), u)
	must(t, err)
	return u
}

// ada is an active user who has never logged in.
func ada() durin.User {
	return durin.User{Name: "ada", Password: "hash", Active: true, Created: start}
}

func userFields(t *testing.T, _ durin.Store, users durin.UserStore) {
	want := fullUser("ada")
	given := want
	given.Created, given.LastLogin = rough(want.Created), rough(want.LastLogin)
	created := createUser(t, users, given)
	want.ID = created.ID
	filled(t, want)
	same(t, "created", created, want)
	bob := ada()
	bob.Name, bob.Active, bob.Password = "bob", false, "!"
	bob.ID = createUser(t, users, bob).ID
	for _, want := range []durin.User{want, bob} {
		got, err := users.UserByName(t.Context(), want.Name)
		must(t, err)
		same(t, "by name", got, want)
		got, err = users.UserByID(t.Context(), want.ID)
		must(t, err)
		same(t, "by id", got, want)
	}
	all, err := users.Users(t.Context(), "", 0)
	must(t, err)
	same(t, "all", all, []durin.User{want, bob})
}

func userIDs(t *testing.T, _ durin.Store, users durin.UserStore) {
	named := func(name, id string) durin.User { u := ada(); u.Name, u.ID = name, id; return u }
	same(t, "first id", createUser(t, users, named("first", "")).ID, "1")
	same(t, "id that was given", createUser(t, users, named("kept", "41")).ID, "41")
	same(t, "next id", createUser(t, users, named("next", "")).ID, "42")
	same(t, "id below", createUser(t, users, named("below", "7")).ID, "7")
	same(t, "next id", createUser(t, users, named("next but one", "")).ID, "43")
	_, err := users.CreateUser(t.Context(), named("other", "41"))
	refused(t, "taken id", err, durin.ErrExists)
	_, err = users.CreateUser(t.Context(), named("kept", ""))
	refused(t, "taken name", err, durin.ErrExists)
	for _, id := range []string{"0", "-1", "01", "+1", " 1", "1 ", "x", "1e1", "9223372036854775808", "a\x00", "\xff", ""} {
		if id != "" {
			if _, err := users.CreateUser(t.Context(), named("bad", id)); err == nil {
				t.Errorf("a user can have the id %q", id)
			}
		}
		_, err := users.UserByID(t.Context(), id)
		refused(t, "by id", err, durin.ErrNotFound)
		_, _, err = users.UpdateUser(t.Context(), id, start, func(*durin.User) error { return nil })
		refused(t, "update", err, durin.ErrNotFound)
		_, _, err = users.DeleteUser(t.Context(), id, start)
		refused(t, "delete", err, durin.ErrNotFound)
		_, err = users.SetPassword(t.Context(), id, "hash", "new")
		if err != nil {
			refused(t, "password", err, durin.ErrNotFound)
		}
	}
}

func userNames(t *testing.T, _ durin.Store, users durin.UserStore) {
	names := slices.DeleteFunc(slices.Clone(exactNames), func(name string) bool { return name != strings.TrimSpace(name) })
	for _, name := range slices.Backward(names) {
		u := ada()
		u.Name = name
		createUser(t, users, u)
	}
	all, err := users.Users(t.Context(), "", 0)
	must(t, err)
	var got []string
	for _, u := range all {
		got = append(got, u.Name)
	}
	same(t, "in order", got, names)
	for _, name := range []string{"wEB", "web ", " web", "", "we", "web%"} {
		_, err := users.UserByName(t.Context(), name)
		refused(t, name, err, durin.ErrNotFound)
	}
	for _, name := range names {
		u, err := users.UserByName(t.Context(), name)
		must(t, err)
		same(t, "name", u.Name, name)
	}
}

// The longest names, in characters of four bytes, that differ in the last one.
func userLongNames(t *testing.T, _ durin.Store, users durin.UserStore) {
	for _, last := range []string{"🦉", "🐧"} {
		u := ada()
		u.Name = strings.Repeat("🦉", durin.MaxUserName-1) + last
		want := createUser(t, users, u)
		got, err := users.UserByName(t.Context(), u.Name)
		must(t, err)
		same(t, "by name", got, want)
	}
}

func userFoldedNames(t *testing.T, _ durin.Store, users durin.UserStore) {
	named := func(name string) durin.User { u := ada(); u.Name = name; return createUser(t, users, u) }
	folded := func(name string, want ...durin.User) {
		t.Helper()
		got, err := users.UsersByFold(t.Context(), name, 0)
		must(t, err)
		slices.SortFunc(got, func(a, b durin.User) int { return strings.Compare(a.Name, b.Name) })
		same(t, name, len(got), len(want))
		for i := range got {
			same(t, name, got[i], want[i])
		}
	}
	folded("ada")
	upper, lower, other := named("ADA"), named("ada"), named("Zoë.Müller")
	for _, name := range []string{"ada", "ADA", "aDa", "ａｄａ", "a\u200bda"} {
		folded(name, upper, lower)
	}
	folded("zoë.müller", other)
	folded("ZOE\u0308.MU\u0308LLER", other)
	folded("zoe.muller")
	folded("a\x00")
	folded("\xff")
	folded("")
	some, err := users.UsersByFold(t.Context(), "ada", 1)
	must(t, err)
	same(t, "limit", len(some), 1)
	// What is made, renamed and deleted after the first question counts too.
	third := named("Ada")
	folded("ada", upper, third, lower)
	renamed, _, err := users.UpdateUser(t.Context(), upper.ID, start, func(u *durin.User) error { u.Name = "Grace"; return nil })
	must(t, err)
	_, _, err = users.DeleteUser(t.Context(), lower.ID, start)
	must(t, err)
	folded("ada", third)
	folded("GRACE", renamed)
	// More than are folded at a time.
	for i := range 600 {
		u := ada()
		u.Name = fmt.Sprintf("many-%d", i)
		createUser(t, users, u)
	}
	folded("ada", third)
	if all, err := users.UsersByFold(t.Context(), "MANY-599", 0); err != nil || len(all) != 1 || all[0].Name != "many-599" {
		t.Errorf("%+v, %v", all, err)
	}
}

func userBadNames(t *testing.T, _ durin.Store, users durin.UserStore) {
	want := createUser(t, users, ada())
	for _, name := range badNames {
		u := ada()
		u.Name = name
		if _, err := users.CreateUser(t.Context(), u); err == nil {
			t.Errorf("a user can be called %q", name)
		}
		_, _, err := users.UpdateUser(t.Context(), want.ID, start, func(u *durin.User) error { u.Name = name; return nil })
		if err == nil {
			t.Errorf("a user can be renamed to %q", name)
		}
		_, err = users.UserByName(t.Context(), name)
		refused(t, "by name", err, durin.ErrNotFound)
	}
	got, err := users.UserByID(t.Context(), want.ID)
	must(t, err)
	same(t, "afterwards", got, want)
}

func userPages(t *testing.T, _ durin.Store, users durin.UserStore) {
	for _, name := range []string{"e", "b", "d", "a", "c"} {
		u := ada()
		u.Name = name
		createUser(t, users, u)
	}
	for _, page := range []struct {
		after string
		limit int
		want  string
	}{{"", 2, "ab"}, {"b", 2, "cd"}, {"bb", 2, "cd"}, {"d", 2, "e"}, {"e", 2, ""}, {"", 0, "abcde"}, {"", 9, "abcde"}} {
		some, err := users.Users(t.Context(), page.after, page.limit)
		must(t, err)
		got := ""
		for _, u := range some {
			got += u.Name
		}
		if got != page.want {
			t.Errorf("%d after %q are %q, want %q", page.limit, page.after, got, page.want)
		}
	}
}

func userUpdate(t *testing.T, s durin.Store, users durin.UserStore) {
	create(t, s, web())
	create(t, s, withPolicy(durin.PolicyEvict, 3))
	u := createUser(t, users, ada())
	bob := ada()
	bob.Name = "bob"
	bob = createUser(t, users, bob)
	issue(t, s, newToken("a", owned, user(u.ID)))
	issue(t, s, newToken("b", owned, user(u.ID), client("evict")))
	issue(t, s, newToken("c", owned, user(bob.ID)))

	want := fullUser("countess")
	want.ID, want.Created, want.Active = u.ID, u.Created, false
	got, concerned, err := users.UpdateUser(t.Context(), u.ID, after(time.Hour), func(got *durin.User) error {
		same(t, "what is to be changed", *got, u)
		*got = fullUser("countess")
		got.ID, got.Created, got.Active = bob.ID, after(time.Hour), false
		return nil
	})
	must(t, err)
	same(t, "updated", got, want)
	sameDigests(t, "concerned", concerned, "a", "b")
	got, err = users.UserByID(t.Context(), u.ID)
	must(t, err)
	same(t, "afterwards", got, want)
	_, err = users.UserByName(t.Context(), "ada")
	refused(t, "old name", err, durin.ErrNotFound)
	isThere(t, s, "a", "b", "c")
	session, err := s.Lookup(t.Context(), digest("a"))
	must(t, err)
	if !session.Inactive || session.UserName != "countess" {
		t.Errorf("a check sees %s", show(session))
	}
	got, err = users.UserByID(t.Context(), bob.ID)
	must(t, err)
	same(t, "the other", got, bob)
	got, concerned, err = users.UpdateUser(t.Context(), u.ID, after(time.Hour), func(*durin.User) error { return nil })
	must(t, err)
	same(t, "not changed", got, want)
	sameDigests(t, "concerned", concerned, "a", "b")
}

func userUpdateFails(t *testing.T, _ durin.Store, users durin.UserStore) {
	u := createUser(t, users, ada())
	bob := ada()
	bob.Name = "bob"
	createUser(t, users, bob)
	_, _, err := users.UpdateUser(t.Context(), "999", start, func(*durin.User) error { return nil })
	refused(t, "no user", err, durin.ErrNotFound)
	_, _, err = users.UpdateUser(t.Context(), u.ID, start, func(u *durin.User) error { u.Name = "bob"; return nil })
	refused(t, "taken name", err, durin.ErrExists)
	own := errors.New("own")
	_, _, err = users.UpdateUser(t.Context(), u.ID, start, func(u *durin.User) error { u.Active = false; return own })
	if !errors.Is(err, own) {
		t.Errorf("the change's error came back as %v", err)
	}
	got, err := users.UserByID(t.Context(), u.ID)
	must(t, err)
	same(t, "afterwards", got, u)
}

func userPassword(t *testing.T, _ durin.Store, users durin.UserStore) {
	u := createUser(t, users, ada())
	for _, try := range []struct {
		id, old, new string
		want         bool
		after        string
	}{
		{u.ID, "other", "new", false, "hash"},
		{u.ID, "HASH", "new", false, "hash"},
		{u.ID, "hash ", "new", false, "hash"},
		{u.ID, "hash", "new", true, "new"},
		{u.ID, "hash", "newer", false, "new"},
		{u.ID, "new", "new", true, "new"},
	} {
		set, err := users.SetPassword(t.Context(), try.id, try.old, try.new)
		must(t, err)
		got, err := users.UserByID(t.Context(), u.ID)
		must(t, err)
		if set != try.want || got.Password != try.after {
			t.Errorf("from %q to %q: %v, and it is %q; want %v and %q", try.old, try.new, set, got.Password, try.want, try.after)
		}
	}
	u.Password = "new"
	got, err := users.UserByName(t.Context(), "ada")
	must(t, err)
	same(t, "everything else", got, u)
	set, err := users.SetPassword(t.Context(), "999", "hash", "new")
	if set || err != nil && !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("a user who is not there: %v, %v", set, err)
	}
}

func userDelete(t *testing.T, s durin.Store, users durin.UserStore) {
	create(t, s, withPolicy(durin.PolicyEvict, 3))
	given := fullUser("ada")
	u := createUser(t, users, given)
	bob := ada()
	bob.Name = "bob"
	bob = createUser(t, users, bob)
	issue(t, s, newToken("a", owned, user(u.ID), client("evict")))
	issue(t, s, newToken("b", owned, user(u.ID), client("evict"), at(after(-24*time.Hour))))
	issue(t, s, newToken("c", owned, user(bob.ID), client("evict")))
	got, ended, err := users.DeleteUser(t.Context(), u.ID, start)
	must(t, err)
	same(t, "deleted", got, u)
	sameDigests(t, "ended", ended, "a", "b")
	isThere(t, s, "c")
	_, err = users.UserByID(t.Context(), u.ID)
	refused(t, "by id", err, durin.ErrNotFound)
	_, err = users.UserByName(t.Context(), "ada")
	refused(t, "by name", err, durin.ErrNotFound)
	_, _, err = users.DeleteUser(t.Context(), u.ID, start)
	refused(t, "delete again", err, durin.ErrNotFound)
	given.ID = u.ID
	createUser(t, users, given)
	isThere(t, s, "c")
}

func userTokens(t *testing.T, s durin.Store, users durin.UserStore) {
	create(t, s, web())
	u := createUser(t, users, ada())
	issued := issue(t, s, newToken("a", owned, user(u.ID)))
	same(t, "user", issued.Session.UserID, u.ID)
	same(t, "name", issued.Session.UserName, "ada")
	_, _, err := users.UpdateUser(t.Context(), u.ID, start, func(u *durin.User) error { u.Active = false; return nil })
	must(t, err)
	for _, id := range []string{u.ID, "999", "", "0", "01", "x", "a\x00", "\xff", strings.Repeat("9", 65)} {
		_, err := s.Issue(t.Context(), newToken("b", owned, user(id)))
		refused(t, "issue for "+id, err, durin.ErrInactive)
	}
	isThere(t, s, "a")
}

func userLastLogin(t *testing.T, s durin.Store, users durin.UserStore) {
	create(t, s, web())
	full := withPolicy(durin.PolicyReject, 1)
	create(t, s, full)
	u := createUser(t, users, ada())
	signIn := func(n *durin.NewToken) { n.SignIn = true }
	lastLogin := func(what string, want time.Time) {
		t.Helper()
		got, err := users.UserByID(t.Context(), u.ID)
		must(t, err)
		u.LastLogin = want
		same(t, what, got, u)
	}
	issue(t, s, newToken("a", owned, user(u.ID)))
	lastLogin("without a sign-in", time.Time{})
	issue(t, s, newToken("f", owned, user(u.ID), func(n *durin.NewToken) { n.Password = true }))
	lastLogin("by password, and no sign-in", time.Time{})
	issue(t, s, newToken("b", owned, user(u.ID), signIn, at(rough(after(time.Minute)))))
	lastLogin("with a token that was there", after(time.Minute))
	issue(t, s, newToken("c", owned, user(u.ID), signIn, client("reject"), at(after(2*time.Minute))))
	lastLogin("with a new token", after(2*time.Minute))
	_, err := s.Issue(t.Context(), newToken("d", owned, user(u.ID), signIn, client("reject"), at(after(3*time.Minute))))
	refused(t, "too many", err, durin.ErrTooManyTokens)
	lastLogin("after a refusal", after(2*time.Minute))
	// The users of an application may have the same ids.
	issue(t, s, newToken("e", user(u.ID), signIn, at(after(4*time.Minute))))
	lastLogin("of another's user", after(2*time.Minute))
}

func userSessions(t *testing.T, s durin.Store, users durin.UserStore) {
	create(t, s, web())
	u := createUser(t, users, ada())
	want := issue(t, s, newToken("a", owned, user(u.ID))).Session
	check := func(what string) {
		t.Helper()
		got, err := s.Lookup(t.Context(), digest("a"))
		must(t, err)
		same(t, what, got, withoutDevice(want))
		device := fullDevice()
		want.Device = &device
		same(t, what, sessions(t, s, browse.Query{UserID: u.ID}), []durin.Session{want})
		renewed, err := s.Renew(t.Context(), digest("a"), start)
		must(t, err)
		same(t, what, withoutDevice(renewed), withoutDevice(want))
	}
	check("active")
	_, _, err := users.UpdateUser(t.Context(), u.ID, start, func(u *durin.User) error { u.Active = false; return nil })
	must(t, err)
	want.Inactive = true
	check("inactive")
}
