package importer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
)

var chicago = func() *time.Location {
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	return zone
}()

// Python's datetime.max stands for never; west of Greenwich it is in the year 10000.
func TestYearsBeyondFourDigits(t *testing.T) {
	dump := readDump(t, "case-max2.json")
	token := strings.Repeat("01", 32)
	store := memstore.New()
	report := take(t, store, dump, Options{Zone: time.FixedZone("west", -5*3600)})
	want := time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	if s := lookup(t, store, token); !s.ExpiresAt.Equal(want) {
		t.Errorf("the expiry is %v, want %v", s.ExpiresAt, want)
	}
	if report.Clamped != 1 || report.Naive != 1 || !strings.Contains(fmt.Sprint(report.Notes), "1 row has an instant outside of the years 1 to 9999") {
		t.Errorf("told %+v", report)
	}
	early := replaced(userRow(2, "bob"), "2020-01-01T00:00:02Z", "0001-01-01T00:00:00+14:00")
	take(t, store, array(early), Options{})
	if u, err := store.UserByName(t.Context(), "bob"); err != nil || u.Created.Year() != 1 || u.Created.IsZero() {
		t.Errorf("%+v, %v", u, err)
	}
}

// A store may hold such instants from elsewhere: its export is one all the same.
func TestExportOfYearsBeyondFourDigits(t *testing.T) {
	store := memstore.New()
	for i, at := range []time.Time{time.Date(10000, 1, 1, 4, 59, 59, 0, time.UTC), time.Date(-3, 1, 1, 0, 0, 0, 0, time.UTC), testNow} {
		if _, err := store.CreateUser(t.Context(), durin.User{Name: fmt.Sprintf("u%d", i), Password: "!", Active: true, Created: at}); err != nil {
			t.Fatal(err)
		}
	}
	var text bytes.Buffer
	if _, err := Export(t.Context(), &text, store, ExportOptions{Origin: "x", Now: testNow}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"created":"9999-12-31T23:59:59.999999Z"`, `"created":"0001-01-01T00:00:00.000001Z"`, `"created":"2026-11-24T12:00:00Z"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s in the export", want)
		}
	}
	if report, err := Durin(t.Context(), &text, memstore.New(), Options{}); err != nil || report.Model(userKind).Taken != 3 {
		t.Errorf("import of it: %+v, %v", report, err)
	}
}

func TestNothingTaken(t *testing.T) {
	for name, c := range map[string]struct {
		dump string
		opts Options
		rows int
		want string
	}{
		"no rows":                  {"[]", Options{}, 0, "holds no users, clients or tokens"},
		"blanks":                   {" [ \n ] ", Options{Lenient: true}, 0, "holds no users, clients or tokens"},
		"users of a model unnamed": {readDump(t, "case-usersonly.json"), Options{}, 0, "accounts.person looks like the project's user model"},
		"the same leniently":       {readDump(t, "case-usersonly.json"), Options{Lenient: true}, 0, "accounts.person looks like the project's user model"},
		"others only":              {array(`{"model":"blog.post","pk":1,"fields":{"title":"x"}}`), Options{}, 0, "holds no users"},
		"all left out":             {array(userRow(1, "")), Options{Lenient: true}, 1, "all 1 rows of users, clients and tokens are left out"},
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			c.opts.Now = testClock
			_, err := Django(t.Context(), strings.NewReader(c.dump), store, c.opts)
			var nothing *NothingError
			if !errors.As(err, &nothing) || nothing.Rows != c.rows || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want a *NothingError with %q", err, c.want)
			}
			if all := contents(t, store); len(all.Users)+len(all.Clients) > 0 {
				t.Errorf("the store has %+v", all)
			}
		})
	}
	// What was taken before is not nothing.
	store := memstore.New()
	for range 2 {
		take(t, store, array(userRow(1, "alice")), Options{})
	}
	// The model that was named is taken.
	report := take(t, memstore.New(), readDump(t, "case-usersonly.json"), Options{UserModel: "accounts.Person", UserNameField: "email"})
	if report.Model("accounts.person").Taken == 0 || len(report.Suspects) > 0 {
		t.Errorf("%+v", report)
	}
}

