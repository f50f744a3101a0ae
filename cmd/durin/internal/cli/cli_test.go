package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// do runs the program with nothing but args and a folder, and returns what it
// wrote.
func do(t *testing.T, environ []string, args ...string) (status int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = Main(args, World{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Environ: environ})
	return status, stdout.String(), stderr.String()
}

// TestHelp holds that every command explains itself with an example.
func TestHelp(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s: no word about it", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() && cmd.Name() != "help" && !strings.Contains(cmd.Example, "durin ") {
			t.Errorf("%s: no example", cmd.CommandPath())
		}
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	root := newRoot(World{})
	visit(root)
}

// TestPromisedNames holds the names that other people's scripts rely on.
func TestPromisedNames(t *testing.T) {
	promised := map[string]string{
		"serve": "addr addr-file db mount token-ttl token-length token-prefix auth-scheme login-user expiry-format timezone cache-ttl refresh-on-login " +
			"api-access-client api-access-hide-session api-access-show-token throttle login-limit prune-after trusted-proxies public-url key-file tls-cert tls-key cors-origin ops-addr demo config",
		"migrate": "status dry-run db", "client create": "ttl throttle policy max-tokens db", "client list": "json", "client show": "json", "client update": "ttl throttle",
		"client delete": "yes", "user create": "admin password-stdin", "user list": "json", "user show": "json",
		"user update": "activate deactivate admin no-admin password-stdin", "user delete": "yes", "token create": "ttl", "token list": "user client",
		"token revoke": "user client yes", "token prune": "", "import django": "lenient dry-run", "keyring create": "print key-file", "keyring rotate": "", "keyring show": "", "doctor": "", "version": "", "completion": "",
	}
	root := newRoot(World{})
	for path, flags := range promised {
		cmd, _, err := root.Find(strings.Fields(path))
		if err != nil || cmd.CommandPath() != "durin "+path {
			t.Errorf("there is no %s: %v", path, err)
			continue
		}
		for _, name := range strings.Fields(flags) {
			if cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s has no --%s", path, name)
			}
		}
	}
}

func TestStatus(t *testing.T) {
	db := "--db=" + filepath.Join(t.TempDir(), "durin.db")
	tests := []struct {
		status int
		args   []string
		err    string
	}{
		{0, []string{"version"}, ""},
		{0, []string{"client", "create", "web", db}, "Brought the schema"},
		{1, []string{"client", "create", "web", db}, "name: client with this name already exists."},
		{1, []string{"client", "show", "x", db}, `there is no client "x"`},
		{2, []string{"client", "delete", "web", db}, "--yes"},
		{2, []string{"user", "create", "ada", db}, "--password-stdin"},
		{2, []string{"frobnicate"}, "unknown command"},
		{2, []string{"client", "frobnicate"}, "\"frobnicate\"; durin client has: "},
		{2, []string{"client", "lst"}, "did you mean durin client list?\nTry durin client --help."},
		{2, []string{"serve", "--frobnicate"}, "unknown flag"},
		{2, []string{"client", "show", db}, "0 arguments given; write: durin client show NAME"},
		{2, []string{"completion", "bosh"}, "invalid argument \"bosh\" for \"durin completion\""},
		{2, []string{"completion"}, "0 arguments given; write: durin completion SHELL"},
		{2, []string{"version", "x"}, "1 argument given; write: durin version"},
		{2, []string{"keyring", "create", "x", "y"}, "2 arguments given; write: durin keyring create"},
	}
	for _, test := range tests {
		status, _, err := do(t, nil, test.args...)
		if status != test.status || !strings.Contains(err, test.err) {
			t.Errorf("%v: %d, %s", test.args, status, err)
		}
	}
}

func TestOutageIsToldByItsCause(t *testing.T) {
	status, _, err := do(t, []string{"DURIN_DB=postgres://ada:open-sesame@127.0.0.1:1/x"}, "client", "list")
	if status != 1 || strings.Contains(err, "Try again shortly") || !strings.Contains(err, "127.0.0.1") || strings.Contains(err, "open-sesame") {
		t.Errorf("%d: %s", status, err)
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"a/b.db": "a/b.db", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'"} {
		if got := shellWord(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
