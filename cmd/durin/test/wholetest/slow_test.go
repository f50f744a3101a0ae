package wholetest

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// drip is what a slow client sends at first, and then again and again; it takes no
// answer.
type drip struct{ first, more string }

var drips = map[string]drip{
	"a header":          {"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\nX-Slow: ", "a"},
	"a request's line":  {"GE", "T"},
	"a body":            {"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n{\"username\":\"", "a"},
	"a form":            {"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99999\r\n\r\nusername=", "a"},
	"a body in chunks":  {"POST /api/auth/login/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"},
	"answers not taken": {"", strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n", 100)},
}

// TestSlowClients has many callers send their headers and bodies a byte at a time, or
// take no answer: others are answered meanwhile, and the server cuts the slow ones off
// by itself.
func TestSlowClients(t *testing.T) {
	t.Parallel()       // it waits most of the time
	const callers = 30 // of each kind
	s := start(t, t.TempDir(), "--request-time", "2s", "--max-connections", "1000")
	var cut sync.WaitGroup
	for name, d := range drips {
		for range callers {
			conn, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := io.WriteString(conn, d.first); err != nil {
				t.Fatal(err)
			}
			cut.Go(func() {
				_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
				for err := error(nil); err == nil; time.Sleep(50 * time.Millisecond) {
					if _, err = io.WriteString(conn, d.more); errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%s: a slow client is borne with", name)
					}
				}
			})
		}
	}
	for range 20 {
		s.Do("GET", "/healthz", "", nil).Want(t, "beside slow clients", 200)
	}
	cut.Wait()
	s.Do("GET", "/healthz", "", nil).Want(t, "afterwards", 200)
	s.Stop()
}

// TestNameServerIsSilent has the names of the database and of Redis looked up by a
// name server that never answers: the program gives up and says so.
func TestNameServerIsSilent(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.99:53")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	dir := t.TempDir()
	resolv := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver 127.0.0.99\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ args, want string }{
		"a database of PostgreSQL": {"client list --db postgres://durin@db.example.org/durin", "cannot be found: no name server knows its name, or none answers"},
		"a database of MySQL":      {"client list --db mysql://durin@db.example.org/durin", "cannot be found: no name server knows its name, or none answers"},
		"a server's database":      {"serve --addr 127.0.0.1:0 --db postgres://durin@db.example.org/durin", "cannot be found: no name server knows its name, or none answers"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec durin `+c.args, resolv)
			cmd.Dir = dir
			timer := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
