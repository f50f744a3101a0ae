// Command cluster runs groups of real servers on the loopback, for trying durin
// on them: those that its tests use. scripts/cluster calls it.
//
//	cluster postgres-standby FOLDER
//
// It writes how durin is connected to FOLDER/ready when all answer, and runs until
// it is told to end; then nothing of the group is left.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// groups start one each, and return how durin is connected, one way a line.
var groups = map[string]func(testing.TB) []string{
	"postgres-standby": func(t testing.TB) []string {
		primary := servers.OwnPostgreSQL(t)
		standby := primary.Standby()
		return []string{
			fmt.Sprintf("--db 'postgres://postgres@%s,%s/postgres?sslmode=disable&target_session_attrs=read-write&connect_timeout=2'", primary.Addr, standby.Addr),
			fmt.Sprintf("primary %s, standby %s; the standby is promoted with", primary.Addr, standby.Addr),
			fmt.Sprintf("psql '%s' -c \"ALTER SYSTEM SET synchronous_standby_names = ''\" -c 'SELECT pg_reload_conf()' -c 'SELECT pg_promote()'", standby.URL),
		}
	},
	"pgbouncer": func(t testing.TB) []string {
		direct := servers.OwnPostgreSQL(t)
		pooled := servers.OwnPooler(t, direct.URL)
		return []string{
			fmt.Sprintf("--db '%s'", pooled.URL),
			fmt.Sprintf("--db '%s' --notify '%s'", pooled.URL, direct.URL),
		}
	},
	"galera": func(t testing.TB) (lines []string) {
		for _, o := range servers.OwnGalera(t, 3) {
			lines = append(lines, fmt.Sprintf("--db '%s?wsrep_sync_wait=1'", o.URL))
		}
		return lines
	},
	"redis-cluster": func(t testing.TB) []string {
		var addrs []string
		for _, o := range servers.OwnRedisCluster(t) {
			addrs = append(addrs, o.Addr)
		}
		return []string{fmt.Sprintf("--redis 'redis://%s?addr=%s'", addrs[0], strings.Join(addrs[1:], "&addr="))}
	},
	"redis-sentinel": func(t testing.TB) []string {
		master, replica, sentinel := servers.OwnRedisWatched(t)
		return []string{
			fmt.Sprintf("--redis 'redis://%s?master_set=m'", sentinel.Addr),
			fmt.Sprintf("master %s, replica %s", master.Addr, replica.Addr),
		}
	},
}

func main() {
	if len(os.Args) != 3 || groups[os.Args[1]] == nil {
		fmt.Fprintf(os.Stderr, "usage: cluster NAME FOLDER, with one of the names %s\n", strings.Join(slices.Sorted(maps.Keys(groups)), ", "))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := &host{ctx: ctx}
	defer t.end()
	lines := strings.Join(groups[os.Args[1]](t), "\n") + "\n"
	ready := filepath.Join(os.Args[2], "ready")
	if err := os.WriteFile(ready+".new", []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(ready+".new", ready); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
}

// A host takes the place of a test: what would end with the test ends with it.
type host struct {
	testing.TB
	ctx   context.Context
	mu    sync.Mutex
	after []func()
}

func (t *host) Helper()                  {}
func (t *host) Context() context.Context { return t.ctx }

func (t *host) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.after = append(t.after, f)
}

func (t *host) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range slices.Backward(t.after) {
		f()
	}
	t.after = nil
}

func (t *host) Error(args ...any) { fmt.Fprintln(os.Stderr, args...) }

func (t *host) Fatal(args ...any) {
	t.Error(args...)
	t.end()
	os.Exit(1)
}

func (t *host) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }
func (t *host) Skip(args ...any)                  { t.Fatal(args...) }
