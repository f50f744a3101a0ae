package sqlstore

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestReadMigrations(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	got, err := readMigrations(fstest.MapFS{
		"m/0002_more.sql":  file("-- min-reader: 2\nCREATE INDEX i\n\tON t (a);\n-- A word; or two;\nDROP TABLE u;\n"),
		"m/0001_first.sql": file("-- min-reader: 1\n\nCREATE TABLE t (\n\ta TEXT DEFAULT 'x;y'\n);"),
	}, "m")
	want := []Migration{
		{Version: 1, Name: "first", MinReader: 1, Statements: []string{"CREATE TABLE t (\n\ta TEXT DEFAULT 'x;y'\n)"}},
		{Version: 2, Name: "more", MinReader: 2, Statements: []string{"CREATE INDEX i\n\tON t (a)", "DROP TABLE u"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v", got, err)
	}
	for name, files := range map[string]fstest.MapFS{
		"gap":       {"m/0002_more.sql": file("-- min-reader: 1\n")},
		"no number": {"m/first.sql": file("-- min-reader: 1\n")},
		"no reader": {"m/0001_first.sql": file("CREATE TABLE t (a INTEGER);")},
	} {
		if all, err := readMigrations(files, "m"); err == nil {
			t.Errorf("%s: read %+v", name, all)
		}
	}
}

// TestMigrationsAlike holds the folders of the dialects against each other.
func TestMigrationsAlike(t *testing.T) {
	first, err := migrationsOf(SQLite)
	if err != nil || len(first) == 0 {
		t.Fatal(first, err)
	}
	for _, d := range []Dialect{PostgreSQL, MySQL} {
		all, err := migrationsOf(d)
		if err != nil || len(all) != len(first) {
			t.Fatalf("%s has %d migrations: %v", d, len(all), err)
		}
		for i, m := range all {
			if m.Name != first[i].Name || m.MinReader != first[i].MinReader || len(m.Statements) == 0 {
				t.Errorf("%s: migration %d is %s and needs %d", d, m.Version, m.Name, m.MinReader)
			}
		}
	}
	if _, err := engineOf("oracle"); err == nil || !strings.Contains(err.Error(), "oracle") {
		t.Errorf("an engine that there is not: %v", err)
	}
}

func TestPending(t *testing.T) {
	known := func(version, reader int, applied bool) Migration {
		m := Migration{Version: version, MinReader: reader, Statements: []string{"SELECT 1"}}
		if applied {
			m.Applied = time.Unix(1, 0)
		}
		return m
	}
	later := func(version, reader int) Migration {
		return Migration{Version: version, MinReader: reader, Applied: time.Unix(1, 0)}
	}
	for name, test := range map[string]struct {
		all   []Migration
		steps int
		fits  bool
	}{
		"new":                        {[]Migration{known(1, 1, false), known(2, 1, false)}, 2, true},
		"older":                      {[]Migration{known(1, 1, true), known(2, 1, false)}, 1, true},
		"up to date":                 {[]Migration{known(1, 1, true), known(2, 1, true)}, 0, true},
		"later and compatible":       {[]Migration{known(1, 1, true), later(2, 1)}, 0, true},
		"later and not":              {[]Migration{known(1, 1, true), later(2, 2)}, 0, false},
		"later, with one in between": {[]Migration{known(1, 1, true), later(2, 2), later(3, 1)}, 0, false},
	} {
		steps, err := pending(test.all)
		if len(steps) != test.steps || (err == nil) != test.fits || err != nil && !errors.Is(err, ErrSchema) {
			t.Errorf("%s: %d steps, %v", name, len(steps), err)
		}
	}
}

// A program of the version before goes on in a schema whose last migrations only
// add: tables, columns that need not be given, indexes that refuse nothing. Every
// other migration says that it needs a program that knows it. MySQL's do the same
// in other words, for they may be run twice.
func TestMigrationsOutliveOlderPrograms(t *testing.T) {
	for _, d := range []Dialect{SQLite, PostgreSQL} {
		all, err := migrationsOf(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all[1:] {
			made := map[string]bool{}
			for _, text := range m.Statements {
				if m.MinReader < m.Version && !onlyAdds(text, made) {
					t.Errorf("%s: %04d_%s says that version %d can go on, but not with: %s", d, m.Version, m.Name, m.MinReader, text)
				}
			}
		}
	}
}

var (
	makesTable  = regexp.MustCompile(`^CREATE TABLE (\w+) `)
	addsIndex   = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX \w+\s+ON (\w+) \((\w+)`)
	addsColumn  = regexp.MustCompile(`^ALTER TABLE (\w+)\s+ADD COLUMN (\w+) [^,]*$`)
	mustBeGiven = regexp.MustCompile(`NOT NULL`)
)

// onlyAdds reports a statement that statements of before never notice. Made has
// the tables and columns that the same migration has made.
func onlyAdds(text string, made map[string]bool) bool {
	if m := makesTable.FindStringSubmatch(text); m != nil {
		made[m[1]] = true
		return true
	}
	if m := addsColumn.FindStringSubmatch(text); m != nil {
		made[m[2]] = true
		return made[m[1]] || !mustBeGiven.MatchString(text) || strings.Contains(text, " DEFAULT ")
	}
	if m := addsIndex.FindStringSubmatch(text); m != nil {
		return m[1] == "" || made[m[2]] || made[m[3]]
	}
	return false
}
