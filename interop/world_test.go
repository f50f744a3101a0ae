package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The one user of each server.
const user, password = "ada", "correct horse battery staple"

var program struct {
	sync.Once
	file string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if program.file != "" {
		_ = os.RemoveAll(filepath.Dir(program.file))
	}
	os.Exit(code)
}

// build compiles the program as it is released, once.
func build(t *testing.T) string {
	t.Helper()
	program.Do(func() {
		dir, err := os.MkdirTemp("", "durin-interop-")
		if err != nil {
			program.err = err
			return
		}
		program.file = filepath.Join(dir, "durin")
		cmd := exec.Command("go", "build", "-o", program.file, ".")
		cmd.Dir, cmd.Env = "../cmd/durin", append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			program.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.file
}

// run runs a command that must succeed, and returns what it wrote.
func run(t *testing.T, dir string, stdin string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdin, cmd.Env = dir, strings.NewReader(stdin), append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start serves a new database with user, and the clients web and endless, and
// returns the server's address. The server ends with the test.
func start(t *testing.T, args ...string) string {
	t.Helper()
	durin, dir := build(t), t.TempDir()
	run(t, dir, "", nil, durin, "migrate")
	run(t, dir, "", nil, durin, "client", "create", "web")
	run(t, dir, "", nil, durin, "client", "create", "endless", "--ttl", "never")
	run(t, dir, password, nil, durin, "user", "create", user, "--password-stdin")
	return serve(t, dir, args...)
}

func serve(t *testing.T, dir string, args ...string) string {
	t.Helper()
	file := filepath.Join(dir, "address")
	cmd := exec.Command(build(t), append([]string{"serve", "--addr", "127.0.0.1:0", "--addr-file", file}, args...)...)
	log := &strings.Builder{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
		}
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if addr, err := os.ReadFile(file); err == nil && len(addr) > 0 {
			return "http://" + strings.TrimSpace(string(addr))
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("durin serve: %v\n%s", err, log)
		default:
		}
	}
	t.Fatal("durin serve does not begin to serve")
	return ""
}

// description saves the server's OpenAPI document in dir, and returns its file
// and the address that the document gives the interface.
func description(t *testing.T, server, dir string) (file, url string) {
	t.Helper()
	res, err := http.Get(server + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Servers []struct{ URL string } }
	if err := json.Unmarshal(text, &doc); err != nil || len(doc.Servers) != 1 {
		t.Fatal(err, doc)
	}
	file = filepath.Join(dir, "openapi.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, server + doc.Servers[0].URL
}

// login logs user in with a client, and returns the token.
func login(t *testing.T, server, client string) string {
	t.Helper()
	body := fmt.Sprintf(`{"username":%q,"password":%q,"client":%q}`, user, password, client)
	res, err := http.Post(server+"/api/auth/login/", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var in struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&in); err != nil || in.Token == "" {
		t.Fatal(res.Status, err)
	}
	return in.Token
}

// node is a folder with the JavaScript of testdata/js and the packages that it
// uses. Without npm, or without a registry that it reaches, the test is skipped,
// but with CI=true it fails.
var node = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(program.file), "js")
	if err := os.CopyFS(dir, os.DirFS("testdata/js")); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, err
})

func javaScript(t *testing.T) string {
	t.Helper()
	build(t)
	dir, err := node()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return dir
}
