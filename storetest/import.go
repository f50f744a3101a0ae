package storetest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
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

// importRows imports and checks the outcomes and ids.
func importRows(t *testing.T, s transfer.Importer, rows []transfer.Row, dry bool, want ...transfer.Result) {
	t.Helper()
	got, err := s.Import(t.Context(), rows, start, dry)
	must(t, err)
	same(t, "results", got, want)
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
