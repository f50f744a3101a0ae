package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

// markOf is what the ledger keeps of a user or client, to know another one that
// has its key later: databases give the keys of deleted rows out again, and every
// project counts from 1. A user is known by the instant of joining, which a new
// name does not change, or, where there is none, by name; a client is by name.
// Whole minutes are written by hand, and users of two projects may have the same:
// with them the name counts, too.
func markOf(row transfer.Row) string {
	switch {
	case row.User != nil && !row.User.Created.IsZero():
		mark := "joined " + joined(row.User).Format(time.RFC3339Nano)
		if !isExact(row.User) {
			mark += ", " + nameMark(row.User.Name)[:32] // a store takes 96 bytes
		}
		return mark
	case row.User != nil:
		return nameMark(row.User.Name)
	case row.Client != nil:
		return nameMark(row.Client.Name)
	}
	return ""
}

func nameMark(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "named " + hex.EncodeToString(sum[:])
}

// joined is when a user did, as a store keeps it.
func joined(u *durin.User) time.Time { return u.Created.Truncate(time.Microsecond).UTC() }

// isExact reports an instant of joining that is a user's own: one that a clock told.
func isExact(u *durin.User) bool { return !joined(u).Equal(joined(u).Truncate(time.Minute)) }

// personOf is what the ledger knows a user by who comes from somewhere else, or under
// another key: name and joining. Without the latter there is nothing.
func personOf(u *durin.User) string {
	if u == nil || u.Created.IsZero() {
		return ""
	}
	return nameKey(u.Name + "\x00" + joined(u).Format(time.RFC3339Nano))
}

// enterSame enters those users into the ledger who were here already: who is
// deleted after that does not come back.
func (j *job) enterSame(ctx context.Context, rows []transfer.Row, results []transfer.Result, dry bool) error {
	var same []transfer.Row
	for i, row := range rows {
		if row.User != nil && sameByName(row.User, results[i]) {
			row.User, row.Known = nil, &results[i].ID
			same = append(same, row)
		}
	}
	_, err := j.importRows(ctx, same, dry)
	return err
}

// sameRow reports whether the user or client that the ledger knows by the key of
// row is row still, and whether what it became here is that one still. One that is
// gone here is the same if nothing speaks against it: nothing refers to it.
func sameRow(row transfer.Row, known transfer.Result) bool {
	name, dated := "", false
	if row.User != nil {
		name, dated = row.User.Name, !row.User.Created.IsZero()
	} else {
		name = row.Client.Name
	}
	marked := known.Mark == markOf(row)
	switch {
	case known.Name == "":
		return marked || known.Mark == ""
	case dated:
		return known.Created.Equal(joined(row.User)) && (marked || known.Name == name || known.Mark == "" && isExact(row.User))
	case row.User != nil && !known.Created.IsZero():
		return false
	}
	return marked || known.Name == name // who was renamed there and here has the new name
}

// sameByName reports whether the user here who has the name of u is u, taken under
// another key: both joined at the same instant.
func sameByName(u *durin.User, here transfer.Result) bool {
	return here.Outcome == transfer.TakenByOther && here.Name == u.Name && !u.Created.IsZero() && here.Created.Equal(joined(u))
}

// otherUser tells of a user whose key an earlier import took for another one, who
// is called here in the store, or "" where that one is deleted.
func otherUser(name, here string) string {
	return fmt.Sprintf("it is %q, and its key was taken before for %s, another user: the key was used again, or the dump is another project's; "+
		"make the dump with --natural-primary --natural-foreign, so that names count and not keys, or import into a new database", name, quoteOrDeleted(here))
}

// otherClient is as otherUser.
func otherClient(name, here string) string {
	advice := "if it is the same one, give it the same name here and there"
	if here == "" {
		advice = "import into a new database"
	}
	return fmt.Sprintf("it is %q, and its key was taken before for %s: %s", name, quoteOrDeleted(here), advice)
}

func quoteOrDeleted(name string) string {
	if name == "" {
		return "one who has been deleted here"
	}
	return fmt.Sprintf("%q", name)
}

// overMaximum tells of a token that the policy of its client leaves no room for.
func overMaximum(client string) string {
	return fmt.Sprintf("its user has as many sessions of the client %q here as its policy allows, and they stay", client)
}
