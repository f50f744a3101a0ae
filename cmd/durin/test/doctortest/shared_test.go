package doctortest

import (
	"os"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/doctor"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

func TestExamineShared(t *testing.T) {
	db, redis := servers.PostgreSQL(t).URL, "redis://"+servers.Redis(t)
	tests := []struct {
		name  string
		args  []string
		part  string
		grade doctor.Grade
		words string
	}{
		{"NOTIFY by itself", []string{"--db", db}, "notify", doctor.OK, "at once"},
		{"a pooler", []string{"--db", db + "&default_query_exec_mode=exec"}, "notify", "none", ""},
		{"past a pooler", []string{"--db", db + "&default_query_exec_mode=exec", "--notify", db}, "notify", doctor.OK, "at once"},
		{"NOTIFY off", []string{"--db", db, "--notify", "off"}, "notify", "none", ""},
		{"NOTIFY elsewhere", []string{"--db", db, "--notify", "postgres://a:open-sesame@127.0.0.1:1/x"}, "notify", doctor.Warning, "polling"},
		{"Redis", []string{"--db", db, "--redis", redis}, "redis", doctor.OK, "counts"},
		{"Redis goes before NOTIFY", []string{"--db", db, "--redis", redis}, "notify", "none", ""},
		{"no Redis", []string{"--db", db, "--redis", "redis://:open-sesame@127.0.0.1:1"}, "redis", doctor.Fault, "does not answer"},
		{"a bad database of Redis", []string{"--db", db, "--redis", "redis://:open-sesame@127.0.0.1:1/x"}, "redis", doctor.Fault, "database number"},
	}
	for _, test := range tests {
		c, err := settings(t, test.args...)
		if err != nil {
			t.Fatal(err)
		}
		found := doctor.Examine(t.Context(), c, nil, err)
		if f := find(found, test.part); f.Grade != test.grade || !strings.Contains(f.Found+f.Mend, test.words) {
			t.Errorf("%s: %+v, want %s: %s", test.name, f, test.grade, test.words)
		}
		for _, f := range found {
			if strings.Contains(f.Found+f.Mend, "sesame") {
				t.Errorf("%s: a password is shown: %+v", test.name, f)
			}
		}
	}
}
