package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/durin-go/durin"
)

// How each field of a client and of a user is changed by a flag alone. The fields that
// nobody may change have none.
var (
	clientChanges = map[string][]string{
		"ID": nil, "Created": nil,
		"Name": {"--name=other"}, "TTL": {"--ttl=3h"}, "Rate": {"--throttle=7/m"}, "Policy": {"--policy=replace"}, "MaxTokens": {"--max-tokens=9"},
		"Sliding": {"--sliding=5m"}, "MaxLife": {"--max-life=90d"}, "Rotate": {"--rotate"}, "NoPassword": {"--no-password"}, "Cookie": {"--cookie"},
		"Description": {"--description=of ours"},
	}
	userChanges = map[string][]string{
		"ID": nil, "Created": nil, "LastLogin": nil,
		"Name": {"--name=other"}, "Password": {"--password-stdin"}, "Active": {"--deactivate"}, "Admin": {"--admin"},
	}
)

// TestEveryFieldIsSeen: a field of a client or a user can be changed by a flag alone,
// and the change is seen by show --json, in the audit log and in an export, whose key
// the documentation names.
func TestEveryFieldIsSeen(t *testing.T) {
	for noun, of := range map[string]struct {
		fields  reflect.Type
		changes map[string][]string
		create  []string
	}{
		"client": {reflect.TypeFor[durin.Client](), clientChanges, []string{"--policy=evict", "--max-tokens=2", "--ttl=2h"}},
		"user":   {reflect.TypeFor[durin.User](), userChanges, []string{"--password-stdin"}},
	} {
		for i := range of.fields.NumField() {
			field := of.fields.Field(i).Name
			change, known := of.changes[field]
			if !known {
				t.Errorf("%s.%s: name the flag that changes it, here", of.fields, field)
			}
			if change == nil {
				continue
			}
			t.Run(noun+" "+field, func(t *testing.T) {
				t.Parallel()
				s := seen{t, "--db=" + filepath.Join(t.TempDir(), "durin.db"), noun, "one"}
				s.run("correct horse battery", append([]string{noun, "create", "one"}, of.create...)...)
				shown, exported, audited := s.shown(), s.exported(), s.audited()
				s.run("another horse battery", append([]string{noun, "update", "one"}, change...)...)
				if field == "Name" {
					s.name = "other"
				}
				if field != "Password" && s.shown() == shown {
					t.Errorf("durin %s show --json does not show it: %s", noun, shown)
				}
				if s.exported() == exported {
					t.Errorf("durin export does not have it: %s", exported)
				}
				if now := s.audited(); now == audited || now == "{}" {
					t.Errorf("the audit log does not tell of it: %s", now)
				}
			})
		}
	}
}

// seen is what the program shows of a client or user in a database.
type seen struct {
	t              *testing.T
	db, noun, name string
}

func (s *seen) run(in string, args ...string) string {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	if status := Main(append(args, s.db), World{In: strings.NewReader(in + "\n"), Out: &stdout, Err: &stderr}); status != 0 {
		s.t.Fatalf("durin %v: status %d, %s", args, status, &stderr)
	}
	return stdout.String()
}

func (s *seen) shown() string { return s.run("", s.noun, "show", s.name, "--json") }

// exported is the row of an export, whose keys the documentation names.
func (s *seen) exported() string {
	page, err := os.ReadFile("../../../../docs/moving-from-django.md")
	if err != nil {
		s.t.Fatal(err)
	}
	_, named, found := strings.Cut(string(page), "| `"+s.noun+"` |")
	named, _, _ = strings.Cut(named, "\n")
	if !found {
		s.t.Fatalf("docs/moving-from-django.md has no row for the line %q of an export", s.noun)
	}
	for line := range strings.Lines(s.run("", "export", "-")) {
		var row map[string]map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			s.t.Fatal(err)
		}
		if row[s.noun]["name"] != s.name {
			continue
		}
		for key := range row[s.noun] {
			if !strings.Contains(named, "`"+key+"`") {
				s.t.Errorf("docs/moving-from-django.md does not name %q of the line %q of an export", key, s.noun)
			}
		}
		return line
	}
	s.t.Fatalf("no %s %s in the export", s.noun, s.name)
	return ""
}

// audited is the newest row of the audit log, but for its time and number.
func (s *seen) audited() string {
	var rows []struct {
		Action  string
		Details map[string]any
	}
	text := s.run("", "audit", "list", "--json")
	if err := json.Unmarshal([]byte(text), &rows); err != nil || len(rows) == 0 {
		s.t.Fatalf("the audit log: %v, %s", err, text)
	}
	details, _ := json.Marshal(rows[0].Details)
	if rows[0].Action == s.noun+".update" {
		return string(details)
	}
	return rows[0].Action + string(details)
}
