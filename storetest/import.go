package storetest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/transfer"
)

func importTests() []test {
	return []test{
		ofImports("every field is kept", importFields),
		ofImports("again", importAgain),
		ofImports("dry", importDry),
		ofImports("taken", importTaken),
		ofImports("ids that are taken", importTakenIDs),
		ofImports("without a parent", importOrphans),
		ofImports("all or none", importFails),
		ofImports("new ids", importNewIDs),
		ofImports("known from elsewhere", importKnown),
		ofImports("marks", importMarks),
		ofImports("persons", importPersons),
		ofImports("room", importRoom),
		ofImports("ids that were deleted", importGoneIDs),
		ofImports("beside log-ins", importRace),
	}
}

// A newcomer is a store that takes rows and has the users for them.
type newcomer interface {
	durin.Store
	durin.UserStore
	transfer.Importer
}

func ofImports(name string, run func(t *testing.T, s newcomer)) test {
	return test{name, func(t *testing.T, s durin.Store) {
		n, ok := s.(newcomer)
		if !ok {
			t.Skip("the store imports nothing")
		}
		run(t, n)
	}}
}

// oldSystem is a client, a user and a token of another system, with every field
// set.
func oldSystem() (durin.Client, durin.User, transfer.Token) {
	c, u := fullClient("old"), fullUser("ada")
	c.ID, u.ID = 70, "80"
	return c, u, transfer.Token{
		ID: 90, Digest: digest("old"), Seal: []byte("seal of old"), UserID: "80", Client: "old",
		Created: after(-time.Hour), IssuedAt: after(-time.Hour / 2), ExpiresAt: after(time.Hour), Ceiling: after(2 * time.Hour), LastUsed: after(-time.Minute), Device: fullDevice(),
	}
}

func rowsOf(c durin.Client, u durin.User, k transfer.Token) []transfer.Row {
	return []transfer.Row{
		{Source: "django:client", Key: "7", Client: &c},
		{Source: "django:user", Key: "7", User: &u},
		{Source: "django:token", Key: strings.Repeat("k", 128), Token: &k},
	}
}

// importRows imports and checks the outcomes and ids, and what came of tokens.
func importRows(t *testing.T, s transfer.Importer, rows []transfer.Row, dry bool, want ...transfer.Result) {
	t.Helper()
	got, err := s.Import(t.Context(), rows, start, dry)
	must(t, err)
	for i := range got {
		got[i].Mark, got[i].Name, got[i].Created = "", "", time.Time{} // importMarks
	}
	same(t, "results", got, want)
}

