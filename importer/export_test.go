package importer

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/transfer"
)

func export(t *testing.T, store *memstore.Store, origin string) string {
	t.Helper()
	var b bytes.Buffer
	report, err := Export(t.Context(), &b, store, ExportOptions{Origin: origin, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(b.String(), "\n"); lines != report.Clients+report.Users+report.Tokens+report.Taken+2 {
		t.Errorf("%d lines, and the report %+v", lines, report)
	}
	return b.String()
}

func takeExport(t *testing.T, store transfer.Importer, text string, opts Options) *Report {
	t.Helper()
	opts.Now = testClock
	report, err := Durin(t.Context(), strings.NewReader(text), store, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// filledStore has a row of each kind with every field set.
func filledStore(t *testing.T) *memstore.Store {
	t.Helper()
	store, at := memstore.New(), time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	c := durin.Client{
		ID: 7, Name: "tv <ü>", TTL: 90*time.Minute + time.Microsecond, Rate: durin.Rate{N: 5, Period: time.Hour}, Policy: durin.PolicyEvict, MaxTokens: 3,
		Sliding: time.Minute, MaxLife: 300 * time.Hour, Rotate: time.Minute, NoPassword: true, Cookie: true, Description: "Für \"Ada\"\n", Created: at,
	}
	u := durin.User{ID: "9", Name: "ada@example.org", Password: "$argon2id$x", Active: true, Admin: true, Created: at, LastLogin: at.Add(time.Hour)}
	k := transfer.Token{
		ID: 11, Digest: durin.Secret("clear").Digest(), Seal: []byte{0, 1, 255}, UserID: "9", Client: c.Name, Created: at, IssuedAt: at.Add(1), ExpiresAt: at.Add(time.Hour * 99),
		Ceiling:  at.Add(time.Hour * 100),
		LastUsed: at.Add(time.Minute), Device: durin.Device{Name: "läptop", Address: "2001:db8::1", Agent: "curl/8"},
	}
	legacy := transfer.LegacyDigest(sha512.Sum512([]byte("knox")))
	l := transfer.Token{ID: 12, Digest: transfer.Placeholder(legacy), Legacy: &legacy, UserID: "9", Client: "plain", Created: at, IssuedAt: at}
	for _, fixture := range []any{c, u, k} {
		for i, v := 0, reflect.ValueOf(fixture); i < v.NumField(); i++ {
			if v.Field(i).IsZero() && v.Type().Field(i).Name != "Legacy" {
				t.Fatalf("%s of %s is not set", v.Type().Field(i).Name, v.Type())
			}
		}
	}
	rows := []transfer.Row{
		{Source: "django:client", Key: "7", Client: &c}, {Source: "django:client", Key: "8", Client: &durin.Client{Name: "plain", TTL: durin.Never, MaxLife: durin.Never, Policy: durin.PolicyReuse}},
		{Source: "django:user", Key: "9", User: &u}, {Source: "django:user", Key: "10", User: &durin.User{Name: "idle"}},
		{Source: "django:token", Key: k.Digest.String(), Token: &k}, {Source: "django:token", Key: l.Digest.String(), Token: &l},
	}
	results, err := store.Import(t.Context(), rows, testNow, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Outcome != transfer.Imported {
			t.Fatalf("row %d: %+v", i, r)
		}
	}
	return store
}

func TestExportKeepsEverything(t *testing.T) {
	store := filledStore(t)
	text := export(t, store, "here")
	other := memstore.New()
	for range 2 {
		report := takeExport(t, other, text, Options{DryRun: true})
		if got := contents(t, other); len(got.Clients)+len(got.Users) > 0 || report.Model("session").Taken != 2 {
			t.Fatalf("a rehearsal: %+v, %+v", got, report)
		}
	}
	wantCounts(t, takeExport(t, other, text, Options{}),
		ModelReport{Model: "client", Read: 2, Taken: 2}, ModelReport{Model: "user", Read: 2, Taken: 2},
		ModelReport{Model: "session", Read: 2, Taken: 2}, ModelReport{Model: "import", Read: 6, Taken: 4, Known: 2},
	)
	if got, want := contents(t, other), contents(t, store); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	theirs, _ := other.ExportTokens(t.Context(), 0, 9)
	ours, _ := store.ExportTokens(t.Context(), 0, 9)
	if !reflect.DeepEqual(theirs, ours) {
		t.Errorf("got\n%+v, want\n%+v", theirs, ours)
	}
	if strings.Contains(text, "clear") {
		t.Error("a token is there in clear")
	}
	// What is taken is not touched again, and what earlier imports took is known.
	if _, err := other.End(t.Context(), durin.Selection{ID: 11}, testNow); err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.DeleteUser(t.Context(), "10", testNow); err != nil {
		t.Fatal(err)
	}
	before := contents(t, other)
	wantCounts(t, takeExport(t, other, text, Options{}),
		ModelReport{Model: "client", Read: 2, Known: 2}, ModelReport{Model: "user", Read: 2, Known: 2},
		ModelReport{Model: "session", Read: 2, Known: 2}, ModelReport{Model: "import", Read: 6, Known: 6},
	)
	results, err := other.Import(t.Context(), []transfer.Row{{Source: "django:user", Key: "10", User: &durin.User{Name: "idle"}}}, testNow, false)
	if err != nil || results[0].Outcome != transfer.KnownBefore {
		t.Errorf("the Django dump again: %+v, %v", results, err)
	}
	if after := contents(t, other); !reflect.DeepEqual(after, before) {
		t.Error("the second import changed the store")
	}
}

// Ids that are taken by others, and names that are.
func TestExportIntoAStoreInUse(t *testing.T) {
	text := export(t, filledStore(t), "here")
	other, ring := memstore.New(), testRing(t)
	rows := []transfer.Row{
		{Source: "django:user", Key: "9", User: &durin.User{ID: "9", Name: "somebody else", Active: true}},
		{Source: "django:client", Key: "7", Client: &durin.Client{ID: 7, Name: "other", TTL: time.Hour}},
		{Source: "x", Key: "1", Client: &durin.Client{Name: "plain", TTL: time.Hour}},
		{Source: "x", Key: "2", User: &durin.User{Name: "idle", Created: testNow}},
	}
	if _, err := other.Import(t.Context(), rows, testNow, false); err != nil {
		t.Fatal(err)
	}
	report := takeExport(t, other, text, Options{Keyring: ring})
	wantCounts(t, report,
		ModelReport{Model: "client", Read: 2, Taken: 1, Known: 1, Mended: 1}, ModelReport{Model: "user", Read: 2, Taken: 1, Mended: 1, LeftOut: 1},
		ModelReport{Model: "session", Read: 2, Taken: 2}, ModelReport{Model: "import", Read: 6, Known: 2, LeftOut: 4},
	)
	wantProblems(t, report.Problems, "mended: row 3 (client 7): its id 7 is not free here: it becomes 9", "mended: row 4 (user 9): its id 9 is not free here: it becomes 11",
		"left out: row 5 (user 10): another user has that name")
	if report.Unsealed != 1 || len(report.Notes) != 3 {
		t.Errorf("%d unsealed, notes %q", report.Unsealed, report.Notes)
	}
	if s := lookup(t, other, "clear"); s.UserName != "ada@example.org" || s.UserID == "9" || s.Client.Name != "tv <ü>" || s.Client.ID == 7 {
		t.Errorf("%+v", s)
	}
	if again := takeExport(t, other, text, Options{}); again.Model("session").Known != 2 || again.Model("user").Known != 1 {
		t.Errorf("%+v", again.Models)
	}
}

func TestExportDamaged(t *testing.T) {
	text := export(t, filledStore(t), "here")
	lines := strings.SplitAfter(text, "\n")
	swapped := append(append([]string{lines[0], lines[3], lines[1]}, lines[2]), lines[4:]...)
	for name, bad := range map[string]string{
		"empty": "", "cut at a line": strings.Join(lines[:5], ""), "cut": text[:len(text)/2], "a line less": strings.Replace(text, lines[2], "", 1),
		"order": strings.Join(swapped, ""), "twice": text + text, "no header": strings.Join(lines[1:], ""),
		"later form": strings.Replace(text, `"format":2`, `"format":3`, 1), "a dump of Django": readDump(t, "dump.json"),
		"unknown": strings.Replace(text, `"policy"`, `"police"`, 1), "digest": strings.Replace(text, `"sha256":"`, `"sha256":"00`, 1),
		"name": strings.Replace(text, `"name":"idle"`, `"name":""`, 1), "origin": strings.Replace(text, `"origin":"here"`, `"origin":"a:b"`, 1),
	} {
		store := memstore.New()
		_, err := Durin(t.Context(), strings.NewReader(bad), store, Options{Now: testClock})
		var format *FormatError
		if !errors.As(err, &format) {
			t.Errorf("%s: %v", name, err)
		}
		if got := contents(t, store); len(got.Clients)+len(got.Users)+len(got.Sessions) > 0 {
			t.Errorf("%s: something was written", name)
		}
	}
}

func TestExportInterrupted(t *testing.T) {
	from := memstore.New()
	take(t, from, generatedText(t, 500), Options{})
	text, want := export(t, from, "here"), contents(t, from)
	store := memstore.New()
	for round := range 20 {
		_, err := Durin(t.Context(), strings.NewReader(text), &failing{store, 2}, Options{Now: testClock})
		if err == nil {
			if got := contents(t, store); !reflect.DeepEqual(got, want) || round < 2 {
				t.Errorf("round %d: the stores differ", round)
			}
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	t.Fatal("it never comes to an end")
}

func generatedText(t *testing.T, users int) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(onlyReader{newGenerated(users)}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func FuzzDurin(f *testing.F) {
	f.Add(`{"durin":{"format":1,"origin":"o","exported":"2026-01-01T00:00:00Z"}}` + "\n" + `{"end":{"clients":0,"users":0,"tokens":0,"taken":0}}`)
	f.Add(`{"durin":{"format":1,"origin":"o","exported":"2026-01-01T00:00:00Z"}}` + "\n" + `{"client":{"id":1,"name":"a","ttl":null,"policy":"reuse","max_life":0}}` + "\n" +
		`{"user":{"id":"1","name":"u","password":"!","active":true}}` + "\n" + `{"token":{"id":1,"sha256":"` + strings.Repeat("00", 32) + `","user":"1","client":"a"}}` + "\n" +
		`{"taken":{"source":"django:user","key":"1","id":1}}` + "\n" + `{"end":{"clients":1,"users":1,"tokens":1,"taken":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		store := memstore.New()
		report, err := Durin(t.Context(), strings.NewReader(text), store, Options{Now: testClock})
		if err != nil {
			return
		}
		again, err := Durin(t.Context(), strings.NewReader(text), store, Options{Now: testClock})
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range again.Models {
			if m.Taken != 0 || m.Read != report.Models[i].Read {
				t.Errorf("the second import: %s", fmt.Sprint(*m))
			}
		}
	})
}
