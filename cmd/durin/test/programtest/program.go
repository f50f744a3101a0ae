package programtest

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/cli"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// Main runs a package's tests, or the program when the test's binary is called
// by the program's name: see Itself. It does not return.
func Main(m *testing.M) {
	if filepath.Base(os.Args[0]) == "durin" {
		os.Exit(cli.Main(os.Args[1:], cli.System()))
	}
	os.Exit(Run(m))
}

// Run runs a package's tests, stops the database servers that they have
// started, and removes what was built. Parallel tests go on four at a time,
// unless -parallel says otherwise: those of processes wait more than they compute.
func Run(m *testing.M) int {
	_ = flag.Set("test.parallel", "4")
	code := servers.Main(m)
	builds.Lock()
	defer builds.Unlock()
	for _, file := range builds.done {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	return code
}

// Itself is a path at which the test's binary is the program.
func Itself(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	path := filepath.Join(t.TempDir(), "durin")
	if err == nil {
		err = os.Symlink(self, path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// builds are the files of programs, by what they were built from.
var builds struct {
	sync.Mutex
	done map[string]string
}

// Build compiles the program of a source tree with go build's flags, once for
// all tests of the package, and returns the file, whose name is durin.
func Build(t testing.TB, tree string, flags ...string) string {
	t.Helper()
	servers.NotShort(t, "the built program")
	builds.Lock()
	defer builds.Unlock()
	what := strings.Join(append([]string{tree}, flags...), "\x00")
	if file := builds.done[what]; file != "" {
		return file
	}
	dir, err := os.MkdirTemp("", "durin-program-")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "durin")
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", file, ".")...)
	cmd.Dir = filepath.Join(tree, "cmd", "durin")
	if out, err := cmd.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if builds.done == nil {
		builds.done = map[string]string{}
	}
	builds.done[what] = file
	return file
}

// Environ is this process's environment without the program's settings, and
// with some of the test's own.
func Environ(own ...string) []string {
	return append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DURIN_") }), own...)
}
