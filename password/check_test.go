package password_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/password"
)

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		pw, name, want string
	}{
		{"correct horse battery", "alice", ""},
		{"pässwörd", "alice", ""},
		{"ünïcödé", "", "too short"}, // seven characters, more bytes
		{"short", "alice", "too short"},
		{"", "alice", "too short"},
		{"        ", "alice", "blank"},
		{"alice@example.org", "alice@example.org", "user name"},
		{"ALICE@example.org ", "alice@example.org", "user name"},
		{"password", "alice", "common"},
		{"PassWord1", "alice", "common"},
		{"12345678", "alice", "common"},
		{"!@#$%^&*", "alice", "common"},
		{"zzzzzzzz", "alice", "common"},
		{"password\npassword1", "alice", ""},
		{"assword\x00", "alice", "UTF-8"},
		{"passw\xffrd!", "alice", "UTF-8"},
		{strings.Repeat("ab", password.MaxBytes/2), "alice", ""},
		{strings.Repeat("ab", password.MaxBytes/2) + "c", "alice", "at most"},
	} {
		err := password.Check(durin.Secret(test.pw), test.name)
		if test.want == "" {
			if err != nil {
				t.Errorf("Check(%.20q, %q) = %v", test.pw, test.name, err)
			}
			continue
		}
		var field *durin.FieldError
		if !errors.As(err, &field) || field.Field != "password" || !strings.Contains(field.Message, test.want) {
			t.Errorf("Check(%.20q, %q) = %v, want %q", test.pw, test.name, err, test.want)
		}
	}
}

// Every line of the list can be found, and none is without use.
func TestCommonPasswords(t *testing.T) {
	raw, err := os.ReadFile("common.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	if len(lines) < 3000 {
		t.Errorf("only %d lines", len(lines))
	}
	for i, line := range lines {
		if len(line) < password.MinLength || line != strings.ToLower(strings.TrimSpace(line)) || i > 0 && line <= lines[i-1] {
			t.Errorf("line %d, %q: too short, not in small letters or not in order", i+1, line)
		}
		if err := password.Check(durin.Secret(strings.ToUpper(line)), ""); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}
