package nodestest

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/servers"
)

// pooler runs a PgBouncer in transaction mode before a database, with fewer
// connections to it than it takes, and returns the database's URL through it.
func pooler(t *testing.T, db string) string {
	t.Helper()
	binary := servers.Program(t, "pgbouncer", "pgbouncer")
	u, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	folder, err := os.MkdirTemp("", "durin-pooler-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	config := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=%s port=%s user=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\nmax_client_conn = 200\ndefault_pool_size = 4\nignore_startup_parameters = extra_float_digits\n",
		u.Hostname(), u.Port(), u.User.Username(), port)
	if password, ok := u.User.Password(); ok {
		text = strings.Replace(text, "\n[pgbouncer]", " password="+password+"\n[pgbouncer]", 1)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, config)
	asPostgres(cmd, folder, config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr := net.JoinHostPort("127.0.0.1", port)
	eventually(t, "the pooler answers", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return through(t, db, addr)
}

// asPostgres runs cmd as the user postgres where we are root: PgBouncer refuses
// to be.
func asPostgres(cmd *exec.Cmd, files ...string) {
	u, err := user.Lookup("postgres")
	if err != nil || os.Getuid() != 0 {
		return
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	for _, f := range files {
		_ = os.Chown(f, uid, gid)
	}
}

// TestThroughAPooler runs nodes behind PgBouncer in transaction mode: by polling,
// and with NOTIFY past it.
func TestThroughAPooler(t *testing.T) {
	direct := servers.PostgreSQL(t).URL
	pooled := pooler(t, direct) + "&default_query_exec_mode=exec"
	c := newCluster(t, pooled)
	c.add(pooled)
	c.add(pooled)
	if part := c.nodes[0].part("notify"); part != "" {
		t.Errorf("NOTIFY through the pooler is %s", part)
	}
	c.add(pooled, "--notify", direct)
	eventually(t, "NOTIFY past the pooler", func() bool { return c.nodes[2].part("notify") == "ok" })
	tokens := c.tokens(40)
	c.warm(tokens)
	var took spans
	var wg sync.WaitGroup
	for worker := range 4 { // more transactions at a time than the pooler has connections
		wg.Go(func() {
			for i := worker; i < len(tokens); i += 4 {
				c.revoke(tokens[i], &took)
			}
		})
	}
	names := []string{c.user().Name, c.user().Name, c.user().Name}
	for i, name := range names {
		wg.Go(func() {
			for range 5 {
				if _, status := c.nodes[i].login(name); status != http.StatusOK {
					t.Errorf("log in: %d", status)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Wait()
	took.report(t, len(tokens))
	for _, n := range c.nodes {
		if log := n.logged(); strings.Contains(log, "level=ERROR") {
			t.Errorf("in the log:\n%s", log)
		}
	}
}
