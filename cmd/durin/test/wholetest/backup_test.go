package wholetest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// A writer logs in and out until it is stopped, and keeps what was acknowledged.
type writer struct {
	s    *server
	mu   sync.Mutex
	live []string
	gone []string
	stop chan struct{}
	done sync.WaitGroup
}

func (s *server) write() *writer {
	w := &writer{s: s, stop: make(chan struct{})}
	w.done.Go(func() {
		for {
			select {
			case <-w.stop:
				return
			default:
			}
			keep, end := s.Login("many"), s.Login("many")
			out := s.Do("POST", "/api/auth/logout/", end, nil)
			out.Want(s.T, "log out", 204)
			w.mu.Lock()
			w.live, w.gone = append(w.live, keep), append(w.gone, end)
			w.mu.Unlock()
		}
	})
	return w
}

// acknowledged is what was, up to now.
func (w *writer) acknowledged() (live, gone []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live[:len(w.live):len(w.live)], w.gone[:len(w.gone):len(w.gone)]
}

func (w *writer) end() {
	close(w.stop)
	w.done.Wait()
}

// keeps asks the server about what was acknowledged.
func (s *server) keeps(what string, live, gone []string) {
	s.T.Helper()
	for _, token := range live {
		s.Do("GET", "/api/auth/sessions/", token, nil).Want(s.T, what+": a token", 200)
	}
	for _, token := range gone {
		s.Do("GET", "/api/auth/sessions/", token, nil).Want(s.T, what+": an ended token", 401)
	}
}

// TestTotalLoss backs up under load, loses everything but the backup and the key
// file, and restores: every token that was acknowledged before the backup began
// works, and every revocation holds.
func TestTotalLoss(t *testing.T) {
	dir, safe := prepared(t), t.TempDir()
	run(t, dir, "", "client", "create", "many", "--policy", "evict", "--max-tokens", "100000")
	s := start(t, dir, "--login-limit", "off")
	shown := s.Login("web")
	w := s.write()
	s.Eventually("there is something to lose", func() bool { live, _ := w.acknowledged(); return len(live) >= 3 })
	live, gone := w.acknowledged()
	backup := filepath.Join(safe, "backup.db")
	var taken struct {
		Sessions, Bytes int64
		Keys            []string
	}
	if err := json.Unmarshal([]byte(run(t, dir, "", "backup", "--json", backup)), &taken); err != nil || taken.Sessions < int64(len(live)) || taken.Bytes == 0 || len(taken.Keys) != 1 {
		t.Errorf("the backup: %+v, %v", taken, err)
	}
	after, _ := w.acknowledged()
	s.Eventually("writing goes on", func() bool { live, _ := w.acknowledged(); return len(live) > len(after) })
	w.end()
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup's file: %v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(safe, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	copyTo(t, filepath.Join(dir, "durin.key"), filepath.Join(safe, "durin.key"))

	s.Kill()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, told, err := in(t, safe).TryRun("", "restore", "--db", filepath.Join(dir, "durin.db"), backup)
	if err != nil || !strings.Contains(told, "The audit log was signed with keys that are not here: "+taken.Keys[0]) || !strings.Contains(told, "MISSING KEYS: "+taken.Keys[0]) || !strings.Contains(told, "Its last token was issued: 2") {
		t.Fatalf("restore: %v\n%s", err, told)
	}
	copyTo(t, filepath.Join(safe, "durin.key"), filepath.Join(dir, "durin.key"))
	s = start(t, dir, "--login-limit", "off")
	s.keeps("restored", live, gone)
	if again := s.Login("web"); again != shown {
		t.Error("the token that reuse shows again is another one")
	}
	s.Stop()
}

// TestRestoreTells puts a backup in the place of a database that went on.
func TestRestoreTells(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "client", "create", "many", "--policy", "evict", "--max-tokens", "100")
	s := start(t, dir, "--login-limit", "off")
	stays, ended := s.Login("many"), s.Login("many")
	run(t, dir, "", "backup", "b.db")
	s.Do("POST", "/api/auth/logout/", ended, nil).Want(t, "log out", 204)
	later := s.Login("many")
	run(t, dir, password, "user", "create", "eve", "--password-stdin")

	if _, told, err := in(t, dir).TryRun("", "restore", "--yes", "b.db"); err == nil || !strings.Contains(told, "in use") {
		t.Errorf("restored under a server: %v\n%s", err, told)
	}
	s.Do("GET", "/api/auth/sessions/", stays, nil).Want(t, "the server goes on", 200)
	s.Stop()
	if _, told, err := in(t, dir).TryRun("", "restore", "b.db"); err == nil || !strings.Contains(told, "--yes answers") || !strings.Contains(told, "1 issued, which will be gone; 1 ended, which will be alive again") {
		t.Errorf("restored without being told to: %v\n%s", err, told)
	}
	before := read(t, filepath.Join(dir, "durin.db"))
	var done struct {
		Aside    string
		Sessions int64
		Ended    int64 `json:"sessions_ended_now"`
		Since    struct {
			Issued int64 `json:"sessions_issued"`
			Ended  int64 `json:"sessions_ended"`
			Users  int64 `json:"users_made"`
		}
	}
	if err := json.Unmarshal([]byte(run(t, dir, "", "restore", "--yes", "--json", "b.db")), &done); err != nil {
		t.Fatal(err)
	}
	if done.Sessions != 2 || done.Since.Issued != 1 || done.Since.Ended != 1 || done.Since.Users != 1 || done.Ended != 0 {
		t.Errorf("restored: %+v", done)
	}
	if !bytes.Equal(read(t, done.Aside), before) {
		t.Error("what was there is not kept as it was")
	}
	s = start(t, dir)
	s.keeps("restored", []string{stays, ended}, []string{later})
	s.Stop()

	again := strings.TrimSpace(run(t, dir, "", "restore", "--yes", "--keep-ended", done.Aside)) // back to the future
	if !strings.Contains(again, "1 of its sessions were ended") {                               // what was issued since the backup
		t.Error(again)
	}
	run(t, dir, "", "restore", "--force", "--end-sessions", "b.db")
	s = start(t, dir)
	s.keeps("ended", nil, []string{stays, ended, later})
	s.Stop()
}

