package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/servers"
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
	dir := smallDisk(t)
	run(t, dir, "", "client", "create", "web")
	run(t, dir, password, "user", "create", userName, "--password-stdin")
	s := start(t, dir, "--demo")
	token := s.login()
	s.do("GET", "/readyz", "", nil).want(t, "ready, before", 200)
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	s.eventually("what changes something is refused", func() bool { return s.do("POST", "/api/auth/refresh/", token, nil).StatusCode == 503 })
	s.takesNoChanges(token, "disk is full")
	out, err := command(t, dir, "client", "create", "other").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "its disk is full") {
		t.Errorf("client create: %v: %s", err, out)
	}
	if out, err := command(t, dir, "doctor").CombinedOutput(); err == nil || !strings.Contains(string(out), "it takes no changes") {
		t.Errorf("doctor: %v: %s", err, out)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.eventually("it is ready again", func() bool { return s.do("GET", "/readyz", "", nil).StatusCode == 200 })
	if s.login() != token {
		t.Error("the token is another")
	}
	s.do("POST", "/api/auth/logout/", token, nil).want(t, "log out", 204)
	s.stop()
	if out := run(t, dir, "", "doctor"); strings.Contains(out, "FAULT") {
		t.Errorf("afterwards: %s", out)
	}
}

// takesNoChanges holds that checks go on, that nothing is changed, and that the
// server says so.
func (s *server) takesNoChanges(token, why string) {
	s.t.Helper()
	for _, path := range []string{"refresh/", "logout/", "logoutall/"} {
		a := s.do("POST", "/api/auth/"+path, token, nil)
		a.want(s.t, path, 503)
		if a.Header.Get("Retry-After") == "" {
			s.t.Errorf("%s: no Retry-After", path)
		}
	}
	s.do("POST", "/api/auth/login/", "", credentials()).want(s.t, "login", 503)
	s.do("GET", "/api/auth/", token, nil).want(s.t, "a check", 200)
	s.do("GET", "/healthz", "", nil).want(s.t, "alive", 200)
	s.eventually("/readyz tells", func() bool {
		a := s.do("GET", "/readyz", "", nil)
		return a.StatusCode == 503 && strings.Contains(a.body, why)
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
	token := s.login()
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
	s.eventually("what changes something is refused", func() bool { return s.do("POST", "/api/auth/refresh/", token, nil).StatusCode == 503 })
	s.takesNoChanges(token, "may only be read")
	out, err := command(t, dir, "client", "create", "other").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "may only be read") {
		t.Errorf("client create: %v: %s", err, out)
	}
	only("off")
	s.eventually("it is ready again", func() bool { return s.do("GET", "/readyz", "", nil).StatusCode == 200 })
	s.do("POST", "/api/auth/logout/", token, nil).want(t, "log out", 204)
	s.stop()
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
		out, err := command(t, dir, args...).CombinedOutput()
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
	token := s.login()
	s.stop()
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
	out, err := command(t, dir, "doctor").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is damaged: stop the server and bring a backup back") {
		t.Errorf("doctor: %v: %s", err, out)
	}
	addr := filepath.Join(t.TempDir(), "addr")
	cmd := command(t, dir, "serve", "--demo", "--addr", "127.0.0.1:0", "--addr-file", addr)
	var said logged
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	d := &server{t: t, dir: dir, err: &said}
	d.eventually("it serves, or says why not", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		text, err := os.ReadFile(addr)
		d.addr = strings.TrimSpace(string(text))
		return err == nil
	})
	if d.addr == "" {
		if !strings.Contains(said.String(), "is damaged") {
			t.Errorf("the start: %s", said.String())
		}
		return
	}
	for _, presented := range []string{token, strings.Repeat("0", 64)} {
		if a := d.do("GET", "/api/auth/", presented, nil); a.StatusCode != 503 {
			t.Errorf("a check: %s", a.Status)
		}
	}
	d.do("POST", "/api/auth/login/", "", credentials()).want(t, "login", 503)
	d.do("GET", "/readyz", "", nil).want(t, "ready", 503)
	_ = cmd.Process.Kill()
	<-ended
}
