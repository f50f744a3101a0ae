package wholetest

import (
	"net/url"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

const (
	userName = programtest.User
	password = programtest.Password
)

type answer = programtest.Answer

// A server is this program, serving in a folder.
type server struct{ *programtest.Server }

func in(t *testing.T, dir string) *server {
	return &server{&programtest.Server{T: t, Program: "durin", Dir: dir}}
}

// run runs the program once in dir, and returns what it wrote to standard
// output.
func run(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	return in(t, dir).Run(stdin, args...)
}

// prepared is a folder with a database that has a user and the client web.
func prepared(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	in(t, dir).Prepare()
	return dir
}

// start serves in dir on a port that the system picks.
func start(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	s := in(t, dir)
	s.Args = args
	s.Start()
	return s
}

func credentials() url.Values { return programtest.Credentials(userName, password, "web") }
