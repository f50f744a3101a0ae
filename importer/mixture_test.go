package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

// Rows of dumps for tests.

func userRow(pk int, name string, more ...string) string {
	fields := `"username":` + quote(name) + `,"password":"!x","is_active":true,"is_superuser":false,"date_joined":"2020-01-01T00:00:` + fmt.Sprintf("%02d", pk%60) + `Z"`
	return fmt.Sprintf(`{"model":"auth.user","pk":%d,"fields":{%s}}`, pk, strings.Join(append([]string{fields}, more...), ","))
}

func clientRow(pk int, name, ttl, rate string) string {
	return fmt.Sprintf(`{"model":"durin.client","pk":%d,"fields":{"name":%s,"token_ttl":%s,"throttle_rate":%s}}`, pk, quote(name), quote(ttl), quote(rate))
}

// tokenRow is a live token; user and client are JSON.
func tokenRow(pk int, token, user, client string) string {
	return fmt.Sprintf(`{"model":"durin.authtoken","pk":%d,"fields":{"token":%s,"user":%s,"client":%s,"created":"2026-01-01T00:00:00.001Z","expiry":"2099-01-01T00:00:00.002Z"}}`, pk, quote(token), user, client)
}

func quote(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

func array(rows ...string) string { return "[" + strings.Join(rows, ",\n") + "]\n" }

func lookup(t *testing.T, store durin.Store, token string) durin.Session {
	t.Helper()
	s, err := store.Lookup(t.Context(), durin.Secret(token).Digest())
	if err != nil {
		t.Fatalf("token %s: %v", token, err)
	}
	return s
}

func isAbsent(t *testing.T, store durin.Store, token string) {
	t.Helper()
	if s, err := store.Lookup(t.Context(), durin.Secret(token).Digest()); !errors.Is(err, durin.ErrNotFound) {
		t.Errorf("token %s: %+v, %v; want none", token, s, err)
	}
}

func TestAnyOrderOfRows(t *testing.T) {
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(readDump(t, "dump-hashers.json")), &rows); err != nil {
		t.Fatal(err)
	}
	inOrder := memstore.New()
	take(t, inOrder, readDump(t, "dump-hashers.json"), Options{})
	want := contents(t, inOrder)
	for seed := range uint64(5) {
		shuffled := slices.Clone(rows)
		rand.New(rand.NewPCG(seed, seed)).Shuffle(len(rows), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		dump, err := json.Marshal(shuffled)
		if err != nil {
			t.Fatal(err)
		}
		store := memstore.New()
		take(t, store, string(dump), Options{})
		if !reflect.DeepEqual(contents(t, store), want) {
			t.Errorf("seed %d: rows in another order make another store", seed)
		}
	}
}

func TestFormsOfADump(t *testing.T) {
	want := memstore.New()
	dump := readDump(t, "dump-hashers.json")
	take(t, want, dump, Options{})
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(dump), &rows); err != nil {
		t.Fatal(err)
	}
	lines := ""
	for _, row := range rows {
		var compact map[string]any
		if err := json.Unmarshal(row, &compact); err != nil {
			t.Fatal(err)
		}
		line, _ := json.Marshal(compact) // its keys in another order
		lines += string(line) + "\n"
	}
	for name, text := range map[string]string{
		"byte order mark": "\xEF\xBB\xBF" + dump,
		"blanks around":   "\r\n\t " + dump + "\n\n ",
		"jsonl":           lines,
	} {
		store := memstore.New()
		take(t, store, text, Options{})
		if !reflect.DeepEqual(contents(t, store), contents(t, want)) {
			t.Errorf("%s: it makes another store", name)
		}
	}
}

