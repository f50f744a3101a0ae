package importer

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

func TestNotADump(t *testing.T) {
	good := userRow(1, "alice")
	utf16Text := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(array(good))) {
		utf16Text = append(utf16Text, byte(unit), byte(unit>>8))
	}
	for name, c := range map[string]struct {
		dump   string
		row    int
		offset int64
		what   string
	}{
		"empty":                 {"", 0, 0, "empty"},
		"blanks only":           {" \n ", 0, 3, "empty"},
		"another top level":     {`"text"`, 0, 0, "must begin with ["},
		"a table of SQL":        {"CREATE TABLE x", 0, 0, "dump of its tables"},
		"an object of an API":   {`{"detail": "Not found."}`, 1, 0, "names no model"},
		"UTF-16 of a shell":     {string(utf16Text), 0, 0, "UTF-16"},
		"cut off in a row":      {"[" + good[:40], 1, 41, "cut off"},
		"cut off in a text":     {`[{"model": "auth`, 1, 16, "cut off"},
		"cut off behind a row":  {"[" + good, 1, int64(len(good)) + 1, "cut off"},
		"cut off at a comma":    {"[" + good + ",", 1, int64(len(good)) + 2, "cut off"},
		"cut off at the start":  {"[", 0, 1, "cut off"},
		"a comma at the end":    {"[" + good + ",]", 2, int64(len(good)) + 2, "not an object"},
		"no comma":              {"[" + good + good + "]", 1, int64(len(good)) + 1, "a comma or ] is missing"},
		"a row that is a list":  {"[[]]", 1, 1, "not an object"},
		"a row that is null":    {"[" + good + ",null]", 2, int64(len(good)) + 2, "not an object"},
		"something behind":      {"[" + good + "] x", 1, int64(len(good)) + 3, "something follows"},
		"a second array":        {"[][]", 0, 2, "something follows"},
		"broken JSON in a row":  {`[{"model": "auth.user", "pk": 1, fields}]`, 1, 33, "not valid JSON"},
		"brackets that differ":  {`[{"model": "auth.user", "pk": 1]]`, 1, 31, "not valid JSON"},
		"broken JSON elsewhere": {`[{"model": "blog.post", "pk": 01}]`, 1, 31, "not valid JSON"},
		"a row without a model": {`[{"pk": 1}]`, 1, 1, "names no model"},
		"a model of no text":    {`[{"model": 5}]`, 1, 1, "names no model"},
		"lines, one broken":     {good + "\n" + good[:20], 2, int64(len(good)) + 21, "cut off"},
		"lines and a comma":     {good + ",\n" + good, 2, int64(len(good)), "not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, lenient := range []bool{true, false} {
				store := memstore.New()
				_, err := Django(t.Context(), strings.NewReader(c.dump), store, Options{Lenient: lenient})
				var format *FormatError
				if !errors.As(err, &format) {
					t.Fatalf("error %v, want a *FormatError", err)
				}
				if format.Row != c.row || format.Offset != c.offset || !strings.Contains(err.Error(), c.what) {
					t.Errorf("row %d, byte %d: %s; want row %d, byte %d: %s", format.Row, format.Offset, err, c.row, c.offset, c.what)
				}
				if all := contents(t, store); len(all.Users) > 0 {
					t.Error("a damaged dump was begun to be written")
				}
			}
		})
	}
}

// A row without a model stops a strict import; a lenient one leaves it out and
// tells, as long as others have one.
func TestRowsWithoutAModel(t *testing.T) {
	dump := array(`{"model":5}`, userRow(1, "alice"), `{"pk":1}`)
	store := memstore.New()
	report, err := Django(t.Context(), strings.NewReader(dump), store, Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) != 2 || report.Problems[0].String() != "row 1: the row names no model" || report.Problems[1].Row != 3 || report.Problems[0].Action != LeftOut {
		t.Errorf("told %+v", report.Problems)
	}
	if all := contents(t, store); len(all.Users) != 1 {
		t.Errorf("%d users", len(all.Users))
	}
	var rows *RowsError
	if _, err := Django(t.Context(), strings.NewReader(dump), memstore.New(), Options{}); !errors.As(err, &rows) || len(rows.Problems) != 2 {
		t.Errorf("a strict import: %v", err)
	}
}