// importMarks looks at what tells a row from another one with its key.
func importMarks(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	rows := rowsOf(c, u, k)
	rows[0].Mark, rows[1].Mark = "named old", strings.Repeat("m", 96)
	check := func(rows []transfer.Row, want ...transfer.Result) {
		t.Helper()
		for _, dry := range []bool{true, false} {
			got, err := s.Import(t.Context(), rows, start, dry)
			must(t, err)
			same(t, "results", got, want)
		}
	}
	importRows(t, s, rows, false, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
	others := rowsOf(c, u, k)
	others[0].Mark, others[1].Mark = "another", ""
	const known, taken = transfer.KnownBefore, transfer.TakenByOther
	check(others,
		transfer.Result{Outcome: known, ID: 70, Mark: "named old", Name: "old", Created: start},
		transfer.Result{Outcome: known, ID: 80, Mark: rows[1].Mark, Name: "ada", Created: start}, transfer.Result{Outcome: known, ID: 90})
	for i := range others {
		others[i].Key = "8"
	}
	check(others[:2], transfer.Result{Outcome: taken, ID: 70, Name: "old", Created: start}, transfer.Result{Outcome: taken, ID: 80, Name: "ada", Created: start})
	_, err := s.UpdateClient(t.Context(), "old", start, func(c *durin.Client) error { c.Name = "renamed"; return nil })
	must(t, err)
	_, _, err = s.DeleteUser(t.Context(), "80", start)
	must(t, err)
	check(rows[:2], transfer.Result{Outcome: known, ID: 70, Mark: "named old", Name: "renamed", Created: start}, transfer.Result{Outcome: known, ID: 80, Mark: rows[1].Mark})
	rows[0].Key, rows[0].Mark = "new", strings.Repeat("m", 97)
	if _, err := s.Import(t.Context(), rows[:1], start, false); err == nil {
		t.Error("a mark of 97 bytes is taken")
	}
}

// importPersons knows users who come again under another key.
func importPersons(t *testing.T, s newcomer) {
	_, u, _ := oldSystem()
	gone := int64(-1)
	row := func(source, key, person string) []transfer.Row {
		u := u
		u.Name = person
		return []transfer.Row{{Source: source, Key: key, Person: person, User: &u}}
	}
	known := transfer.Result{Outcome: transfer.KnownBefore, ID: 80}
	importRows(t, s, row("a", "1", "ada"), false, transfer.Result{ID: 80})
	for _, dry := range []bool{true, false, false} {
		importRows(t, s, row("b", "2", "ada"), dry, known)
	}
	importRows(t, s, row("b", "2", "bob"), false, known) // the key goes before the person
	importRows(t, s, row("f", "6", "bob"), false, known) // who is known by it by now
	_, _, err := s.DeleteUser(t.Context(), "80", start)
	must(t, err)
	importRows(t, s, row("c", "3", "ada"), false, known)
	importRows(t, s, []transfer.Row{{Source: "d", Key: "4", Person: "cyd", Known: &gone}}, false, transfer.Result{ID: -1})
	importRows(t, s, row("e", "5", "cyd"), false, transfer.Result{Outcome: transfer.KnownBefore, ID: -1})
	users, err := s.Users(t.Context(), "", 9)
	must(t, err)
	same(t, "users", users, []durin.User(nil))
}

// importRoom imports tokens where the client's policy has room, and where not.
func importRoom(t *testing.T, s newcomer) {
	ended := func(words ...string) transfer.Result {
		r := transfer.Result{Outcome: transfer.Imported}
		for _, word := range words {
			r.Ended = append(r.Ended, digest(word))
		}
		return r
	}
	over := transfer.Result{Outcome: transfer.OverMaximum}
	for name, c := range map[string]struct {
		policy durin.Policy
		most   int
		here   []int // minutes at which tokens were issued here
		comes  int   // and there
		want   transfer.Result
	}{
		"reuse, newer": {durin.PolicyReuse, 0, []int{10}, 11, ended("10")}, "reuse, older": {durin.PolicyReuse, 0, []int{10}, 9, over},
		"replace, newer": {durin.PolicyReplace, 0, []int{10}, 11, ended("10")}, "replace, older": {durin.PolicyReplace, 0, []int{10}, 9, over},
		"replace, none": {durin.PolicyReplace, 0, nil, 9, ended()},
		"evict, room":   {durin.PolicyEvict, 3, []int{10, 20}, 9, ended()}, "evict, oldest": {durin.PolicyEvict, 3, []int{10, 20, 30}, 9, over},
		"evict, between": {durin.PolicyEvict, 3, []int{10, 20, 30}, 15, ended("10")}, "evict, newest": {durin.PolicyEvict, 3, []int{10, 20, 30}, 31, ended("10")},
		"reject, room": {durin.PolicyReject, 2, []int{10}, 31, ended()}, "reject, full": {durin.PolicyReject, 2, []int{10, 20}, 31, over},
		"a token that never was live": {durin.PolicyReplace, 0, []int{10}, -120, ended()},
	} {
		t.Run(name, func(t *testing.T) {
			cl := web()
			cl.Name, cl.Policy, cl.MaxTokens, cl.TTL = strings.ReplaceAll(name, " ", "-"), c.policy, c.most, 2*time.Hour
			cl = create(t, s, cl)
			u := ada()
			u.Name = cl.Name
			u = createUser(t, s, u)
			for _, m := range c.here {
				issue(t, s, newToken(cl.Name+strconv.Itoa(m), user(u.ID), owned, client(cl.Name), at(after(time.Duration(m)*time.Minute))))
			}
			for i := range c.want.Ended {
				c.want.Ended[i] = digest(cl.Name + strconv.Itoa(c.here[i]))
			}
			issued := after(time.Duration(c.comes) * time.Minute)
			k := transfer.Token{Digest: digest(cl.Name + " new"), UserID: u.ID, Client: cl.Name, Created: issued, ExpiresAt: issued.Add(2 * time.Hour)}
			row := []transfer.Row{{Source: "room", Key: cl.Name, Token: &k}}
			var box *box
			if outbox, ok := s.(nodes.Outbox); ok {
				box = newBox(t, outbox)
			}
			for _, dry := range []bool{true, false} {
				got, err := s.Import(t.Context(), row, after(time.Hour), dry)
				must(t, err)
				if len(got[0].EndedIDs) != len(got[0].Ended) {
					t.Errorf("ended %v", got[0].EndedIDs)
				}
				got[0].ID, got[0].EndedIDs = 0, nil
				same(t, "result", got[0], c.want)
			}
			live := len(sessions(t, s, browse.Query{UserID: u.ID}))
			if want := len(c.here) - len(c.want.Ended) + 1 - int(c.want.Outcome/transfer.OverMaximum); live != want {
				t.Errorf("%d tokens, want %d", live, want)
			}
			if box != nil && len(box.next(t)) != len(c.want.Ended) {
				t.Error("the outbox does not have what was ended")
			}
			got, err := s.Import(t.Context(), row, after(time.Hour), false)
			must(t, err)
			same(t, "again", got[0].Outcome, transfer.KnownBefore)
		})
	}
}

// newBox is a box that knows all that was written before.
func newBox(t *testing.T, outbox nodes.Outbox) *box {
	t.Helper()
	seen, err := outbox.LastEnding(t.Context())
	must(t, err)
	return &box{Outbox: outbox, seen: seen}
}

// importGoneIDs checks that nobody gets the id of a client or user that was deleted.
func importGoneIDs(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	importRows(t, s, rowsOf(c, u, k), false, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
	for range 2 {
		_, err := s.DeleteClient(t.Context(), c.Name, start)
		must(t, err)
		_, _, err = s.DeleteUser(t.Context(), u.ID, start)
		must(t, err)
		c.Name, u.Name = c.Name+"2", u.Name+"2"
		results, err := s.Import(t.Context(), []transfer.Row{{Source: "other", Key: c.Name, Client: &c}, {Source: "other", Key: u.Name, User: &u}}, start, false)
		must(t, err)
		if results[0].ID <= 70 || results[1].ID <= 80 {
			t.Fatalf("the results are %+v", results)
		}
		c.ID, u.ID = results[0].ID, strconv.FormatInt(results[1].ID, 10)
	}
}

// importRace imports tokens of a user who logs in at the same time.
func importRace(t *testing.T, s newcomer) {
	for round := range 5 {
		cl, u := web(), ada()
		cl.Name, cl.Policy, cl.MaxTokens, u.Name = fmt.Sprint("race", round), durin.PolicyEvict, 2, fmt.Sprint("racer", round)
		cl, u = create(t, s, cl), createUser(t, s, u)
		errs := make([]error, racers)
		together(racers, func(i int) {
			word := fmt.Sprint(cl.Name, " ", i)
			if i%2 == 0 {
				_, errs[i] = s.Issue(t.Context(), newToken(word, user(u.ID), owned, client(cl.Name)))
				return
			}
			k := transfer.Token{Digest: digest(word), UserID: u.ID, Client: cl.Name, Created: after(time.Duration(i))}
			_, errs[i] = s.Import(t.Context(), []transfer.Row{{Source: "race", Key: word, Token: &k}}, start, false)
		})
		for _, err := range errs {
			must(t, err)
		}
		if n := len(sessions(t, s, browse.Query{UserID: u.ID})); n != 2 {
			t.Errorf("%d tokens, and the client allows 2", n)
		}
	}
}

func importFields(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	filled(t, c)
	filled(t, u)
	filled(t, k, "Legacy")
	importRows(t, s, rowsOf(c, u, k), false, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
	gotClient, err := s.ClientByName(t.Context(), "old")
	must(t, err)
	same(t, "client", gotClient, c)
	gotUser, err := s.UserByName(t.Context(), "ada")
	must(t, err)
	same(t, "user", gotUser, u)
	want := durin.Session{
		ID: 90, Digest: digest("old"), UserID: "80", UserName: "ada", Client: &c, Created: k.Created, IssuedAt: k.IssuedAt,
		ExpiresAt: k.ExpiresAt, Ceiling: k.Ceiling, LastUsed: k.LastUsed,
	}
	got, err := s.Lookup(t.Context(), digest("old"))
	must(t, err)
	same(t, "token", got, want)
	want.Device = &k.Device
	same(t, "token", sessions(t, s, browse.Query{}), []durin.Session{want})
	seals, err := s.Seals(t.Context(), 0, 9)
	must(t, err)
	same(t, "seals", seals, []durin.Sealed{{ID: 90, Digest: digest("old"), Seal: []byte("seal of old")}})
}

// importAgain takes rows that were changed, ended and deleted since.
func importAgain(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	importRows(t, s, rowsOf(c, u, k), false, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
	known := func(id int64) transfer.Result {
		return transfer.Result{Outcome: transfer.KnownBefore, ID: id}
	}
	set, err := s.SetPassword(t.Context(), "80", u.Password, "new")
	must(t, err)
	same(t, "password set", set, true)
	_, err = s.UpdateClient(t.Context(), "old", start, func(c *durin.Client) error { c.Name, c.TTL = "renamed", 2*time.Hour; return nil })
	must(t, err)
	_, err = s.End(t.Context(), durin.Selection{Digest: digest("old")}, start)
	must(t, err)
	importRows(t, s, rowsOf(c, u, k), false, known(70), known(80), known(90))
	isThere(t, s)
	got, err := s.UserByID(t.Context(), "80")
	must(t, err)
	same(t, "password", got.Password, "new")
	_, err = s.ClientByName(t.Context(), "old")
	refused(t, "renamed client", err, durin.ErrNotFound)
	_, err = s.DeleteClient(t.Context(), "renamed", start)
	must(t, err)
	_, _, err = s.DeleteUser(t.Context(), "80", start)
	must(t, err)
	importRows(t, s, rowsOf(c, u, k), false, known(70), known(80), known(90))
	_, err = s.UserByID(t.Context(), "80")
	refused(t, "deleted user", err, durin.ErrNotFound)
	// Another kind of row with that key is another row.
	other := k
	other.Digest, other.ID, other.UserID, other.Client = digest("other"), 0, createUser(t, s, ada()).ID, create(t, s, web()).Name
	results, err := s.Import(t.Context(), []transfer.Row{{Source: "django:user2", Key: "7", Token: &other}}, start, false)
	must(t, err)
	same(t, "outcome", results[0].Outcome, transfer.Imported)
	isThere(t, s, "other")
}

func importDry(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	for range 2 {
		importRows(t, s, rowsOf(c, u, k), true, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
		isThere(t, s)
		_, err := s.ClientByName(t.Context(), "old")
		refused(t, "client", err, durin.ErrNotFound)
		_, err = s.UserByName(t.Context(), "ada")
		refused(t, "user", err, durin.ErrNotFound)
	}
	importRows(t, s, rowsOf(c, u, k), false, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
	isThere(t, s, "old")
}

func importTaken(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	mine := web()
	mine.Name = "old"
	mine = create(t, s, mine)
	me := createUser(t, s, ada())
	token := issue(t, s, newToken("old", client("old"))).Session
	id, err := strconv.ParseInt(me.ID, 10, 64)
	must(t, err)
	taken := func(id int64) transfer.Result {
		return transfer.Result{Outcome: transfer.TakenByOther, ID: id}
	}
	k.UserID = me.ID
	for range 2 {
		importRows(t, s, rowsOf(c, u, k), false, taken(mine.ID), taken(id), taken(token.ID))
	}
	gotClient, err := s.ClientByName(t.Context(), "old")
	must(t, err)
	same(t, "client", gotClient, mine)
	gotUser, err := s.UserByName(t.Context(), "ada")
	must(t, err)
	same(t, "user", gotUser, me)
	got, err := s.Lookup(t.Context(), digest("old"))
	must(t, err)
	same(t, "token", got, withoutDevice(token))
}

func importTakenIDs(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	mine, me := web(), ada()
	mine.ID, me.ID, me.Name = 70, "80", "bob"
	create(t, s, mine)
	createUser(t, s, me)
	importRows(t, s, []transfer.Row{{Source: "a", Key: "1", Token: &transfer.Token{ID: 90, Digest: digest("mine"), UserID: "80", Client: "web", Created: start}}},
		false, transfer.Result{ID: 90})
	results, err := s.Import(t.Context(), rowsOf(c, u, k)[:2], start, false)
	must(t, err)
	if results[0].ID <= 70 || results[1].ID <= 80 || results[0].Outcome != transfer.Imported || results[1].Outcome != transfer.Imported {
		t.Fatalf("the results are %+v", results)
	}
	u.ID = strconv.FormatInt(results[1].ID, 10)
	k.UserID = u.ID
	token, err := s.Import(t.Context(), rowsOf(c, u, k)[2:], start, false)
	must(t, err)
	if token[0].ID <= 90 || token[0].Outcome != transfer.Imported {
		t.Fatalf("the result is %+v", token)
	}
	got, err := s.Lookup(t.Context(), digest("old"))
	must(t, err)
	if got.ID != token[0].ID || got.UserName != "ada" || got.Client.ID != results[0].ID {
		t.Errorf("the token is %s", show(got))
	}
	for i, id := range []int64{results[0].ID, results[1].ID, token[0].ID} {
		importRows(t, s, rowsOf(c, u, k)[i:i+1], false, transfer.Result{Outcome: transfer.KnownBefore, ID: id})
	}
}

func importOrphans(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	rows := rowsOf(c, u, k)
	orphan := transfer.Result{Outcome: transfer.WithoutParent}
	outcome := func(rows []transfer.Row, want transfer.Outcome) {
		t.Helper()
		results, err := s.Import(t.Context(), rows, start, false)
		must(t, err)
		same(t, "outcome", results[len(results)-1].Outcome, want)
	}
	outcome(rows[2:], orphan.Outcome)
	outcome([]transfer.Row{rows[0], rows[2]}, orphan.Outcome)
	for _, id := range []string{"", "x", "080", "\xff"} {
		bad := k
		bad.UserID = id
		outcome([]transfer.Row{{Source: "t", Key: "1", Token: &bad}}, orphan.Outcome)
	}
	isThere(t, s)
	outcome(rows[1:], transfer.Imported)
	isThere(t, s, "old")
}

func importFails(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	good := rowsOf(c, u, k)
	badClient, badUser := c, u
	badClient.Name, badUser.Name = "a\x00", "\xff"
	for name, bad := range map[string]transfer.Row{
		"nothing":     {Source: "s", Key: "k"},
		"two":         {Source: "s", Key: "k", Client: &c, User: &u},
		"known too":   {Source: "s", Key: "k", Client: &c, Known: new(int64)},
		"long source": {Source: strings.Repeat("s", 65), Key: "k", Client: &c},
		"long key":    {Source: "s", Key: strings.Repeat("k", 129), Client: &c},
		"bad client":  {Source: "s", Key: "k", Client: &badClient},
		"bad user":    {Source: "s", Key: "k", User: &badUser},
	} {
		if _, err := s.Import(t.Context(), append(good[:3:3], bad), start, false); err == nil {
			t.Errorf("%s: no error", name)
		}
		isThere(t, s)
		_, err := s.UserByName(t.Context(), "ada")
		refused(t, name, err, durin.ErrNotFound)
	}
	importRows(t, s, append(good, good[0]), false,
		transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90}, transfer.Result{Outcome: transfer.KnownBefore, ID: 70})
	importRows(t, s, nil, false)
}

// importNewIDs checks that what comes after an import has ids above it.
func importNewIDs(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	importRows(t, s, rowsOf(c, u, k), false, transfer.Result{ID: 70}, transfer.Result{ID: 80}, transfer.Result{ID: 90})
	bob := ada()
	bob.Name = "bob"
	same(t, "user", createUser(t, s, bob).ID, "81")
	if id := create(t, s, web()).ID; id <= 70 {
		t.Errorf("the next client is %d", id)
	}
	if id := issue(t, s, newToken("a")).Session.ID; id <= 90 {
		t.Errorf("the next token is %d", id)
	}
	k.ID, k.Digest = 0, digest("b")
	results, err := s.Import(t.Context(), []transfer.Row{{Source: "t", Key: "2", Token: &k}}, start, false)
	must(t, err)
	if results[0].ID <= 91 {
		t.Errorf("the next imported token is %d", results[0].ID)
	}
}

// importKnown enters rows into the ledger that were taken elsewhere.
func importKnown(t *testing.T, s newcomer) {
	c, u, k := oldSystem()
	gone := int64(-1)
	rows := rowsOf(c, u, k)
	rows[1].User, rows[1].Known = nil, &gone
	importRows(t, s, rows[1:2], true, transfer.Result{ID: -1})
	for _, want := range []transfer.Outcome{transfer.Imported, transfer.KnownBefore} {
		importRows(t, s, rows[1:2], false, transfer.Result{Outcome: want, ID: -1})
	}
	importRows(t, s, rowsOf(c, u, k)[1:2], false, transfer.Result{Outcome: transfer.KnownBefore, ID: -1})
	_, err := s.UserByName(t.Context(), "ada")
	refused(t, "a user known from elsewhere", err, durin.ErrNotFound)
}
