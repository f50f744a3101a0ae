//go:build unix

package sockets

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain plays the process that is started anew: what it does stands in a
// variable.
func TestMain(m *testing.M) {
	switch os.Getenv("SOCKETS_TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "serve":
		serveOnce()
	case "systemd":
		activatedOnce()
	case "hang":
		time.Sleep(time.Hour)
	}
	os.Exit(1)
}

// serveOnce takes over, and answers each connection with its process id until it
// is asked to end.
func serveOnce() {
	s, err := Inherit(os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	line, err := s.Listen(context.Background(), Main, os.Getenv("SOCKETS_TEST_ADDR"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = s.Ready()
	for {
		conn, err := line.Accept()
		if err != nil {
			os.Exit(1)
		}
		_, _ = fmt.Fprintf(conn, "%d", os.Getpid())
		_ = conn.Close()
	}
}

// activatedOnce is a process that systemd has started with sockets.
func activatedOnce() {
	names := []string{}
	s, err := Inherit(append(os.Environ(), "LISTEN_PID="+strconv.Itoa(os.Getpid())))
	if err == nil {
		names = append(names, s.Passed(Main), s.Passed(Ops))
	}
	fmt.Printf("%s %v", strings.Join(names, " "), err)
	os.Exit(0)
}

func self(t *testing.T, does, addr string) Program {
	t.Helper()
	t.Setenv("SOCKETS_TEST_CHILD", does)
	t.Setenv("SOCKETS_TEST_ADDR", addr)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Program{path, []string{path}}
}

// answer is what the process that listens on addr says.
func answer(t *testing.T, addr string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Connections that are in the queue when the process changes are served by the
// new one, and none is refused.
func TestHandOver(t *testing.T) {
	s := &Set{}
	line, err := s.Listen(t.Context(), Main, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := line.Addr().String()
	queued, err := net.Dial("tcp", addr) // nobody accepts here
	if err != nil {
		t.Fatal(err)
	}
	pid, err := s.HandOver(t.Context(), self(t, "serve", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Kill() })
	if err := line.Close(); err != nil {
		t.Fatal(err)
	}
	_ = queued.SetDeadline(time.Now().Add(20 * time.Second))
	text, err := io.ReadAll(queued)
	if err != nil || string(text) != strconv.Itoa(pid) {
		t.Errorf("the queued connection: %q, %v", text, err)
	}
	if got := answer(t, addr); got != strconv.Itoa(pid) {
		t.Errorf("a new connection: %q", got)
	}
}

// A process that does not come to serve changes nothing.
func TestHandOverFails(t *testing.T) {
	s := &Set{}
	line, err := s.Listen(t.Context(), Main, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for what, program := range map[string]Program{"ends": self(t, "ends", ""), "is not there": {"/nowhere/durin", []string{"durin"}}} {
		if _, err := s.HandOver(t.Context(), program); err == nil {
			t.Errorf("a program that %s has taken over", what)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.HandOver(ctx, self(t, "hang", "")); err == nil {
		t.Error("a program that hangs has taken over")
	}
	accepted := make(chan error, 1)
	go func() {
		conn, err := line.Accept()
		if err == nil {
			err = conn.Close()
		}
		accepted <- err
	}()
	if got := answer(t, line.Addr().String()); got != "" {
		t.Errorf("answered %q", got)
	}
	if err := <-accepted; err != nil {
		t.Error(err)
	}
	_ = line.Close() // an Accept that blocked the thread would not end
}

// An address that was changed meanwhile is listened on anew.
func TestAnotherAddress(t *testing.T) {
	line, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Set{inherited: map[string]*inherited{Main: {line, "127.0.0.1:0"}}}
	other, err := s.Listen(t.Context(), Main, "localhost:0")
	if err != nil || other == line {
		t.Fatalf("the old socket is used: %v", err)
	}
	defer func() { _ = other.Close() }()
	if err := s.Ready(); err != nil {
		t.Error(err)
	}
	if err := line.Close(); err == nil {
		t.Error("the socket that is not used stays open")
	}
}

func TestActivation(t *testing.T) {
	lines, files := make([]*net.TCPListener, 3), make([]*os.File, 3)
	for i := range lines {
		line, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = line.(*net.TCPListener)
		if files[i], err = lines[i].File(); err != nil {
			t.Fatal(err)
		}
	}
	addr := func(i int) string { return lines[i].Addr().String() }
	for _, test := range []struct {
		names string
		n     int
		want  string
	}{
		{"main:ops", 2, addr(0) + " " + addr(1) + " <nil>"},
		{"ops:main", 2, addr(1) + " " + addr(0) + " <nil>"},
		{"durin.socket", 1, addr(0) + "  <nil>"},
		{"durin.socket:durin.socket", 2, addr(0) + " " + addr(1) + " <nil>"},
		{"", 1, addr(0) + "  <nil>"},
		{"main:ops:x", 3, "more than two"},
		{"main:main", 2, "two of the name main"},
	} {
		p := self(t, "systemd", "")
		cmd := &exec.Cmd{Path: p.path, Args: p.args, ExtraFiles: files[:test.n]}
		cmd.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(test.n), "LISTEN_FDNAMES="+test.names)
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: %q, %v; want %q", test.names, out, err, test.want)
		}
	}
	for _, environ := range [][]string{{"LISTEN_PID=1", "LISTEN_FDS=1"}, {"LISTEN_FDS=1"}, nil} {
		if s, err := Inherit(environ); err != nil || len(s.inherited) != 0 {
			t.Errorf("%v: %v, %v", environ, s, err)
		}
	}
	for _, environ := range [][]string{{handOver + "=main=x"}, {handOver + "=main=999"}, {"LISTEN_PID=" + strconv.Itoa(os.Getpid()), "LISTEN_FDS=x"}} {
		if _, err := Inherit(environ); err == nil {
			t.Errorf("%v is taken", environ)
		}
	}
}

// TestFolderOfASocket: an error of a socket names what its folder lacks.
func TestFolderOfASocket(t *testing.T) {
	s, err := Inherit(nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "nosuch")
	_, err = s.Listen(t.Context(), Verify, Unix+filepath.Join(folder, "verify.sock"))
	if want := "the folder " + folder + " does not exist: create it"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	err = folderAdvice(&os.PathError{Op: "bind", Path: folder, Err: os.ErrPermission}, folder)
	if want := "the user that runs durin has to own the folder " + folder; !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if err := folderAdvice(nil, folder); err != nil {
		t.Error(err)
	}
}
