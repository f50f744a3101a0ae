package servers

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var pgbouncer = &kind{
	name: "PgBouncer", packages: "pgbouncer", binaries: []string{"pgbouncer"},
	answers: func(ctx context.Context, at string) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
		if err == nil {
			_ = conn.Close()
		}
		return err
	},
}

// OwnPooler runs a PgBouncer in transaction mode before the database at a URL,
// with fewer connections to it than it takes. Its own URL has the parameter with
// which durin takes it.
func OwnPooler(t testing.TB, db string) *Own {
	t.Helper()
	u, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	o, port := own(t, pgbouncer, syscall.SIGINT)
	text := fmt.Sprintf("[databases]\n* = host=%s port=%s user=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\nmax_client_conn = 200\ndefault_pool_size = 4\nignore_startup_parameters = extra_float_digits\n",
		u.Hostname(), u.Port(), u.User.Username(), port)
	if password, ok := u.User.Password(); ok {
		text = strings.Replace(text, "\n[pgbouncer]", " password="+password+"\n[pgbouncer]", 1)
	}
	file := filepath.Join(o.folder, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	give(file, "postgres") // PgBouncer refuses to be root
	o.command = func() *exec.Cmd { return command("postgres", o.folder, "pgbouncer", file) }
	o.at = o.Addr
	u.Host, u.RawQuery = o.Addr, u.RawQuery+"&default_query_exec_mode=exec"
	o.URL = u.String()
	o.Start()
	return o
}
