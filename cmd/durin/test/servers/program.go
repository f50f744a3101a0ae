package servers

import (
	"os"
	"testing"
)

// Program is the path of an installed program that a test runs itself, which is
// installed from the Debian package of that name where it may be. A test that
// cannot have it is skipped, or fails where the variable CI is set.
func Program(t testing.TB, name, packages string) string {
	t.Helper()
	NotShort(t, name)
	k := &kind{name: name, packages: packages, binaries: []string{name}}
	if err := k.installed(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return binary(name)
}

// Port is one that was free a moment ago on this machine.
func Port(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