// replaced returns row with one thing replaced.
func replaced(row, old, new string) string {
	if !strings.Contains(row, old) {
		panic("the row has no " + old)
	}
	return strings.Replace(row, old, new, 1)
}

// Rows that cannot be taken: the rest of the dump is, where that is wanted.
func TestFaultsOfRows(t *testing.T) {
	user, client, token := userRow(2, "bob"), clientRow(2, "cli", "60", "5/m"), tokenRow(2, "tb", "1", "1")
	for name, c := range map[string]struct {
		row  string
		what []string
	}{
		"user without fields":       {`{"model":"auth.user","pk":2}`, []string{"auth.user 2): it has no fields"}},
		"user with a list":          {`{"model":"auth.user","pk":2,"fields":[]}`, []string{"it has no fields"}},
		"user name of a number":     {replaced(user, `"bob"`, `7`), []string{"auth.user 2): username is not a text"}},
		"user name null":            {replaced(user, `"bob"`, `null`), []string{"username is missing"}},
		"user name blank":           {replaced(user, `"bob"`, `" "`), []string{"name: This field may not be blank."}},
		"user name too long":        {replaced(user, `"bob"`, quote(strings.Repeat("é", 255))), []string{"no more than 254 characters"}},
		"user name with NUL":        {replaced(user, `"bob"`, `"b\u0000b"`), []string{"username has a NUL"}},
		"user name half a pair":     {replaced(user, `"bob"`, `"b\ud83d"`), []string{"username has a lone surrogate"}},
		"user name second half":     {replaced(user, `"bob"`, `"\ude00b"`), []string{"username has a lone surrogate"}},
		"user name not UTF-8":       {replaced(user, `"bob"`, "\"b\xff\""), []string{"username is not valid UTF-8"}},
		"user name there twice":     {replaced(user, `"bob"`, `"alice"`), []string{"a user of that name is there twice"}},
		"user key there twice":      {replaced(user, `"pk":2`, `"pk":1`), []string{"auth.user 1): its key is there twice"}},
		"user key a fraction":       {replaced(user, `"pk":2`, `"pk":2.5`), []string{"auth.user): pk is not a key"}},
		"user key out of range":     {replaced(user, `"pk":2`, `"pk":9223372036854775808`), []string{"pk is not a key"}},
		"user key a list":           {replaced(user, `"pk":2`, `"pk":[2]`), []string{"pk is not a key"}},
		"several faults of a user":  {`{"model":"auth.user","pk":2,"fields":{"is_active":2,"date_joined":""}}`, []string{"username is missing", "password is missing", "is_active is neither true nor false", "date_joined is not an instant"}},
		"user active missing":       {replaced(user, `"is_active":true,`, ``), []string{"is_active is missing"}},
		"user joined at no instant": {replaced(user, `2020-01-01T00:00:02Z`, `2020-13-01T00:00:00Z`), []string{"date_joined is not an instant"}},
		"user of a mebibyte":        {replaced(user, `"bob"`, quote(strings.Repeat("b", 1<<20))), []string{"auth.user): the row is longer than a mebibyte"}},

		"client name missing":     {replaced(client, `"name":"cli",`, ``), []string{"durin.client 2): name is missing"}},
		"client name blank":       {replaced(client, `"cli"`, `""`), []string{"name: This field may not be blank."}},
		"client name too long":    {replaced(client, `"cli"`, quote(strings.Repeat("c", 65))), []string{"no more than 64 characters"}},
		"client name there twice": {replaced(client, `"cli"`, `"web"`), []string{"a client of that name is there twice"}},
		"client key there twice":  {replaced(client, `"pk":2`, `"pk":1`), []string{"its key is there twice"}},
		"client life time number": {replaced(client, `"60"`, `60`), []string{"token_ttl is not a text"}},
		"client life time words":  {replaced(client, `"60"`, `"soon"`), []string{"token_ttl is not a duration"}},
		"client rate a number":    {replaced(client, `"5/m"`, `5`), []string{"throttle_rate is not a text"}},

		"token missing":             {replaced(token, `"token":"tb",`, ``), []string{"durin.authtoken 2): token is missing"}},
		"token a number":            {replaced(token, `"tb"`, `12345678`), []string{"token is not a text"}},
		"token empty":               {replaced(token, `"tb"`, `""`), []string{"the token cannot be sent in a header"}},
		"token with a blank":        {replaced(token, `"tb"`, `"t b"`), []string{"the token cannot be sent in a header"}},
		"token not ASCII":           {replaced(token, `"tb"`, `"té"`), []string{"the token cannot be sent in a header"}},
		"token too long":            {replaced(token, `"tb"`, quote(strings.Repeat("t", 257))), []string{"the token cannot be sent in a header"}},
		"token there twice":         {replaced(token, `"tb"`, `"ta"`), []string{"the same token is there twice"}},
		"token key there twice":     {replaced(token, `"pk":2`, `"pk":1`), []string{"durin.authtoken 1): its key is there twice"}},
		"token key a text":          {replaced(token, `"pk":2`, `"pk":"s3cret"`), nil},
		"token without expiry":      {replaced(token, `"2099-01-01T00:00:00.002Z"`, `null`), []string{"expiry is missing"}},
		"token created in words":    {replaced(token, `"2026-01-01T00:00:00.001Z"`, `"yesterday"`), []string{"created is not an instant"}},
		"token of user null":        {replaced(token, `"user":1`, `"user":null`), []string{"user is missing"}},
		"token of nobody":           {replaced(token, `"user":1`, `"user":99`), []string{"its user 99 is not in the dump"}},
		"token of no client":        {replaced(token, `"client":1`, `"client":99`), []string{"its client 99 is not in the dump"}},
		"token of two names":        {replaced(token, `"user":1`, `"user":["a","b"]`), []string{"user is not a natural key of one name"}},
		"token of a true user":      {replaced(token, `"user":1`, `"user":true`), []string{"user is not a key"}},
		"second token of a user":    {token, []string{`durin.authtoken 2): its user has another token for the client "web", which allows one`}},
		"token of the second named": {replaced(token, `"user":1`, `"user":["alice"]`), []string{`its user has another token for the client "web"`}},
	} {
		t.Run(name, func(t *testing.T) {
			dump := array(userRow(1, "alice"), clientRow(1, "web", "60", ""), tokenRow(1, "ta", "1", "1"), c.row, userRow(3, "carol"), tokenRow(3, "tc", "3", "1"))
			if c.what == nil {
				c.what = []string{`durin.authtoken): its user has another token`}
			}
			store := memstore.New()
			wantProblems(t, refused(t, store, dump, Options{}), c.what...)
			if all := contents(t, store); len(all.Users) > 0 {
				t.Error("a refused dump was begun to be written")
			}
			report := take(t, store, dump, Options{Lenient: true})
			wantProblems(t, report.Problems, c.what...)
			for _, p := range report.Problems {
				if p.Row != 4 || p.Action != LeftOut {
					t.Errorf("problem %+v", p)
				}
			}
			all := contents(t, store)
			if len(all.Users) != 2 || len(all.Clients) != 1 || len(all.Sessions) != 2 {
				t.Errorf("%d users, %d clients, %d tokens", len(all.Users), len(all.Clients), len(all.Sessions))
			}
		})
	}
}

