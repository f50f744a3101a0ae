package redisdurin_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// address is where a Redis answers: the one that the environment names, the one
// on the standard port, or one that the test starts.
func address(t *testing.T) string {
	t.Helper()
	for _, at := range []string{os.Getenv("DURIN_TEST_REDIS"), "127.0.0.1:6379"} {
		if at != "" && answers(at) {
			return at
		}
	}
	return start(t)
}

func answers(at string) bool {
	conn, err := net.DialTimeout("tcp", at, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// start runs a server of the test's own.
func start(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no Redis answers and redis-server is not installed: apt-get install redis-server")
		}
		t.Skip("no Redis answers and redis-server is not installed: apt-get install redis-server")
	}
	at := freeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	run(t, exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir()))
	waitFor(t, "Redis to answer", func() bool { return answers(at) })
	return at
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func connect(t *testing.T, at string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{at}, DisableCache: true, DisableRetry: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// unique keeps tests on one server apart.
func unique(t *testing.T) string {
	return fmt.Sprintf("test-%s-%d-%d:", t.Name(), os.Getpid(), time.Now().UnixNano())
}