// Instants without a zone are told; without Zone a strict import refuses them.
func TestInstantsWithoutAZone(t *testing.T) {
	dump := readDump(t, "case-rnaive.json")
	rows := strings.Count(dump, `"model"`) - strings.Count(dump, `"durin.client"`)
	store := memstore.New()
	report, err := Django(t.Context(), strings.NewReader(dump), store, Options{Now: testClock})
	var zone *ZoneError
	if !errors.As(err, &zone) || zone.Rows != rows || report == nil || report.Naive != rows {
		t.Fatalf("error %v, want a *ZoneError of %d rows; %+v", err, rows, report)
	}
	if all := contents(t, store); len(all.Users) > 0 {
		t.Errorf("%d users are written", len(all.Users))
	}
	token := "938c4adc4ee441081f540c6fc5b54f83bcfa9cd792604166b8c3c4341356fb00"
	for _, c := range []struct {
		opts Options
		want time.Time
		note string
	}{
		{Options{Zone: chicago}, time.Date(2026, 11, 29, 18, 33, 38, 387e6, time.UTC), "read in America/Chicago"},
		{Options{Lenient: true}, time.Date(2026, 11, 29, 12, 33, 38, 387e6, time.UTC), "read in UTC"},
	} {
		store := memstore.New()
		report := take(t, store, dump, c.opts)
		if s := lookup(t, store, token); !s.ExpiresAt.Equal(c.want) {
			t.Errorf("the token ends at %v, want %v", s.ExpiresAt, c.want)
		}
		if report.Naive != rows || !strings.Contains(fmt.Sprint(report.Notes), c.note) {
			t.Errorf("told %d, %q", report.Naive, report.Notes)
		}
	}
	// Both kinds of fault are told at once.
	_, err = Django(t.Context(), strings.NewReader(array(replaced(userRow(1, "a"), "2020-01-01T00:00:01Z", "2020-01-01T00:00:01"), userRow(2, ""))), memstore.New(), Options{Now: testClock})
	var faults *RowsError
	if !errors.As(err, &faults) || !errors.As(err, &zone) || zone.Rows != 1 {
		t.Errorf("error %v", err)
	}
}

func TestLongNames(t *testing.T) {
	store := memstore.New()
	take(t, store, readDump(t, "case-longmail.json"), Options{})
	s := lookup(t, store, strings.Repeat("01", 32))
	if len(s.UserName) != 251 {
		t.Errorf("the user is called %q", s.UserName)
	}
	longest := strings.Repeat("é", durin.MaxUserName)
	take(t, store, array(userRow(9, longest)), Options{})
	if _, err := store.UserByName(t.Context(), longest); err != nil {
		t.Error(err)
	}
}

