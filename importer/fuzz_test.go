package importer

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/durin-go/durin/memstore"
)

// FuzzDjango: whatever the dump holds, the import neither panics nor fails in
// another way than it promises, strict and lenient agree, and a second import
// changes nothing.
func FuzzDjango(f *testing.F) {
	files, err := filepath.Glob("testdata/dump*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var rows []json.RawMessage
		if json.Unmarshal(text, &rows) == nil && !strings.Contains(file, "credentials") {
			for _, n := range []int{0, len(rows) / 2, len(rows) - 1} {
				f.Add("[" + string(rows[n]) + "]")
			}
		}
	}
	f.Add(array(userRow(1, "alice"), clientRow(1, "web", "60", "-1/m"), tokenRow(1, "ta", "1", "1")))
	f.Add(array(tokenRow(1, "ta", `["alice"]`, `["web"]`), drfRow, multiRow, userRow(1, "alice"), clientRow(1, "web", "0", "x")))
	f.Add(userRow(1, "alice") + "\n" + clientRow(1, "web", "60", ""))
	f.Fuzz(func(t *testing.T, dump string) { checkImport(t, dump) })
}

// FuzzRows: the same for well-formed rows with few keys, names and tokens, so
// that they meet in every way. Six bytes make a row.
func FuzzRows(f *testing.F) {
	for seed := range uint64(20) {
		program := make([]byte, 6*(3+seed))
		random := rand.New(rand.NewPCG(seed, 1))
		for i := range program {
			program[i] = byte(random.UintN(256))
		}
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) { checkImport(t, rowsOf(program)) })
}

func rowsOf(program []byte) string {
	pks := []string{"", `"pk":1,`, `"pk":2,`, `"pk":3,`, `"pk":null,`, `"pk":"x",`, `"pk":0,`, `"pk":9223372036854775807,`}
	names := []string{`"a"`, `"b"`, `"c"`, `" a"`, `""`, `null`, `"drf"`, `"\u0061"`}
	refs := []string{`1`, `2`, `3`, `["a"]`, `["b"]`, `"x"`, `0`, `["drf"]`}
	secrets := []string{`"t1"`, `"t2"`, `"t3"`, `"t4"`, `"t5"`, `"t 6"`, `"0fc13e3c"`, `7`}
	pick := func(from []string, b byte) string { return from[int(b)%len(from)] }
	var rows []string
	for chunk := range slices.Chunk(program, 6) {
		if len(chunk) < 6 || len(rows) == 64 {
			break
		}
		pk, name, user, client, secret := pick(pks, chunk[1]), pick(names, chunk[2]), pick(refs, chunk[3]), pick(refs, chunk[4]), pick(secrets, chunk[5])
		rows = append(rows, pick([]string{
			`{"model":"auth.user",` + pk + `"fields":{"username":` + name + `,"password":"!","is_active":true,"date_joined":"2020-01-01T00:00:00Z"}}`,
			`{"model":"durin.client",` + pk + `"fields":{"name":` + name + `,"token_ttl":"60"}}`,
			`{"model":"durin.authtoken",` + pk + `"fields":{"token":` + secret + `,"user":` + user + `,"client":` + client + `,"created":"2020-01-01T00:00:00Z","expiry":"2099-01-01T00:00:00Z"}}`,
			`{"model":"drf_multitokenauth.multitoken",` + pk + `"fields":{"key":` + secret + `,"user":` + user + `,"created":"2020-01-01T00:00:00Z"}}`,
			`{"model":"authtoken.token","pk":` + secret + `,"fields":{"user":` + user + `,"created":"2020-01-01T00:00:00Z"}}`,
		}, chunk[0]))
	}
	return array(rows...)
}

func checkImport(t *testing.T, dump string) {
	t.Helper()
	strict, lenient := memstore.New(), memstore.New()
	_, strictErr := Django(t.Context(), strings.NewReader(dump), strict, Options{Now: testClock})
	report, err := Django(t.Context(), strings.NewReader(dump), lenient, Options{Lenient: true, Now: testClock})
	var format *FormatError
	var rows *RowsError
	var zone *ZoneError
	var nothing *NothingError
	switch {
	case errors.As(err, &nothing):
		if strictErr == nil || len(contents(t, lenient).Users) > 0 {
			t.Fatalf("lenient: %v, strict: %v", err, strictErr)
		}
		return
	case errors.As(err, &format):
		if !errors.As(strictErr, &format) {
			t.Fatalf("lenient: %v, strict: %v", err, strictErr)
		}
		return
	case err != nil:
		t.Fatal(err)
	case errors.As(strictErr, &rows) != (len(report.Problems) > 0) || errors.As(strictErr, &zone) != (report.Naive > 0) || strictErr != nil && rows == nil && zone == nil:
		t.Fatalf("strict: %v, lenient: %+v", strictErr, report.Problems)
	}
	for _, m := range report.Models {
		if m.Read != m.Taken+m.Known+m.LeftOut || m.Known > 0 {
			t.Errorf("counts %+v", *m)
		}
	}
	again, err := Django(t.Context(), strings.NewReader(dump), lenient, Options{Lenient: true, Now: testClock})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range again.Models {
		if m.Taken > 0 {
			t.Errorf("taken again: %+v in %s", *m, dump)
		}
	}
}