// What is left out takes its tokens along.
func TestTokensOfRowsLeftOut(t *testing.T) {
	report := take(t, memstore.New(), array(
		userRow(1, ""), userRow(2, "bob"), clientRow(1, "", "60", ""), clientRow(2, "cli", "60", ""),
		tokenRow(1, "ta", "1", "2"), tokenRow(2, "tb", "2", "1"), tokenRow(3, "tc", "1", "1"), tokenRow(4, "td", `["alice"]`, `["cli"]`),
	), Options{Lenient: true})
	wantProblems(t, report.Problems, "row 1 (", "row 3 (",
		"row 5 (durin.authtoken 1): its user 1 is left out",
		"row 6 (durin.authtoken 2): its client 1 is left out",
		"row 7 (durin.authtoken 3): its user 1 is left out", "row 7 (durin.authtoken 3): its client 1 is left out",
		`row 8 (durin.authtoken 4): its user "alice" is neither`)
	wantCounts(t, report,
		ModelReport{Model: "durin.client", Read: 2, Taken: 1, LeftOut: 1},
		ModelReport{Model: "auth.user", Read: 2, Taken: 1, LeftOut: 1},
		ModelReport{Model: "durin.authtoken", Read: 4, LeftOut: 4})
}

func TestMends(t *testing.T) {
	hour := time.Hour
	for _, c := range []struct {
		ttl, rate string
		want      durin.Client
		mend      string
	}{
		{"1:00:00", "", durin.Client{TTL: hour}, ""},
		{"90 03:00:00.000005", "1_000/d", durin.Client{TTL: 90*24*hour + 3*hour + 5*time.Microsecond, Rate: durin.Rate{N: 1000, Period: 24 * hour}}, ""},
		{"P3DT2H", "+5 /minute", durin.Client{TTL: 74 * hour, Rate: durin.Rate{N: 5, Period: time.Minute}}, ""},
		{"-1 00:00:00", "", durin.Client{TTL: 24 * hour}, "the life time is not above zero: it becomes the default, 1d"},
		{"00:00:00", "", durin.Client{TTL: 24 * hour}, "the life time is not above zero"},
		{"200000 00:00:00", "", durin.Client{TTL: durin.Never}, "never expire"},
		{"-200000 00:00:00", "", durin.Client{TTL: 24 * hour}, "not above zero"},
		{"60", "-7/h", durin.Client{TTL: time.Minute, Rate: durin.Rate{Period: hour}}, "the throttle rate -7/h is negative: it becomes 0/h, which blocks"},
		{"60", "-1/fortnight", durin.Client{TTL: time.Minute}, "DEFAULT RATE"},
		{"60", "5/m/h", durin.Client{TTL: time.Minute}, "DEFAULT RATE"},
		{"60", "-+5/m", durin.Client{TTL: time.Minute}, "DEFAULT RATE"},
		{"60", strings.Repeat("x", 500), durin.Client{TTL: time.Minute}, "cannot be read"},
	} {
		dump := array(clientRow(7, "c", c.ttl, c.rate))
		if c.mend != "" {
			wantProblems(t, refused(t, memstore.New(), dump, Options{}), "mended: row 1 (durin.client 7): ")
		}
		store := memstore.New()
		report := take(t, store, dump, Options{Lenient: c.mend != ""})
		if c.mend != "" {
			wantProblems(t, report.Problems, c.mend)
			if len(report.Problems[0].What) > 200 {
				t.Errorf("the problem is told in %d bytes", len(report.Problems[0].What))
			}
		}
		c.want.ID, c.want.Name, c.want.Policy, c.want.Created = 7, "c", durin.PolicyReuse, testNow
		if got := contents(t, store).Clients; len(got) != 1 || got[0] != c.want {
			t.Errorf("%s and %s: %+v, want %+v", c.ttl, c.rate, got, c.want)
		}
	}
}

