package importer

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

// Of rows that contradict each other a second import takes no other one, nor does
// one that goes on after an interruption.
func TestContradictionsEndTheSameEachTime(t *testing.T) {
	parents := []string{userRow(1, "alice"), userRow(2, "bob"), clientRow(1, "web", "60", ""), clientRow(2, "cli", "60", "")}
	long := parents[2:4:4]
	for i := 1; i <= 900; i++ {
		long = append(long, userRow(i, fmt.Sprint("user", i)))
	}
	for i := 1; i <= 900; i++ {
		long = append(long, tokenRow(i, fmt.Sprint("token", i), fmt.Sprint(i), "1"))
	}
	for name, rows := range map[string][]string{
		"secret":           append(parents[:4:4], tokenRow(1, "ta", "1", "1"), tokenRow(2, "tb", "1", "1"), tokenRow(3, "ta", "2", "1")),
		"user and client":  append(parents[:4:4], tokenRow(1, "ta", "1", "1"), tokenRow(2, "tb", "2", "1"), tokenRow(3, "tb", "1", "1")),
		"key":              append(parents[:4:4], strings.Replace(tokenRow(9, "ta", "1", "1"), `"pk":9`, `"pk":"9"`, 1), tokenRow(2, "tb", "1", "1"), tokenRow(9, "tc", "2", "1")),
		"name":             {userRow(1, "alice"), userRow(2, "bob"), userRow(3, "alice"), clientRow(1, "web", "60", ""), tokenRow(1, "ta", "1", "1"), tokenRow(2, "tb", "3", "1")},
		"in other batches": append(long, tokenRow(901, "new", "850", "1"), tokenRow(902, "token850", "6", "2")),
	} {
		t.Run(name, func(t *testing.T) {
			dump := array(rows...)
			store, slow := memstore.New(), memstore.New()
			take(t, store, dump, Options{Lenient: true})
			want := contents(t, store)
			for _, m := range take(t, store, dump, Options{Lenient: true}).Models {
				if m.Taken > 0 {
					t.Errorf("taken by the second import: %+v", *m)
				}
			}
			if !reflect.DeepEqual(contents(t, store), want) {
				t.Error("the second import changed the store")
			}
			for err := errKilled; err != nil; {
				_, err = Django(t.Context(), strings.NewReader(dump), &failing{slow, 2}, Options{Lenient: true, Now: testClock})
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(contents(t, slow), want) {
				t.Error("an interrupted import came to another end")
			}
		})
	}
}

// Users of the store who stand in the way of some ids let every row in: the
// rehearsal, which cannot know the ids to come, takes no two users for one.
func TestStrictBesideManyUsers(t *testing.T) {
	const users = 1000
	store := memstore.New()
	for _, id := range []string{"1", "450", "850"} {
		if _, err := store.CreateUser(t.Context(), durin.User{ID: id, Name: "operator" + id, Active: true, Password: "!"}); err != nil {
			t.Fatal(err)
		}
	}
	rows := []string{clientRow(1, "web", "60", "")}
	for i := 1; i <= users; i++ {
		rows = append(rows, userRow(i, fmt.Sprint("user", i)))
	}
	for i := 1; i <= users; i++ {
		user := fmt.Sprint(i)
		if i%2 == 0 {
			user = fmt.Sprintf(`["user%d"]`, i)
		}
		rows = append(rows, tokenRow(i, fmt.Sprint("token", i), user, "1"))
	}
	wantProblems(t, refused(t, store, array(rows...), Options{}), "auth.user 1): its id 1 is not free here", "auth.user 450): its id 450", "auth.user 850): its id 850")
	if report := take(t, store, array(rows...), Options{Lenient: true, DryRun: true}); report.Model("durin.authtoken").Taken != users {
		t.Errorf("a rehearsal: %+v", report.Model("durin.authtoken"))
	}
	take(t, store, array(rows...), Options{Lenient: true})
	moved := map[int]string{1: "1001", 450: "1002", 850: "1003"}
	for i := 1; i <= users; i++ {
		want := moved[i]
		if want == "" {
			want = fmt.Sprint(i)
		}
		if s := lookup(t, store, fmt.Sprint("token", i)); s.UserID != want || s.UserName != fmt.Sprint("user", i) {
			t.Fatalf("token %d is of %s, %s", i, s.UserID, s.UserName)
		}
	}
}

// One user that tokens name by key and by natural key is one to the rehearsal too.
func TestStrictFindsASecondToken(t *testing.T) {
	wantProblems(t, refused(t, memstore.New(), array(userRow(1, "alice"), clientRow(1, "web", "60", ""),
		tokenRow(1, "ta", "1", "1"), tokenRow(2, "tb", `["alice"]`, "1"), tokenRow(3, "tc", "1", "1")), Options{}),
		`its user has another token for the client "web", which allows one`,
		`its user has another token for the client "web", which allows one`)
}
