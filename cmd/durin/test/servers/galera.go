package servers

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// galeraLibrary is where Debian's package galera-4 puts it.
const galeraLibrary = "/usr/lib/galera/libgalera_smm.so"

// galeraNode is a MariaDB that answers when it belongs to its group.
var galeraNode = &kind{
	name: "Galera", packages: "mariadb-server galera-4 rsync", binaries: append([]string{"rsync"}, mariadb.binaries...), library: galeraLibrary,
	answers: func(ctx context.Context, at string) error {
		db, err := sql.Open("mysql", at)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		var one int
		return db.QueryRowContext(ctx, "SELECT COUNT(*) FROM mysql.db").Scan(&one)
	},
}

// OwnGalera runs n MariaDB servers that replicate each other with Galera. They
// have one database, which the URLs name.
func OwnGalera(t testing.TB, n int) []*Own {
	t.Helper()
	nodes, ports, group := make([]*Own, n), make([]int, n), make([]string, n)
	for i := range nodes {
		nodes[i], ports[i] = own(t, galeraNode, syscall.SIGTERM)
		group[i] = fmt.Sprintf("127.0.0.1:%d", Port(t))
	}
	for i, o := range nodes {
		o.galera(t, ports[i], group, i)
		o.Start()
		if i == 0 {
			name := fresh(t, "mysql", o.at, "CREATE DATABASE %s", "")
			for _, all := range nodes {
				all.URL = fmt.Sprintf("mysql://root@%s/%s", all.Addr, name)
			}
		}
	}
	return nodes
}

// galera lays out the node with a number of the group.
func (o *Own) galera(t testing.TB, port int, group []string, number int) {
	t.Helper()
	data := filepath.Join(o.folder, "data")
	if out, err := command("mysql", o.folder, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	args := []string{"--no-defaults", "--datadir=" + data, "--socket=" + filepath.Join(o.folder, "s"), "--pid-file=" + filepath.Join(o.folder, "pid"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2",
		"--wsrep-on=ON", "--wsrep-provider=" + galeraLibrary, "--wsrep-sst-method=rsync", "--wsrep-node-address=127.0.0.1",
		fmt.Sprintf("--wsrep-sst-receive-address=127.0.0.1:%d", Port(t)),
		fmt.Sprintf("--wsrep-provider-options=gmcast.listen_addr=tcp://%s;ist.recv_addr=127.0.0.1:%d", group[number], Port(t)),
	}
	address := "gcomm://" + strings.Join(group, ",")
	if number == 0 {
		address = "gcomm://"
	}
	args = append(args, "--wsrep-cluster-address="+address)
	o.command = func() *exec.Cmd { return command("mysql", o.folder, "mariadbd", args...) }
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr = "root", "tcp", o.Addr
	o.at = cfg.FormatDSN()
}
