package servers

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// An Own is a server of one test, on a port of its own, that may be stopped and
// started again on the same data.
type Own struct {
	// Addr is host:port.
	Addr string
	// URL names a database as the program's --db does; Redis has none.
	URL string

	t       testing.TB
	kind    *kind
	folder  string
	at      string // as kind.answers takes it
	ask     syscall.Signal
	command func() *exec.Cmd
	cmd     *exec.Cmd
	done    chan struct{}
}

// OwnPostgreSQL runs a PostgreSQL that writes to the disk what it acknowledges.
func OwnPostgreSQL(t testing.TB) *Own {
	o, port := own(t, postgres, syscall.SIGINT)
	data := filepath.Join(o.folder, "data")
	if out, err := command("postgres", o.folder, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	o.command = func() *exec.Cmd {
		return command("postgres", o.folder, "postgres", "-D", data, "-k", o.folder, "-p", fmt.Sprint(port), "-c", "listen_addresses=127.0.0.1")
	}
	o.URL = fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", o.Addr)
	o.at = o.URL
	o.Start()
	return o
}

// OwnMySQL runs a MariaDB.
func OwnMySQL(t testing.TB) *Own {
	o, port := own(t, mariadb, syscall.SIGTERM)
	data := filepath.Join(o.folder, "data")
	if out, err := command("mysql", o.folder, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	o.command = func() *exec.Cmd {
		return command("mysql", o.folder, "mariadbd", "--no-defaults", "--datadir="+data, "--socket="+filepath.Join(o.folder, "s"),
			"--pid-file="+filepath.Join(o.folder, "pid"), "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port))
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr = "root", "tcp", o.Addr
	o.at = cfg.FormatDSN()
	o.Start()
	o.URL = fmt.Sprintf("mysql://root@%s/%s", o.Addr, fresh(t, "mysql", o.at, "CREATE DATABASE %s", ""))
	return o
}

// OwnRedis runs a Redis that forgets everything when it ends, with more options.
func OwnRedis(t testing.TB, options ...string) *Own {
	o, port := own(t, redis, syscall.SIGKILL)
	o.command = func() *exec.Cmd {
		return command("redis", o.folder, "redis-server", append([]string{"--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--save", "", "--dir", o.folder}, options...)...)
	}
	o.at = o.Addr
	o.Start()
	return o
}

// OwnSentinel runs a Sentinel that watches nothing yet.
func OwnSentinel(t testing.TB) *Own {
	o, port := own(t, redis, syscall.SIGKILL)
	file := filepath.Join(o.folder, "sentinel.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, "bind 127.0.0.1\nport %d\ndir %s\n", port, o.folder), 0o666); err != nil {
		t.Fatal(err)
	}
	give(file, "redis")
	o.command = func() *exec.Cmd { return command("redis", o.folder, "redis-server", file, "--sentinel") }
	o.at = o.Addr
	o.Start()
	return o
}

func require(t testing.TB, k *kind) {
	t.Helper()
	NotShort(t, k.name)
	if err := k.installed(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func own(t testing.TB, k *kind, ask syscall.Signal) (*Own, int) {
	t.Helper()
	require(t, k)
	folder, err := os.MkdirTemp("", "durin-own-") // short: sockets are in it
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	o := &Own{t: t, kind: k, folder: folder, ask: ask, Addr: net.JoinHostPort("127.0.0.1", fmt.Sprint(port))}
	t.Cleanup(func() {
		o.end(syscall.SIGKILL)
		_ = os.RemoveAll(folder)
	})
	return o, port
}

// Start starts the server, and waits until it answers.
func (o *Own) Start() {
	o.t.Helper()
	o.cmd, o.done = o.command(), make(chan struct{})
	log, err := os.OpenFile(filepath.Join(o.folder, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	o.cmd.Stdout, o.cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // as in kind.run
		started <- o.cmd.Start()
		_ = o.cmd.Wait()
		close(o.done)
	}()
	if err := <-started; err != nil {
		o.t.Fatal(err)
	}
	if err := o.kind.within(startTime, o.at); err != nil {
		text, _ := os.ReadFile(log.Name())
		o.t.Fatalf("%s: %v\n%s", o.kind.name, err, text)
	}
}

// Stop ends the server in the usual way, and returns when it has ended.
func (o *Own) Stop() { o.end(o.ask) }

// Kill ends the server as a power cut does, but that the disk's cache stays.
func (o *Own) Kill() { o.end(syscall.SIGKILL) }

func (o *Own) end(signal syscall.Signal) {
	if o.cmd == nil || o.cmd.Process == nil {
		return
	}
	_ = o.cmd.Process.Signal(signal)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	select {
	case <-o.done:
	case <-ctx.Done():
		_ = o.cmd.Process.Kill()
		<-o.done
	}
	time.Sleep(10 * time.Millisecond) // children of a killed PostgreSQL notice
}

// Standby runs a copy of a PostgreSQL that follows it: the primary acknowledges
// nothing that the copy does not have, from now on.
func (o *Own) Standby() *Own {
	o.t.Helper()
	s, port := own(o.t, postgres, syscall.SIGINT)
	data := filepath.Join(s.folder, "data")
	host, from, _ := net.SplitHostPort(o.Addr)
	if out, err := command("postgres", s.folder, "pg_basebackup", "-D", data, "-h", host, "-p", from, "-U", "postgres", "-R", "-c", "fast", "--no-sync").CombinedOutput(); err != nil {
		o.t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	s.command = func() *exec.Cmd {
		return command("postgres", s.folder, "postgres", "-D", data, "-k", s.folder, "-p", fmt.Sprint(port), "-c", "listen_addresses=127.0.0.1")
	}
	s.URL = fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", s.Addr)
	s.at = s.URL
	s.Start()
	o.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
	o.query("SELECT pg_reload_conf()")
	return s
}

// Promote makes a standby the primary.
func (o *Own) Promote() {
	o.t.Helper()
	o.query("ALTER SYSTEM SET synchronous_standby_names = ''")
	o.query("SELECT pg_reload_conf()")
	o.query("SELECT pg_promote()")
}

func (o *Own) query(text string) {
	o.t.Helper()
	db, err := sql.Open("pgx", o.URL)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(o.t.Context(), text); err != nil {
		o.t.Fatalf("%s: %v", text, err)
	}
}
