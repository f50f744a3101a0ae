package wholetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// smallDisk is a folder on a file system of its own, of some megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "durin-test", dir).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("a small disk takes the right to mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() })
	return dir
}

// fill takes all room of the disk, to the last byte.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull leaves the database no room: checks go on, what would change
// something is a 503, which changes nothing, /readyz tells, and service returns
// with the room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	run(t, dir, "", "client", "create", "web")
	run(t, dir, password, "user", "create", userName, "--password-stdin")
	s := start(t, dir, "--demo")
	token := s.Login("web")
	s.Do("GET", "/readyz", "", nil).Want(t, "ready, before", 200)
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	s.Eventually("what changes something is refused", func() bool { return s.Do("POST", "/api/auth/refresh/", token, nil).StatusCode == 503 })
	s.takesNoChanges(token, "disk is full")
	out, err := in(t, dir).Command("client", "create", "other").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "its disk is full") {
		t.Errorf("client create: %v: %s", err, out)
	}
	if out, err := in(t, dir).Command("doctor").CombinedOutput(); err == nil || !strings.Contains(string(out), "it takes no changes") {
		t.Errorf("doctor: %v: %s", err, out)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.Eventually("it is ready again", func() bool { return s.Do("GET", "/readyz", "", nil).StatusCode == 200 })
	if s.Login("web") != token {
		t.Error("the token is another")
	}
	s.Do("POST", "/api/auth/logout/", token, nil).Want(t, "log out", 204)
	s.Stop()
	if out := run(t, dir, "", "doctor"); strings.Contains(out, "FAULT") {
		t.Errorf("afterwards: %s", out)
	}
}

// takesNoChanges holds that checks go on, that nothing is changed, and that the
// server says so.
func (s *server) takesNoChanges(token, why string) {
	s.T.Helper()
	for _, path := range []string{"refresh/", "logout/", "logoutall/"} {
		a := s.Do("POST", "/api/auth/"+path, token, nil)
		a.Want(s.T, path, 503)
		if a.Header.Get("Retry-After") == "" {
			s.T.Errorf("%s: no Retry-After", path)
		}
	}
	s.Do("POST", "/api/auth/login/", "", credentials()).Want(s.T, "login", 503)
	s.Do("GET", "/api/auth/", token, nil).Want(s.T, "a check", 200)
	s.Do("GET", "/healthz", "", nil).Want(s.T, "alive", 200)
	s.Eventually("/readyz tells", func() bool {
		a := s.Do("GET", "/readyz", "", nil)
		return a.StatusCode == 503 && strings.Contains(a.Text, why)
	})
}

// TestReadOnlyServer takes the right to write from a running server, as the loss
// of a primary does.
func TestReadOnlyServer(t *testing.T) {
	db := servers.PostgreSQL(t)
	dir := t.TempDir()
	t.Setenv("DURIN_DB", db.URL)
	run(t, dir, "", "migrate")
	run(t, dir, "", "client", "create", "web")
	run(t, dir, password, "user", "create", userName, "--password-stdin")
	s := start(t, dir, "--demo")
	token := s.Login("web")
	only := func(setting string) {
		t.Helper()
		conn, err := db.Open(t).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for _, text := range []string{
			"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
			"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = " + setting + "', current_database()); END $$",
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
		} {
			if _, err := conn.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
	}
	only("on")
	s.Eventually("what changes something is refused", func() bool { return s.Do("POST", "/api/auth/refresh/", token, nil).StatusCode == 503 })
	s.takesNoChanges(token, "may only be read")
	out, err := in(t, dir).Command("client", "create", "other").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "may only be read") {
		t.Errorf("client create: %v: %s", err, out)
	}
	only("off")
	s.Eventually("it is ready again", func() bool { return s.Do("GET", "/readyz", "", nil).StatusCode == 200 })
	s.Do("POST", "/api/auth/logout/", token, nil).Want(t, "log out", 204)
	s.Stop()
}

// TestReadOnlyFile has the file on a disk that may only be read: the program says
// so, and does not start.
func TestReadOnlyFile(t *testing.T) {
	dir := smallDisk(t)
	run(t, dir, "", "client", "create", "web")
	if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, args := range [][]string{{"serve", "--addr", "127.0.0.1:0"}, {"client", "create", "other"}, {"client", "list"}, {"doctor"}} {
		out, err := in(t, dir).Command(args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "see that this user may write") {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
}

// TestDamagedDatabase garbles the second half of the file: nothing is accepted
// that was not issued, and the server, /readyz and the doctor say what is wrong.
func TestDamagedDatabase(t *testing.T) {
	dir := prepared(t)
	s := start(t, dir, "--demo")
	token := s.Login("web")
	s.Stop()
	file := filepath.Join(dir, "durin.db")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for i := len(text) / page / 2 * page; i < len(text); i++ {
		text[i] = byte(i*i>>8) ^ 0x5a
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := in(t, dir).Command("doctor").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is damaged: stop the server and bring a backup back") {
		t.Errorf("doctor: %v: %s", err, out)
	}
	d := in(t, dir)
	d.Args = []string{"--demo"}
	d.Launch()
	d.Eventually("it serves, or says why not", func() bool {
		select {
		case <-d.Done:
			return true
		default:
			return d.Serves()
		}
	})
	if d.Addr == "" {
		if !strings.Contains(d.Log(), "is damaged") {
			t.Errorf("the start: %s", d.Log())
		}
		return
	}
	for _, presented := range []string{token, strings.Repeat("0", 64)} {
		if a := d.Do("GET", "/api/auth/", presented, nil); a.StatusCode != 503 {
			t.Errorf("a check: %s", a.Status)
		}
	}
	d.Do("POST", "/api/auth/login/", "", credentials()).Want(t, "login", 503)
	d.Do("GET", "/readyz", "", nil).Want(t, "ready", 503)
}