func TestPasswords(t *testing.T) {
	for hash, c := range map[string]struct{ stored, mend, kind string }{
		"md5$salt$0b8837c04ff4d2c22593184fc738565a": {"", "", "md5"},
		"0b8837c04ff4d2c22593184fc738565a":          {"", "", "unsalted_md5"},
		"":                                          {"!", "", "unusable"},
		"!KYk7QocDg9Nina":                           {"", "", "unusable"},
		"crypt$$ab1234567890a":                      {"!", "no password can be right any more", "crypt"},
		"rot13$uryyb":                               {"!", "no password can be right any more", "unknown"},
		"pbkdf2_sha256$99999999999$s$" + strings.Repeat("A", 43) + "=": {"!", "no password can be right any more", "pbkdf2_sha256"},
	} {
		store := memstore.New()
		dump := array(replaced(userRow(1, "alice"), `"!x"`, quote(hash)))
		if c.mend != "" {
			wantProblems(t, refused(t, memstore.New(), dump, Options{}), c.mend)
		}
		report := take(t, store, dump, Options{Lenient: c.mend != ""})
		if c.mend != "" {
			wantProblems(t, report.Problems, "mended: row 1 (auth.user 1): "+c.mend)
			if hash != "" && strings.Contains(fmt.Sprint(report.Problems), hash) {
				t.Errorf("the problem quotes the hash")
			}
		}
		if c.stored == "" {
			c.stored = hash
		}
		if got := contents(t, store).Users[0].Password; got != c.stored || report.Passwords[c.kind] != 1 {
			t.Errorf("%q is stored as %q, counted as %v", hash, got, report.Passwords)
		}
	}
}