// TestRestoreRefuses leaves everything as it was where a backup is none.
func TestRestoreRefuses(t *testing.T) {
	dir := prepared(t)
	run(t, dir, "", "backup", "good.db")
	if _, told, err := in(t, dir).TryRun("", "backup", "good.db"); err == nil || !strings.Contains(told, "--force") {
		t.Errorf("overwritten: %v\n%s", err, told)
	}
	run(t, dir, "", "backup", "--force", "good.db")
	good := read(t, filepath.Join(dir, "good.db"))
	half := bytes.Clone(good[:len(good)/2])
	torn := bytes.Clone(good)
	for i := len(torn) / 2; i < len(torn)/2+8192; i++ {
		torn[i] ^= 0x55
	}
	for name, text := range map[string][]byte{"half.db": half, "torn.db": torn, "text.db": []byte(strings.Repeat("not a database\n", 1000)), "empty.db": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, told, err := in(t, dir).TryRun("", "restore", "--yes", name); err == nil || !strings.Contains(told, "nothing was restored") {
			t.Errorf("%s was restored: %v\n%s", name, err, told)
		}
	}
	if _, _, err := in(t, dir).TryRun("", "restore", "--yes", "durin.db"); err == nil {
		t.Error("the database was restored from itself")
	}
	if out := run(t, dir, "", "user", "list", "--json"); !strings.Contains(out, userName) {
		t.Errorf("the database is another one: %s", out)
	}
	// A database that is damaged is kept aside, too.
	if err := os.WriteFile(filepath.Join(dir, "durin.db"), torn[:len(torn)/2+4096], 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "", "restore", "--yes", "good.db")
	if out := run(t, dir, "", "user", "list", "--json"); !strings.Contains(out, userName) {
		t.Errorf("restored: %s", out)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".durin*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, told, err := in(t, dir).TryRun("", "backup", "x", "--db", "postgres://ada:open-sesame@db/durin?sslmode=require&pool_max_conns=3"); err == nil ||
		!strings.Contains(told, "pg_dump --format=custom") || strings.Contains(told, "sesame") {
		t.Errorf("a server's backup: %v\n%s", err, told)
	}
}

// TestNativeTools loses a database on a server, and takes it back by the commands
// that durin backup tells.
func TestNativeTools(t *testing.T) {
	for name, open := range map[string]func(testing.TB) servers.Database{"PostgreSQL": servers.PostgreSQL, "MariaDB": servers.MySQL} {
		t.Run(name, func(t *testing.T) {
			servers.Program(t, "pg_dump", "postgresql-client")
			servers.Program(t, "mariadb-dump", "mariadb-client")
			db, dir := open(t), t.TempDir()
			run(t, dir, "", "migrate", "--db", db.URL)
			run(t, dir, "", "client", "create", "many", "--policy", "evict", "--max-tokens", "100000", "--db", db.URL)
			run(t, dir, "", "client", "create", "web", "--db", db.URL)
			run(t, dir, password, "user", "create", userName, "--password-stdin", "--db", db.URL)
			s := start(t, dir, "--db", db.URL, "--login-limit", "off")
			w := s.write()
			s.Eventually("there is something to lose", func() bool { live, _ := w.acknowledged(); return len(live) >= 2 })
			live, gone := w.acknowledged()
			live = append(live, s.Login("web"))
			_, told, err := in(t, dir).TryRun("", "backup", "b.dump", "--db", db.URL)
			lines := strings.Split(told, "\n  ")
			if err == nil || len(lines) != 3 {
				t.Fatalf("backup: %v\n%s", err, told)
			}
			dump, _, _ := strings.Cut(lines[1], "\n")
			shell(t, dir, dump)
			w.end()
			s.Stop()
			lose(t, db)
			shell(t, dir, lines[2])
			s = start(t, dir, "--db", db.URL)
			s.keeps("restored", live, gone)
			if token := s.Login("web"); token != live[len(live)-1] {
				t.Error("the token that reuse shows again is another one")
			}
			s.Login("many") // new ids go on above the old ones
			s.Stop()
		})
	}
}

func shell(t *testing.T, dir, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// lose drops all tables.
func lose(t *testing.T, d servers.Database) {
	t.Helper()
	db := d.Open(t)
	texts := []string{"DROP SCHEMA public CASCADE", "CREATE SCHEMA public"}
	if d.Driver == "mysql" {
		var name string
		if err := db.QueryRow("SELECT DATABASE()").Scan(&name); err != nil {
			t.Fatal(err)
		}
		texts = []string{"DROP DATABASE " + name, "CREATE DATABASE " + name}
	}
	for _, text := range texts {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, read(t, from), 0o600); err != nil {
		t.Fatal(err)
	}
}
