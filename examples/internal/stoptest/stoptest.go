// Package stoptest tests that a server which is told to stop answers the request that
// is under way, and then ends by itself.
package stoptest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	asProgram = "STOPTEST_PROGRAM"
	patience  = 30 * time.Second
)

// Main runs a package's tests, or main when the test's binary is started by Stops. It
// does not return.
func Main(m *testing.M, main func()) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Stops starts the program with arguments, in which ADDR stands for the address to
// listen on, as the variable ADDR has it too, sends the beginning of a POST to path, then a signal, and the rest once
// nobody can connect any more. It does so with SIGTERM and with SIGINT.
func Stops(t *testing.T, path string, args ...string) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) { stops(t, signal, path, args) })
	}
}

func stops(t *testing.T, signal syscall.Signal, path string, args []string) {
	addr := freeAddr(t)
	ended := start(t, addr, args)
	line := connect(t, addr)
	const body = "username=ada&password=correct+horse&client=web"
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", path, addr, len(body))
	if _, err := io.WriteString(line, request); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(line)
	// The handler reads the body from here on.
	if status, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(status, "HTTP/1.1 100") {
		t.Fatalf("%q, %v", status, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(line, body[:10]); err != nil {
		t.Fatal(err)
	}
	if err := ended.process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		other, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		_ = other.Close()
		if time.Since(began) > patience {
			t.Fatal("it goes on listening")
		}
	}
	if _, err := io.WriteString(line, body[10:]); err != nil {
		t.Errorf("the request was cut: %v", err)
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the request was cut: %v", err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || answer.StatusCode >= 500 {
		t.Errorf("%s: %s, %v", answer.Status, text, err)
	}
	_ = line.Close()
	if err := <-ended.err; err != nil {
		t.Errorf("it ends with %v\n%s", err, ended.told)
	}
}

type process struct {
	process *os.Process
	err     chan error
	told    *strings.Builder
}

func start(t *testing.T, addr string, args []string) process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	given := []string{}
	for _, a := range args {
		given = append(given, strings.ReplaceAll(a, "ADDR", addr))
	}
	p := process{err: make(chan error, 1), told: &strings.Builder{}}
	cmd := exec.Command(self, given...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), asProgram+"=1", "ADDR="+addr)
	cmd.Stdout, cmd.Stderr = p.told, p.told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.process = cmd.Process
	done := make(chan struct{})
	go func() { p.err <- cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		if t.Failed() {
			t.Log(p.told)
		}
	})
	return p
}

// connect waits for the server.
func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		line, err := net.Dial("tcp", addr)
		if err == nil {
			_ = line.SetDeadline(time.Now().Add(patience))
			return line
		}
		if time.Since(began) > patience {
			t.Fatal(err)
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	line, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = line.Close() }()
	return line.Addr().String()
}