func TestIDsThatCannotBeKept(t *testing.T) {
	store := memstore.New()
	const high = "9223372036854775807"
	dump := array(
		replaced(userRow(1, "alice"), `"pk":1`, `"pk":`+high), replaced(userRow(2, "bob"), `"pk":2`, `"pk":0`), userRow(3, "carol"),
		replaced(clientRow(1, "web", "60", ""), `"pk":1`, `"pk":-4`),
		replaced(tokenRow(1, "ta", high, "-4"), `"pk":1`, `"pk":`+high), tokenRow(2, "tb", "0", "-4"), tokenRow(3, "tc", "3", "-4"),
	)
	wantProblems(t, refused(t, memstore.New(), dump, Options{}),
		"auth.user "+high+"): the id "+high+" cannot be kept", "auth.user 0): the id 0 cannot", "durin.client -4): the id -4 cannot", "durin.authtoken "+high)
	take(t, store, dump, Options{Lenient: true})
	for token, name := range map[string]string{"ta": "alice", "tb": "bob", "tc": "carol"} {
		if s := lookup(t, store, token); s.UserName != name || s.Client.Name != "web" || s.ID > 10 {
			t.Errorf("%s: %+v", token, s)
		}
	}
	if u, err := store.CreateUser(t.Context(), durin.User{Name: "new", Password: "!"}); err != nil {
		t.Errorf("no user can be made any more: %+v, %v", u, err)
	}
}

func TestInstants(t *testing.T) {
	plus9 := time.FixedZone("", 9*3600)
	for text, want := range map[string]time.Time{
		"2026-01-02T03:04:05Z":             time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		"2026-01-02T03:04:05.678901Z":      time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC),
		"2026-01-02T03:04:05.678+05:30":    time.Date(2026, 1, 1, 21, 34, 5, 678000000, time.UTC),
		"2026-01-02T03:04:05.678":          time.Date(2026, 1, 1, 18, 4, 5, 678000000, time.UTC),
		"1815-12-10T00:00:00Z":             time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC),
		"0001-01-01T00:00:00Z":             time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
		"9999-12-31T23:59:59.999999-12:00": time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	} {
		store := memstore.New()
		dump := array(userRow(1, "alice"), clientRow(1, "web", "60", ""), replaced(tokenRow(1, "ta", "1", "1"), "2099-01-01T00:00:00.002Z", text))
		take(t, store, dump, Options{Zone: plus9})
		if s := lookup(t, store, "ta"); !s.ExpiresAt.Equal(want) {
			t.Errorf("%s is kept as %v, want %v", text, s.ExpiresAt, want)
		}
	}
}