func TestSourceThatCannotSeek(t *testing.T) {
	dir := t.TempDir()
	dump := readDump(t, "dump-hashers.json")
	store := memstore.New()
	seen := 0
	opts := Options{TempDir: dir, Now: testClock, Progress: func(Progress) {
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Fatalf("files %v, %v", files, err)
		}
		if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		seen++
	}}
	report, err := Django(t.Context(), onlyReader{strings.NewReader(dump)}, store, opts)
	if err != nil || report.Model("durin.authtoken").Taken != 102 {
		t.Fatalf("%+v, %v", report, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 || seen == 0 {
		t.Errorf("%d files stay, %d calls of Progress", len(files), seen)
	}
	_, err = Django(t.Context(), io.MultiReader(strings.NewReader("[{"), badReader{}), memstore.New(), Options{TempDir: dir})
	if !errors.Is(err, errBadReader) {
		t.Errorf("error %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%d files stay after a fault", len(files))
	}
}

var errBadReader = errors.New("unplugged")

type badReader struct{}

func (badReader) Read([]byte) (int, error) { return 0, errBadReader }

// A reader that does not stand at its beginning is read from where it is.
func TestSourceFromItsPosition(t *testing.T) {
	src := strings.NewReader("header\n" + readDump(t, "dump-hashers.json"))
	if _, err := src.Seek(7, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := Django(t.Context(), src, memstore.New(), Options{}); err != nil {
		t.Error(err)
	}
}

func TestNaturalKeys(t *testing.T) {
	natural := func(row string) string { return strings.Replace(row, `"pk":0,`, "", 1) }
	dump := array(
		natural(tokenRow(0, "ta", `["alice"]`, `["web"]`)),
		natural(userRow(0, "alice")), natural(userRow(0, "bob")),
		natural(tokenRow(0, "tb", `["bob"]`, `["web"]`)),
		natural(clientRow(0, "web", "1 00:00:00", "")),
	)
	store := memstore.New()
	for range 2 {
		take(t, store, dump, Options{})
		for token, user := range map[string]string{"ta": "alice", "tb": "bob"} {
			if s := lookup(t, store, token); s.UserName != user || s.Client.Name != "web" {
				t.Errorf("token %s: %+v", token, s)
			}
		}
		if all := contents(t, store); len(all.Users) != 2 || len(all.Clients) != 1 || len(all.Sessions) != 2 {
			t.Errorf("%+v", all)
		}
	}
	// Foreign keys by name beside numeric primary keys, to rows of the dump
	// and to such as are in the store only.
	take(t, store, array(userRow(7, "carol"), tokenRow(9, "tc", `["carol"]`, `["web"]`), tokenRow(10, "td", `["bob"]`, `["web2"]`), clientRow(3, "web2", "60", "")), Options{})
	if s := lookup(t, store, "tc"); s.UserName != "carol" || s.UserID != "7" || s.ID != 9 {
		t.Errorf("tc: %+v", s)
	}
	if s := lookup(t, store, "td"); s.UserName != "bob" || s.Client.Name != "web2" {
		t.Errorf("td: %+v", s)
	}
	problems := refused(t, store, array(tokenRow(11, "te", `["nobody"]`, `["web"]`), tokenRow(12, "tf", `["bob"]`, `["none"]`)), Options{})
	wantProblems(t, problems, `its user "nobody" is neither in the dump nor taken by an earlier import`, `its client "none" is neither in the dump nor here`)
}

// An id that is not free moves its row only, not those behind it.
func TestTakenIDsMoveOneRowEach(t *testing.T) {
	store := memstore.New()
	u, err := store.CreateUser(t.Context(), durin.User{Name: "operator", Active: true, Password: "!"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateClient(t.Context(), durin.Client{Name: "console", TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Issue(t.Context(), durin.NewToken{UserID: u.ID, Client: "console", Digest: durin.Secret("native").Digest(), Now: testNow}); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for i := 1; i <= 9; i++ {
		rows = append(rows, userRow(i, fmt.Sprint("user", i)), clientRow(i, fmt.Sprint("client", i), "60", ""))
	}
	for i := 1; i <= 9; i++ {
		rows = append(rows, tokenRow(i, fmt.Sprint("token", i), fmt.Sprint(i), fmt.Sprint(i)))
	}
	for _, lenient := range []bool{true, false} { // the second time all is known
		take(t, store, array(rows...), Options{Lenient: lenient})
		for i := int64(1); i <= 9; i++ {
			want := i
			if i == 1 {
				want = 10
			}
			s := lookup(t, store, fmt.Sprint("token", i))
			if s.ID != want || s.UserID != fmt.Sprint(want) || s.UserName != fmt.Sprint("user", i) || s.Client.ID != want || s.Client.Name != fmt.Sprint("client", i) {
				t.Errorf("token %d: id %d, user %s %s, client %d %s", i, s.ID, s.UserID, s.UserName, s.Client.ID, s.Client.Name)
			}
		}
	}
}

// The users come in one dump, the rest in another: keys alone tell nobody, natural
// keys do.
func TestDumpsInParts(t *testing.T) {
	store := memstore.New()
	take(t, store, array(userRow(1, "alice"), userRow(2, "bob")), Options{})
	take(t, store, array(clientRow(1, "web", "60", "")), Options{})
	for _, lenient := range []bool{true, false} {
		for _, dump := range []string{
			array(tokenRow(1, "ta", "1", "1"), clientRow(1, "web", "60", "")), array(drfRow), array(multiRow), array(clientRow(1, "web", "60", ""), replaced(drfRow, `authtoken.token`, `knox.authtoken`)),
		} {
			_, err := Django(t.Context(), strings.NewReader(dump), store, Options{Lenient: lenient, Now: testClock})
			var format *FormatError
			if !errors.As(err, &format) || format.Row == 0 || !strings.Contains(err.Error(), "--natural-foreign") {
				t.Errorf("%s: %v", dump, err)
			}
		}
	}
	if all := contents(t, store); len(all.Sessions) > 0 {
		t.Errorf("taken: %+v", all.Sessions)
	}
	take(t, store, array(tokenRow(1, "ta", `["alice"]`, `["web"]`), tokenRow(2, "tb", `["bob"]`, "1"), clientRow(1, "web", "60", ""), replaced(drfRow, `"user":1`, `"user":["bob"]`)), Options{})
	for token, name := range map[string]string{"ta": "alice", "tb": "bob", "0fc13e3c694d9148236093541da84e72a5887c92": "bob"} {
		if s := lookup(t, store, token); s.UserName != name {
			t.Errorf("%s is of %s", token, s.UserName)
		}
	}
	if _, err := store.CreateUser(t.Context(), durin.User{Name: "dora", Active: true, Password: "!", Created: testNow}); err != nil {
		t.Fatal(err)
	}
	wantProblems(t, refused(t, store, array(tokenRow(3, "tc", `["dora"]`, `["web"]`)), Options{}), `its user "dora" is neither in the dump nor taken by an earlier import under this name`)
	wantProblems(t, refused(t, store, array(tokenRow(3, "tc", "3", "1"), tokenRow(4, "td", `["bob"]`, "2"), tokenRow(5, "te", "1", "1")), Options{}),
		"row 1 (durin.authtoken 3): its user 3 is not in the dump", "row 1 (durin.authtoken 3): its client 1 is not in the dump",
		"row 2 (durin.authtoken 4): its client 2 is not in the dump",
		"row 3 (durin.authtoken 5): its user 1 is not in the dump", "row 3 (durin.authtoken 5): its client 1 is not in the dump")
}

// What was done here since the first import stays done.
func TestLaterDumpKeepsWhatWasDoneHere(t *testing.T) {
	store := memstore.New()
	first := []string{userRow(1, "alice"), userRow(2, "bob"), userRow(3, "carol"), clientRow(1, "web", "60", ""), clientRow(2, "cli", "60", ""), clientRow(3, "tv", "60", ""),
		tokenRow(1, "ta", "1", "1"), tokenRow(2, "tb", "2", "1"), tokenRow(3, "tc", "1", "2")}
	take(t, store, array(first...), Options{})
	ctx := t.Context()
	if _, _, err := store.UpdateUser(ctx, "1", testNow, func(u *durin.User) error { u.Name, u.Password = "alicia", "!new"; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := store.UpdateClient(ctx, "web", testNow, func(c *durin.Client) error { c.Name = "website"; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.DeleteUser(ctx, "2", testNow); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteClient(ctx, "cli", testNow); err != nil {
		t.Fatal(err)
	}
	before := contents(t, store)
	take(t, store, array(first...), Options{})
	if !reflect.DeepEqual(contents(t, store), before) {
		t.Error("the second import changed the store")
	}
	// Rows that are new in a later dump find what their parents have become.
	later := append(slices.Clone(first), tokenRow(4, "td", "3", "1"), tokenRow(5, "te", "2", "3"), tokenRow(6, "tf", "3", "2"))
	report := take(t, store, array(later...), Options{Lenient: true})
	wantProblems(t, report.Problems,
		"left out: row 11 (durin.authtoken 5): its user or its client has been deleted here",
		"left out: row 12 (durin.authtoken 6): its user or its client has been deleted here")
	if s := lookup(t, store, "td"); s.Client.Name != "website" || s.UserName != "carol" {
		t.Errorf("td: %+v", s)
	}
	isAbsent(t, store, "te")
	isAbsent(t, store, "tf")
	isAbsent(t, store, "tb")
}

// Keys of another project mean other rows.
func TestOtherProject(t *testing.T) {
	store := memstore.New()
	take(t, store, array(userRow(1, "alice"), clientRow(1, "web", "60", ""), tokenRow(1, "ta", "1", "1")), Options{})
	other := strings.ReplaceAll(array(userRow(1, "mallory"), userRow(2, "alice"), clientRow(1, "portal", "60", ""),
		tokenRow(1, "tm", "1", "1"), tokenRow(2, "tx", "2", "1")), "2020-01-01", "2021-07-07")
	want := []string{
		"mended: row 1 (auth.user 1): its id 1 is not free here: it becomes 2", "left out: row 2 (auth.user 2): another user has that name here",
		"mended: row 3 (durin.client 1): its id 1 is not free here: it becomes 2", "left out: row 5 (durin.authtoken 2): its user 2 is left out",
	}
	for _, taken := range []int{1, 0} {
		report := take(t, store, other, Options{Lenient: true})
		wantProblems(t, report.Problems, want...)
		if taken == 1 {
			want = []string{want[1], want[3]}
		}
		if got := report.Model("auth.user").Taken; got != taken {
			t.Errorf("%d users taken, want %d", got, taken)
		}
	}
	if s := lookup(t, store, "tm"); s.UserName != "mallory" || s.Client.Name != "portal" {
		t.Errorf("tm: %+v", s)
	}
	isAbsent(t, store, "tx")
	if s := lookup(t, store, "ta"); s.UserName != "alice" || s.Client.Name != "web" {
		t.Errorf("ta: %+v", s)
	}
	take(t, store, array(userRow(1, "alice"), clientRow(1, "web", "60", ""), tokenRow(1, "ta", "1", "1"), userRow(4, "dora"), tokenRow(4, "td", "4", "1")), Options{})
	if s := lookup(t, store, "td"); s.UserName != "dora" || s.Client.Name != "web" {
		t.Errorf("td: %+v", s)
	}
}

// The same users, dumped with natural keys, are the same users.
func TestSameUsersUnderOtherKeys(t *testing.T) {
	store := memstore.New()
	take(t, store, array(userRow(1, "alice"), clientRow(1, "web", "60", "")), Options{})
	bare := strings.Replace(userRow(1, "alice"), `"pk":1,`, "", 1)
	report := take(t, store, array(bare, clientRow(2, "cli", "60", ""), tokenRow(1, "ta", `["alice"]`, `["web"]`)), Options{})
	if report.Model("auth.user").Known != 1 {
		t.Errorf("%+v", report.Model("auth.user"))
	}
	if s := lookup(t, store, "ta"); s.UserID != "1" {
		t.Errorf("ta: %+v", s)
	}
}

func TestNamesThatAreHere(t *testing.T) {
	store := memstore.New()
	if _, err := store.CreateClient(t.Context(), durin.Client{Name: "web", TTL: time.Hour, Policy: durin.PolicyReplace}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateUser(t.Context(), durin.User{Name: "alice", Active: true, Password: "!"}); err != nil {
		t.Fatal(err)
	}
	dump := array(userRow(5, "alice"), userRow(6, "bob"), clientRow(4, "web", "60", ""), tokenRow(1, "ta", "5", "4"), tokenRow(2, "tb", "6", "4"))
	want := []string{
		"left out: row 1 (auth.user 5): another user has that name here: that one stays as it is",
		"left out: row 3 (durin.client 4): a client of that name is here already: that one stays as it is, and gets the tokens",
		"left out: row 4 (durin.authtoken 1): its user 5 is left out",
	}
	wantProblems(t, refused(t, store, dump, Options{}), want...)
	report := take(t, store, dump, Options{Lenient: true, Keyring: testRing(t)})
	wantProblems(t, report.Problems, want...)
	isAbsent(t, store, "ta")
	if s := lookup(t, store, "tb"); s.Client.Name != "web" || s.Client.TTL != time.Hour {
		t.Errorf("tb: %+v", s)
	}
	if seals, err := store.Seals(t.Context(), 0, 10); err != nil || len(seals) != 0 {
		t.Errorf("%d seals for a client that hands no token out again, %v", len(seals), err)
	}
}
