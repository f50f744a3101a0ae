package wholetest

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/cli"
	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the tests, and the commands that they run, find this program
// under the name durin.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"durin": func() { os.Exit(cli.Main(os.Args[1:], cli.System())) }})
}

type tests struct{ m *testing.M }

// Run has the servers' logins wait for nobody: the tests log in a lot, on machines
// that may be busy with other tests.
func (t tests) Run() int {
	if err := os.Setenv("DURIN_HASH_NICE", "0"); err != nil {
		panic(err)
	}
	return programtest.Run(t.m)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "ESC=\x1b[31mred", "BIDI=a\u202eb", "BAD=\xff\xfe")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command that must end with a status: exits 2 durin serve now.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%v: exit status %d, want %d", args[1:], got, want)
	}
}
