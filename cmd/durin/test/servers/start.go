package servers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A kind of server, and the one of it that was found.
type kind struct {
	name, env string
	usual     string // where one answers that others have started
	packages  string // of Debian, with blanks between
	binaries  []string
	library   string // that must be there, too
	answers   func(ctx context.Context, at string) error
	// start lays out a data folder and runs a server on a free port.
	start func(k *kind, folder string, port int) (at string, err error)

	once sync.Once
	at   string
	err  error
	stop []func()
}

var (
	postgres = &kind{
		name: "PostgreSQL", env: "DURIN_TEST_POSTGRES", packages: "postgresql",
		usual:    "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable",
		binaries: []string{"initdb", "postgres"},
		answers:  func(ctx context.Context, at string) error { return ping(ctx, "pgx", at) },
		start:    startPostgres,
	}
	mariadb = &kind{
		name: "MariaDB", env: "DURIN_TEST_MYSQL", packages: "mariadb-server",
		usual:    "root@tcp(127.0.0.1:3306)/?interpolateParams=true",
		binaries: []string{"mariadb-install-db", "mariadbd"},
		answers:  func(ctx context.Context, at string) error { return ping(ctx, "mysql", at) },
		start:    startMariaDB,
	}
	redis = &kind{
		name: "Redis", env: "DURIN_TEST_REDIS", packages: "redis-server",
		usual:    "127.0.0.1:6379",
		binaries: []string{"redis-server"},
		answers:  pingRedis,
		start:    startRedis,
	}
)

const (
	probeTime = 3 * time.Second
	startTime = 60 * time.Second
	stopTime  = 10 * time.Second

	installTries = 4
	installWait  = 5 * time.Second
)

// Main runs a package's tests, drops their databases and stops what they have
// started. It returns the exit code, which is not zero when goroutines are left
// either: func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }.
func Main(m *testing.M) int {
	code := m.Run()
	err := drops.wait()
	for _, k := range []*kind{postgres, mariadb, redis} {
		k.end()
	}
	http.DefaultClient.CloseIdleConnections()
	err = errors.Join(err, goleak.Find(
		goleak.IgnoreTopFunction("os/signal.signal_recv"), goleak.IgnoreTopFunction("os/signal.loop"),
		// It ends by itself, up to a second after its client was closed.
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
	))
	if code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	return code
}

// end stops what was started and removes its files.
func (k *kind) end() {
	for i := len(k.stop) - 1; i >= 0; i-- {
		k.stop[i]()
	}
}

func (k *kind) find() (string, error) {
	if at := os.Getenv(k.env); at != "" {
		return at, k.within(probeTime, at)
	}
	if k.within(probeTime, k.usual) == nil {
		return k.usual, nil
	}
	if err := k.installed(); err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "durin-test-")
	if err != nil {
		return "", err
	}
	k.stop = append(k.stop, func() { _ = os.RemoveAll(folder) })
	port, err := freePort()
	if err != nil {
		return "", err
	}
	at, err := k.start(k, folder, port)
	if err != nil {
		return "", err
	}
	return at, k.within(startTime, at)
}

// within waits until the server answers.
func (k *kind) within(limit time.Duration, at string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := k.answers(ctx, at)
		if err == nil || limit == probeTime {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// installed sees that what is needed is there, and installs it where it may.
func (k *kind) installed() error {
	missing := k.missing()
	if missing == nil {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Getuid() != 0 {
		return missing
	}
	if err := install(apt, strings.Fields(k.packages)); err != nil {
		return fmt.Errorf("%w, and installing %s failed: %w", missing, k.packages, err)
	}
	return k.missing()
}

func (k *kind) missing() error {
	for _, b := range k.binaries {
		if binary(b) == "" {
			return fmt.Errorf("%s is not installed (on Debian: %s)", b, k.packages)
		}
	}
	if k.library != "" {
		if _, err := os.Stat(k.library); err != nil {
			return fmt.Errorf("%w (on Debian: %s)", err, k.packages)
		}
	}
	return nil
}

// install has apt-get install packages. The lists of a new machine are empty:
// they are fetched when a package is not found. Tests of several packages may
// install at the same time, and wait for each other.
func install(apt string, packages []string) error {
	run := func(args ...string) error {
		cmd := exec.Command(apt, append([]string{"-q", "-y", "-o", "DPkg::Lock::Timeout=600"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}
	packages = append([]string{"install"}, packages...)
	var err error
	for range installTries {
		if err = run(packages...); err == nil {
			return nil
		}
		if updated := run("update"); updated != nil { // another test may be fetching them
			err = errors.Join(err, updated)
			time.Sleep(installWait)
		}
	}
	return err
}

// binary is the path of a program, also of those that Debian keeps apart.
func binary(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return found[len(found)-1]
	}
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// command runs name as the user of that name where we are root: these servers
// refuse to run as root.
func command(user, folder, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary(name), args...)
	cmd.Dir = folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if id, ok := account(user); ok && os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id.uid, Gid: id.gid}
		_ = os.Chown(folder, int(id.uid), int(id.gid))
	}
	return cmd
}

// run starts a server that ends with Main, and with this process in any case.
func (k *kind) run(cmd *exec.Cmd) error {
	log, err := os.Create(filepath.Join(cmd.Dir, "server.log"))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		// The signal at our death is sent when the thread that started the
		// server ends: keep it.
		runtime.LockOSThread()
		started <- cmd.Start()
		_ = cmd.Wait()
	}()
	if err := <-started; err != nil {
		return err
	}
	k.stop = append(k.stop, func() {
		_ = cmd.Process.Signal(os.Interrupt)
		time.Sleep(100 * time.Millisecond)
		_ = cmd.Process.Kill()
	})
	return nil
}

func startPostgres(k *kind, folder string, port int) (string, error) {
	data := filepath.Join(folder, "data")
	if out, err := command("postgres", folder, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	err := k.run(command("postgres", folder, "postgres", "-D", data, "-k", folder, "-p", fmt.Sprint(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"))
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), err
}

func startMariaDB(k *kind, folder string, port int) (string, error) {
	data := filepath.Join(folder, "data")
	if out, err := command("mysql", folder, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput(); err != nil {
		return "", fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	err := k.run(command("mysql", folder, "mariadbd", "--no-defaults", "--datadir="+data, "--socket="+filepath.Join(folder, "s"),
		"--pid-file="+filepath.Join(folder, "pid"), "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port)))
	return fmt.Sprintf("root@tcp(127.0.0.1:%d)/?interpolateParams=true", port), err
}

func startRedis(k *kind, folder string, port int) (string, error) {
	err := k.run(command("redis", folder, "redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--save", "", "--dir", folder))
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

func ping(ctx context.Context, driver, at string) error {
	db, err := sql.Open(driver, at)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.PingContext(ctx)
}

func pingRedis(ctx context.Context, at string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", at)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer := make([]byte, 7)
	if _, err := conn.Read(answer); err != nil {
		return err
	}
	if string(answer[:5]) != "+PONG" {
		return errors.New("it does not answer to PING")
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