// Rows of other models may be of any size and form.
func TestRowsThatAreNotOurs(t *testing.T) {
	big := `{"model": "blog.post", "pk": 1, "fields": {"body": "` + strings.Repeat(`x\"]}{[`, 1<<19) + `"}}`
	dump := array(`{"model":"contenttypes.contenttype","fields":{"app_label":"auth","model":"user"}}`, big,
		`{"fields":{"session_data":"\ud800"},"model":"sessions.session","pk":"a"}`, "{\"model\":\"x.y\",\"z\":\"\xff\"}", userRow(1, "alice"))
	report := take(t, memstore.New(), dump, Options{})
	wantCounts(t, report, ModelReport{Model: "auth.user", Read: 1, Taken: 1})
	if report.Others != 4 {
		t.Errorf("%d other rows", report.Others)
	}
}

func TestKeysOfARow(t *testing.T) {
	// The last of doubled keys holds, and case matters.
	row := `{"Model":"blog.post","model":"auth.user","PK":9,"pk":1,"pk":2,"fields":{"Username":"x","username":"y","username":"bob","password":"!","is_active":false,"IS_ACTIVE":true}}`
	store := memstore.New()
	take(t, store, array(row), Options{})
	if u := contents(t, store).Users[0]; u.ID != "2" || u.Name != "bob" || u.Active {
		t.Errorf("%+v", u)
	}
}

func TestLoneSurrogates(t *testing.T) {
	for text, want := range map[string]bool{
		`"plain"`: false, `"\ud83d\ude00"`: false, `"\uD83D\uDE00!"`: false, `"\\ud83d"`: false, `"\u00e9"`: false, `"a\n\ud83d\ude00"`: false,
		`"\ud83d"`: true, `"\ude00"`: true, `"\ud83d\ud83d\ude00"`: true, `"\ud83dx\ude00"`: true, `"\ud83d\n\ude00"`: true, `"\ud83d\\ude00"`: true, `"\ude00\ud83d"`: true,
	} {
		if got := loneSurrogate([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestOptions(t *testing.T) {
	for what, o := range map[string]Options{
		"named like app.Model":      {UserModel: "people"},
		"is no user model":          {UserModel: "durin.Client"},
		"must be above zero":        {DefaultTTL: -time.Hour},
		"not for jwt":               {ClientFor: map[string]string{"jwt": "web"}},
		"the client for knox: name": {ClientFor: map[string]string{"knox": " "}},
	} {
		if _, err := Django(t.Context(), strings.NewReader("[]"), memstore.New(), o); err == nil || !strings.Contains(err.Error(), what) && o.ClientFor["knox"] != " " {
			t.Errorf("%+v: %v, want %q in it", o, err, what)
		}
	}
}

func TestManyProblems(t *testing.T) {
	var dump bytes.Buffer
	dump.WriteString("[")
	for i := range maxProblems + 50 {
		if i > 0 {
			dump.WriteString(",")
		}
		fmt.Fprintf(&dump, `{"model":"auth.user","pk":%d}`, i)
	}
	dump.WriteString("]")
	report, err := Django(t.Context(), bytes.NewReader(dump.Bytes()), &countingStore{}, Options{})
	var rows *RowsError
	if !errors.As(err, &rows) || len(rows.Problems)+rows.More < maxProblems+50 || len(rows.Problems) != maxProblems {
		t.Fatalf("%d problems and %d, %v", len(report.Problems), report.MoreProblems, err)
	}
}

func TestTable(t *testing.T) {
	report := take(t, memstore.New(), readDump(t, "dump.json"), Options{Lenient: true})
	want := [][]string{
		{"model", "read", "taken", "known before", "mended", "left out"},
		{"durin.client", "12", "12", "0", "3", "0"},
		{"auth.user", "5", "5", "0", "0", "0"},
		{"durin.authtoken", "7", "7", "0", "0", "0"},
		{"all", "24", "24", "0", "3", "0"},
	}
	if got := report.Table(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}