// Models of tokens that the project has in a library's place.
func TestTokenModels(t *testing.T) {
	dump := readDump(t, "case-customtokenmodel.json")
	secret := strings.Repeat("07", 20)
	report := take(t, memstore.New(), dump, Options{})
	want := Suspect{Model: "accounts.token", Rows: 1, Like: "drf"}
	if len(report.Suspects) != 1 || report.Suspects[0] != want {
		t.Errorf("suspects %+v, want %+v", report.Suspects, want)
	}
	store := memstore.New()
	report = take(t, store, dump, Options{TokenModels: map[string]string{"drf": "accounts.Token"}})
	if s := lookup(t, store, secret); s.UserName != "ada" || s.Client.Name != "drf" {
		t.Errorf("%+v", s)
	}
	if m := report.Model("accounts.token"); m.Taken != 1 || len(report.Suspects) != 0 {
		t.Errorf("told %+v", report)
	}
	// Whatever the library, its rows are known under the other name.
	plain := readDump(t, "dump-knox-drf-multitoken.json")
	for source, model := range map[string]string{"knox": knoxModel, "drf": drfModel, "multitoken": multiModel} {
		renamed := strings.ReplaceAll(plain, `"`+model+`"`, `"own.Credential"`)
		lost := take(t, memstore.New(), renamed, Options{})
		if len(lost.Suspects) != 1 || lost.Suspects[0].Like != source || lost.Suspects[0].Model != "own.credential" || lost.Suspects[0].Rows == 0 {
			t.Errorf("%s: suspects %+v", source, lost.Suspects)
		}
		a, b := memstore.New(), memstore.New()
		take(t, a, plain, Options{})
		take(t, b, renamed, Options{TokenModels: map[string]string{source: "own.credential"}})
		if x, y := len(contents(t, a).Sessions), len(contents(t, b).Sessions); x != y {
			t.Errorf("%s: %d sessions, want %d", source, y, x)
		}
	}
	for _, bad := range []map[string]string{{"knox": "token"}, {"other": "a.b"}, {"knox": "auth.user"}, {"knox": "authtoken.token"}, {"knox": "a.b", "drf": "a.B"}} {
		if _, err := Django(t.Context(), strings.NewReader(dump), memstore.New(), Options{TokenModels: bad}); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGzip(t *testing.T) {
	dump := readDump(t, "dump-knox-drf-multitoken.json")
	want, got := memstore.New(), memstore.New()
	take(t, want, dump, Options{})
	file := packed(t, dump)
	last := Progress{}
	take(t, got, string(file), Options{Progress: func(p Progress) { last = p }})
	if a, b := contents(t, want), contents(t, got); len(b.Users) == 0 || len(a.Users) != len(b.Users) || len(a.Sessions) != len(b.Sessions) {
		t.Errorf("%d users, %d sessions", len(b.Users), len(b.Sessions))
	}
	if last.Bytes != last.Size || last.Size != int64(len(file)) {
		t.Errorf("progress %+v of a file of %d bytes", last, len(file))
	}
	half := packed(t, "["+strings.Repeat(" ", 1<<20))
	bomb := packed(t, "["+strings.Repeat(" ", unpackedAlways+1<<20)+"]")
	broken := bytes.Clone(file)
	broken[len(broken)-5] ^= 1 // of the checksum
	for name, c := range map[string]struct {
		file []byte
		what string
	}{
		"cut off":             {file[:len(file)/2], "ends in the middle"},
		"wrong checksum":      {broken, "gzip file is damaged"},
		"no gzip behind":      {append([]byte{0x1f, 0x8b}, "[]"...), "gzip file"},
		"something behind it": {append(bytes.Clone(file), "more"...), "gzip file"},
		"a dump cut off":      {half, "cut off"},
		"a bomb":              {bomb, "more than 200 times its size"},
	} {
		store := memstore.New()
		_, err := Django(t.Context(), bytes.NewReader(c.file), store, Options{})
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%s: error %v, want %q", name, err, c.what)
		}
		if len(contents(t, store).Users) > 0 {
			t.Errorf("%s: users are written", name)
		}
	}
	var export bytes.Buffer
	if _, err := Export(t.Context(), &export, want, ExportOptions{Origin: "x", Now: testNow}); err != nil {
		t.Fatal(err)
	}
	if report, err := Durin(t.Context(), bytes.NewReader(packed(t, export.String())), memstore.New(), Options{}); err != nil || report.Model(userKind).Taken == 0 {
		t.Errorf("an export in gzip: %+v, %v", report, err)
	}
}

// Other forms are named, with the command that makes JSON.
func TestFormsThatAreNotJSON(t *testing.T) {
	units := utf16.Encode([]rune(`[{"model":"auth.user"}]`))
	var little, big []byte
	for _, u := range units {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	const command = "manage.py dumpdata --format json --output dump.json"
	for name, c := range map[string]struct{ text, what, command string }{
		"UTF-16LE without a mark": {string(little), "UTF-16", command},
		"UTF-16BE without a mark": {string(big), "UTF-16", command},
		"UTF-16 with a mark":      {"\xFE\xFF" + string(big), "UTF-16", command},
		"UTF-32":                  {"\xFF\xFE\x00\x00[\x00\x00\x00", "UTF-32", command},
		"XML":                     {"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<django-objects version=\"1.0\">", "XML", command},
		"YAML":                    {"- model: auth.user\n  pk: 1\n", "YAML", command},
		"YAML of fields first":    {"- fields: {x: 1}\n", "YAML", command},
		"YAML with a head":        {"---\n- model: auth.user\n", "YAML", command},
		"SQL":                     {"-- PostgreSQL database dump\n", "database", command},
		"SQLite":                  {"SQLite format 3\x00", "database", command},
		"xz":                      {"\xFD7zXZ\x00\x00", "xz", "xz -d"},
		"bzip2":                   {"BZh91AY", "bzip2", "bunzip2"},
		"zstd":                    {"\x28\xB5\x2F\xFD", "zstd", "zstd -d"},
		"zip":                     {"PK\x03\x04", "ZIP", "unzip"},
		"anything else":           {"hello", "must begin with [", command},
	} {
		_, err := Django(t.Context(), strings.NewReader(c.text), memstore.New(), Options{})
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.what) || !strings.Contains(err.Error(), c.command) {
			t.Errorf("%s: error %v, want %q and %q", name, err, c.what, c.command)
		}
	}
}

// Fixtures written by hand, in the spellings that Django's loaddata takes.
func TestFixturesByHand(t *testing.T) {
	for text, want := range map[string]string{
		"2021-01-02 03:04:05":        "2021-01-02T03:04:05Z",
		"2021-01-02 03:04":           "2021-01-02T03:04:00Z",
		"2021-01-02T03:04:05+0200":   "2021-01-02T01:04:05Z",
		"2021-01-02 03:04:05+02":     "2021-01-02T01:04:05Z",
		"2021-01-02 03:04:05 +02:30": "2021-01-02T00:34:05Z",
		"2021-01-02 03:04:05.5-0130": "2021-01-02T04:34:05.5Z",
		"2021-01-02T03:04:05,25z":    "2021-01-02T03:04:05.25Z",
		"2021-1-2":                   "2021-01-02T00:00:00Z",
		" 2021-01-02T03:04:05Z ":     "2021-01-02T03:04:05Z",
		"2024-02-29 12:00":           "2024-02-29T12:00:00Z",
	} {
		row := replaced(userRow(1, " ada "), "2020-01-01T00:00:01Z", text)
		row = replaced(row, `"is_active":true`, `"is_active":1`)
		dump := array(row, userRow(2, "bob"), clientRow(1, "web", "60", ""), tokenRow(1, "ta", `[" ada"]`, "1"), tokenRow(2, "tb", "2", "1"))
		problems := refused(t, memstore.New(), dump, Options{Zone: time.UTC})
		if len(problems) != 3 {
			t.Errorf("%q: told %v", text, problems)
		}
		store := memstore.New()
		report := take(t, store, dump, Options{Zone: time.UTC, Lenient: true})
		u, err := store.UserByName(t.Context(), "ada")
		if err != nil || !u.Active || u.Created.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %+v, %v, want %s", text, u, err, want)
		}
		if s := lookup(t, store, "ta"); s.UserName != "ada" {
			t.Errorf("%q: the token is %+v", text, s)
		}
		if m := report.Model("auth.user"); m.Mended != 1 || m.Taken != 2 || len(report.Problems) != 3 || report.Problems[0].Action != Mended {
			t.Errorf("%q: told %+v, %v", text, m, report.Problems)
		}
	}
	for _, text := range []string{"2021-02-30 00:00", "2021-01-02 24:00", "2021-13-01", "2021-00-01", "2021-01-02 03:04:05 CET", "02.01.2021", "2021-01-02 03:04:05+25", "2021-01-02 03:60", "2021-01-02 03:04:05+01:99"} {
		problems := refused(t, memstore.New(), array(replaced(userRow(1, "ada"), "2020-01-01T00:00:01Z", text)), Options{})
		wantProblems(t, problems, "date_joined is not an instant")
	}
	for value, active := range map[string]bool{`0`: false, `1`: true, `"True"`: true, `"f"`: false} {
		store := memstore.New()
		take(t, store, array(replaced(userRow(1, "ada"), `"is_active":true`, `"is_active":`+value)), Options{Lenient: true})
		if u, err := store.UserByName(t.Context(), "ada"); err != nil || u.Active != active {
			t.Errorf("%s: %+v, %v", value, u, err)
		}
	}
}

func TestNamesThatDifferInCase(t *testing.T) {
	report := take(t, memstore.New(), readDump(t, "case-casedup.json"), Options{})
	if report.CaseTwins != 2 || !strings.Contains(fmt.Sprint(report.Notes), "LoginNamesFolded") {
		t.Errorf("told %d, %q", report.CaseTwins, report.Notes)
	}
	odd := array(userRow(1, "ju\u0308rgen"), userRow(2, "a\u200bb"), userRow(3, "ada"))
	store := memstore.New()
	report = take(t, store, odd, Options{})
	if report.OddNames != 2 || len(contents(t, store).Users) != 3 {
		t.Errorf("told %d, %q", report.OddNames, report.Notes)
	}
	if _, err := store.UserByName(t.Context(), "a\u200bb"); err != nil {
		t.Errorf("a name did not stay: %v", err)
	}
}

// The answer in JSON has the counts.
func TestReportInJSON(t *testing.T) {
	report := take(t, memstore.New(), readDump(t, "case-customtokenmodel.json"), Options{})
	text, err := json.Marshal(report)
	if err != nil || !strings.Contains(string(text), `"suspects":[{"model":"accounts.token","rows":1,"like":"drf"}]`) {
		t.Errorf("%s, %v", text, err)
	}
}
