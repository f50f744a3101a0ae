package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	userName = "ada"
	password = "correct horse battery staple"
)

// A server is the real program, serving in a folder of its own.
type server struct {
	t    *testing.T
	dir  string
	addr string
	cmd  *exec.Cmd
	out  *logged
	err  *logged
	done chan error
}

// logged is what a program has written so far.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run runs the program once in dir, and returns what it wrote to standard
// output.
func run(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "durin", args...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("durin %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// prepared is a folder with a database that has a user and the client web.
func prepared(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "", "client", "create", "web")
	run(t, dir, password, "user", "create", userName, "--password-stdin")
	return dir
}

// start serves in dir on a port that the system picks.
func start(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	addrFile := filepath.Join(t.TempDir(), "addr")
	args = append([]string{"serve", "--addr", "127.0.0.1:0", "--addr-file", addrFile}, args...)
	s := &server{t: t, dir: dir, cmd: exec.Command("durin", args...), out: &logged{}, err: &logged{}, done: make(chan error, 1)}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, s.out, s.err
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	s.eventually("the address is written", func() bool {
		select {
		case err := <-s.done:
			t.Fatalf("the server ended: %v\n%s", err, s.err)
		default:
		}
		text, err := os.ReadFile(addrFile)
		s.addr = strings.TrimSpace(string(text))
		return err == nil
	})
	return s
}

// eventually waits until is reports true.
func (s *server) eventually(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("still not: %s\n%s", what, s.err)
		}
	}
}

// stop asks the server to end, and waits for it.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Fatalf("the server ended with %v\n%s", err, s.err)
		}
	case <-time.After(30 * time.Second):
		s.t.Fatal("the server does not stop")
	}
}

// An answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (s *server) do(method, path, token string, form url.Values, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(method, path, token, form, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *server) try(method, path, token string, form url.Values, headers ...string) (answer, error) {
	return s.tryWith(http.DefaultClient, method, path, token, form, headers...)
}

func (s *server) tryWith(client *http.Client, method, path, token string, form url.Values, headers ...string) (answer, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, "http://"+s.addr+path, body)
	if err != nil {
		return answer{}, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		req.Header.Set("Authorization", "Token "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return answer{res, string(text)}, err
}

// login logs the user in with the client web.
func (s *server) login() string {
	s.t.Helper()
	a := s.do("POST", "/api/auth/login/", "", credentials())
	var in struct{ Token string }
	if err := json.Unmarshal([]byte(a.body), &in); err != nil || a.StatusCode != 200 || in.Token == "" {
		s.t.Fatalf("login: %s: %s", a.Status, a.body)
	}
	return in.Token
}

func credentials() url.Values {
	return url.Values{"username": {userName}, "password": {password}, "client": {"web"}}
}

func (a answer) want(t *testing.T, what string, status int) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: %s, want %d: %s", what, a.Status, status, a.body)
	}
}
