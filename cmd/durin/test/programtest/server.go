package programtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// User is the name of the user that Prepare makes, and Password the password.
const (
	User     = "ada-lovelace"
	Password = "correct horse battery staple"
)

// patience is how long something may take that comes about soon on any machine,
// a start or a stop.
const patience = time.Minute

// A Server is the program in a folder: its commands and, once it is started, a
// process that serves. It may be started again after it has ended. Its methods
// end the test when they fail; the process ends with the test.
type Server struct {
	T       testing.TB
	Program string   // a file, or a name to look up in PATH
	Dir     string   // where it is run
	Env     []string // nil is this process's environment
	Args    []string // of serve, beside the address

	Addr string        // host:port, when it serves
	Cmd  *exec.Cmd     // the process that was started last
	Done chan struct{} // closed when that has ended
	HTTP *http.Client  // sends requests to it; certificates are not verified

	own string // folder of the address and of what is written
	err *error // of the process, once it is done
}

// Command is a command that is not run yet. It gets some minutes.
func (s *Server) Command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(s.T.Context(), 4*patience)
	s.T.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, s.Program, args...)
	cmd.Dir, cmd.Env = s.Dir, s.Env
	return cmd
}

// TryRun runs a command that may fail.
func (s *Server) TryRun(stdin string, args ...string) (stdout, stderr string, err error) {
	cmd := s.Command(args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// Run runs a command, and returns what it wrote to standard output.
func (s *Server) Run(stdin string, args ...string) string {
	s.T.Helper()
	stdout, stderr, err := s.TryRun(stdin, args...)
	if err != nil {
		s.T.Fatalf("durin %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

// Prepare brings the database up to date and makes User, and the client web.
func (s *Server) Prepare() {
	s.T.Helper()
	s.Run("", "migrate")
	s.Run("", "client", "create", "web")
	s.Run(Password, "user", "create", User, "--password-stdin")
}

// Start starts the server, and waits until it serves.
func (s *Server) Start() {
	s.T.Helper()
	s.Launch()
	s.Await()
}

// Launch starts the server and does not wait. Unless Args say otherwise it will
// serve on a port that the system picks.
func (s *Server) Launch() {
	s.T.Helper()
	if s.own == "" {
		s.own = s.T.TempDir()
		s.HTTP = &http.Client{Timeout: patience, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 256,
		}}
		s.T.Cleanup(s.end)
	}
	_ = os.Remove(s.file("addr"))
	args := slices.Concat([]string{"serve", "--addr", "127.0.0.1:0", "--addr-file", s.file("addr")}, s.Args)
	cmd := exec.Command(s.Program, args...)
	cmd.Dir, cmd.Env = s.Dir, s.Env
	out, errs := s.open("out"), s.open("log")
	defer func() { _ = out.Close(); _ = errs.Close() }()
	cmd.Stdout, cmd.Stderr = out, errs
	if err := cmd.Start(); err != nil {
		s.T.Fatal(err)
	}
	done, ended := make(chan struct{}), new(error)
	s.Cmd, s.Done, s.err = cmd, done, ended
	go func() { *ended = cmd.Wait(); close(done) }()
}

// Await waits until the server has told its address.
func (s *Server) Await() {
	s.T.Helper()
	s.Eventually("it serves", func() bool {
		select {
		case <-s.Done:
			s.T.Fatalf("the server ended: %v\n%s", *s.err, s.Log())
		default:
		}
		return s.Serves()
	})
}

// Serves reports whether the server has told its address.
func (s *Server) Serves() bool {
	text, err := os.ReadFile(s.file("addr"))
	if at := strings.TrimSpace(string(text)); err == nil && at != s.Addr {
		s.Addr = at // requests to an address that stays may be under way
	}
	return err == nil
}

// Signal sends the process a signal, and does not wait for what it does.
func (s *Server) Signal(signal syscall.Signal) {
	s.T.Helper()
	if err := s.Cmd.Process.Signal(signal); err != nil {
		s.T.Fatal(err)
	}
}

// Stop asks the server to end, and waits until it has.
func (s *Server) Stop() {
	s.T.Helper()
	s.Signal(syscall.SIGTERM)
	s.Wait()
}

// Wait waits until the server has ended as it was asked to.
func (s *Server) Wait() {
	s.T.Helper()
	select {
	case <-s.Done:
		if *s.err != nil {
			s.T.Fatalf("the server ended with %v\n%s", *s.err, s.Log())
		}
	case <-time.After(patience):
		s.T.Fatal("the server does not stop")
	}
	s.HTTP.CloseIdleConnections()
}

// Kill ends the server as a power cut does.
func (s *Server) Kill() {
	_ = s.Cmd.Process.Kill()
	<-s.Done
	s.HTTP.CloseIdleConnections()
}

// end comes with the test's end.
func (s *Server) end() {
	if s.Cmd != nil {
		s.Kill()
	}
	if text := s.Log(); s.T.Failed() {
		s.T.Logf("the server's log ends with:\n%s", text[max(0, len(text)-8192):])
	}
}

// Log is what the server has written to standard error since it was started
// first, and Out what it has written to standard output.
func (s *Server) Log() string { return s.read("log") }
func (s *Server) Out() string { return s.read("out") }

func (s *Server) file(name string) string { return filepath.Join(s.own, name) }

func (s *Server) open(name string) *os.File {
	f, err := os.OpenFile(s.file(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.T.Fatal(err)
	}
	return f
}

func (s *Server) read(name string) string {
	text, _ := os.ReadFile(s.file(name))
	return string(text)
}

// Eventually waits until is reports true.
func (s *Server) Eventually(what string, is func() bool) {
	s.T.Helper()
	Eventually(s.T, what, is)
}

// Eventually waits until is reports true, and ends the test when it does not
// within a minute.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}
