package backup_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
)

var (
	benchTokens = flag.Int("tokens", 500_000, "how many tokens are in the file that BenchmarkBackup copies")
	benchNice   = flag.Int("nice", 0, "priority that BenchmarkBackup takes from the command, as nice -n does")
	benchSpan   = flag.Duration("span", 5*time.Second, "how long BenchmarkBackup counts, alone and beside backups")
)

func TestMain(m *testing.M) { programtest.Main(m) }

const (
	callers   = 4
	leastSize = 100 << 20 // bytes of the file
)

// fill adds tokens of users that the file does not have.
func fill(b *testing.B, file string) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	now := time.Now().UnixMicro()
	// Digests are as scattered as real ones.
	insert := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO durin_token (digest, user_id, owner, client_id, created, issued_at, expires, last_used, seal, name, address, agent)
		SELECT randomblob(32), 1000000 + i, 1000000 + i, 1, %[2]d - i, %[2]d - i, %[2]d + 864000000000, %[2]d - i, randomblob(101), '', '203.0.113.9', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' FROM n`,
		*benchTokens, now)
	if _, err := db.ExecContext(b.Context(), insert); err != nil {
		b.Fatal(err)
	}
	if _, err := db.ExecContext(b.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() < leastSize {
		b.Fatalf("the file has %d bytes, %v", info.Size(), err)
	}
	b.Logf("the file has %d MiB", info.Size()>>20)
}

// rate is how many calls a second are answered, by some callers at a time, until
// ctx ends.
func rate(ctx context.Context, b *testing.B, call func() int) float64 {
	b.Helper()
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				if status := call(); status != http.StatusOK {
					b.Errorf("answered %d", status)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// beside calls while one backup follows the other.
func beside(b *testing.B, s *programtest.Server, call func() int) (perSecond float64, backups int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var work sync.WaitGroup
	work.Go(func() {
		defer cancel()
		for end := time.Now().Add(*benchSpan); time.Now().Before(end); backups++ {
			cmd := exec.CommandContext(b.Context(), "nice", "-n", strconv.Itoa(*benchNice), s.Program, "backup", "--force", "copy.db")
			cmd.Dir, cmd.Env = s.Dir, s.Env
			if told, err := cmd.CombinedOutput(); err != nil {
				b.Errorf("the backup: %v\n%s", err, told)
				return
			}
		}
	})
	perSecond = rate(ctx, b, call)
	work.Wait()
	return perSecond, backups
}

// BenchmarkBackup tells what a running durin backup leaves to those who write: log-ins
// with their password's hash, and renewals, which have none, a second beside it and
// without it, and the one divided by the other.
func BenchmarkBackup(b *testing.B) {
	s := &programtest.Server{T: b, Program: programtest.Build(b, "../../../.."), Dir: b.TempDir(), Env: programtest.Environ("DURIN_LOGIN_LIMIT=off", "DURIN_DB=durin.db")}
	s.Run("", "keyring", "create") // of other seals than fill makes, which nobody opens
	s.Prepare()
	fill(b, filepath.Join(s.Dir, "durin.db"))
	s.Start()
	token := s.Login("web")
	for _, c := range []struct {
		name string
		call func() int
	}{
		{"logins", func() int {
			status, _ := s.Ask("POST", programtest.LoginPath, "", programtest.Credentials(programtest.User, programtest.Password, "web"))
			return status
		}},
		{"renewals", func() int {
			status, _ := s.Ask("POST", "/api/auth/refresh/", token, nil)
			return status
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var alone, with float64
			backups := 0
			for b.Loop() {
				ctx, cancel := context.WithTimeout(b.Context(), *benchSpan)
				alone += rate(ctx, b, c.call)
				cancel()
				perSecond, n := beside(b, s, c.call)
				with, backups = with+perSecond, backups+n
			}
			rounds := float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(alone/rounds, "alone/s")
			b.ReportMetric(with/rounds, "beside/s")
			b.ReportMetric(with/alone, "ratio")
			b.ReportMetric(float64(backups)/rounds, "backups")
		})
	}
}
