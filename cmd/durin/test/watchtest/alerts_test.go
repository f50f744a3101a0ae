package watchtest

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// driven are the alerts whose condition came about.
type driven struct {
	rules []query
	begun atomic.Int32 // of the ways to drive them
	mu    sync.Mutex
	seen  map[string]bool
}

// by waits until a metric of the alert's moves.
func (d *driven) by(n *node, alert string, want func(float64) bool, metric string, labels ...string) {
	n.T.Helper()
	i := slices.IndexFunc(d.rules, func(q query) bool { return q.of == alert })
	if i < 0 || !slices.Contains(metricsIn(d.rules[i].expr), metric) {
		n.T.Fatalf("there is no alert %s, or it does not look at %s", alert, metric)
	}
	n.becomes(want, metric, labels...)
	d.note(alert)
}

func (d *driven) note(alert string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[alert] = true
}

// TestAlerts brings about what each alert warns of, on the real program, and sees
// its metric move.
func TestAlerts(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*testing.T, *driven){
		"an outage": outage, "a storm of logins": storm, "strangers": strangers, "a missing key": missingKey, "lost entries": lostEntries,
	}
	d := &driven{rules: alerts(t), seen: map[string]bool{}}
	t.Run("all", func(t *testing.T) {
		for name, drive := range ways {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d.begun.Add(1)
				drive(t, d)
			})
		}
	})
	for _, a := range d.rules {
		if !d.seen[a.of] && !t.Failed() && int(d.begun.Load()) == len(ways) {
			t.Errorf("nothing has brought about %s", a.of)
		}
	}
}

// outage takes away Redis, then the database, then the node.
func outage(t *testing.T, d *driven) {
	db, redis := servers.OwnPostgreSQL(t), servers.OwnRedis(t)
	n := newNode(t, db.URL+"&pool_max_conns=1")
	cert, key := certificate(t, time.Hour)
	n.serve("--redis", "redis://"+redis.Addr, "--throttle", "100/m", "--demo", "--cache-ttl", "0", "--tls-cert", cert, "--tls-key", key)
	soon := func(at float64) bool { return at < float64(time.Now().Add(14*24*time.Hour).Unix()) }
	d.by(n, "DurinCertificateExpires", soon, "durin_certificate_expiry_timestamp_seconds")
	token := n.Login("web")
	for _, channel := range []string{"redis", "outbox"} {
		n.becomes(is(1), "durin_channel_up", "channel", channel)
	}
	poolExhausted(t, n, db.URL, token)
	d.by(n, "DurinPoolExhausted", above(0), "go_sql_wait_duration_seconds_total", "db_name", "main")

	redis.Stop()
	d.by(n, "DurinChannelDown", is(0), "durin_channel_up", "channel", "redis")
	n.Ask("GET", "/api/auth/throttled", token, nil)
	d.by(n, "DurinRedisErrors", above(0), "durin_redis_errors_total")

	if status := n.check(token); status != http.StatusOK {
		t.Errorf("without Redis: %d", status)
	}
	db.Stop()
	if status := n.check(token); status != http.StatusServiceUnavailable {
		t.Errorf("without the database: %d", status)
	}
	d.by(n, "DurinChecksFail", above(0), "durin_checks_total", "result", "failed")
	d.by(n, "DurinDatabaseErrors", above(0), "durin_database_errors_total", "call", "looking up a token")
	d.by(n, "DurinServerErrors", above(0), "durin_http_requests_total", "route", "verify", "code", "5xx")
	d.by(n, "DurinInvalidationLag", above(1), "durin_invalidation_lag_seconds")
	n.becomes(is(0), "durin_channel_up", "channel", "outbox")
	d.by(n, "DurinUsesNotWritten", above(0), "durin_flushes_total", "result", "failed")

	n.Kill()
	if res, err := http.Get(n.ops + "/metrics"); err == nil {
		_ = res.Body.Close()
		t.Error("a killed node answers")
	}
	d.note("DurinDown")
}

// poolExhausted lets calls wait for the only connection.
func poolExhausted(t *testing.T, n *node, db, token string) {
	t.Helper()
	other, err := sql.Open("pgx", db)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE durin_token IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() { n.check(token) })
	}
	n.becomes(above(0), "go_sql_wait_count_total", "db_name", "main")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	calls.Wait()
}

// storm lets logins wait for one that takes long, until the queue is full.
func storm(t *testing.T, d *driven) {
	n := newNode(t, filepath.Join(t.TempDir(), "durin.db"))
	hash := fmt.Sprintf("pbkdf2_sha256$9000000$salt$%s", base64.StdEncoding.EncodeToString(make([]byte, 32)))
	dump := filepath.Join(n.Dir, "dump.json")
	text := `[{"model":"auth.user","pk":77,"fields":{"username":"slow","password":"` + hash + `","is_active":true,"is_superuser":false,"date_joined":"2026-01-02T03:04:05Z"}}]`
	if err := os.WriteFile(dump, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n.Run("", "import", "django", dump, "--lenient")
	n.serve("--login-limit", "off")
	workers, _ := n.scrape().sum("durin_password_workers")
	queue, _ := n.scrape().sum("durin_password_queue_limit")
	ctx, leave := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	defer callers.Wait()
	defer leave()
	login := func(name string) {
		callers.Go(func() {
			r, err := programtest.NewRequest("POST", n.URL(programtest.LoginPath), "", credentials(name, "x"))
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = programtest.Send(n.HTTP, r.WithContext(ctx))
		})
	}
	for range 4 * int(workers) {
		login("slow")
	}
	d.by(n, "DurinLoginQueue", above(0), "durin_password_hashes_waiting")
	for i := range int(queue) + 50 {
		login(fmt.Sprintf("somebody-%d", i))
	}
	d.by(n, "DurinLoginQueue", above(queue/2), "durin_password_hashes_waiting")
	d.by(n, "DurinLoginsBusy", above(0), "durin_logins_total", "result", "busy")
	n.becomes(above(0), "durin_password_refused_total")
	if took, _ := n.scrape().sum("durin_password_memory_bytes"); took <= 0 {
		t.Error("running hashes take no memory")
	}
}

// strangers try tokens and passwords, and somebody holds the database up.
func strangers(t *testing.T, d *driven) {
	file := filepath.Join(t.TempDir(), "durin.db")
	n := newNode(t, file).serve("--cache-ttl", "0")
	token := n.Login("web")
	db, err := sql.Open("sqlite", servers.SQLiteDSN(file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	slow := func() float64 {
		s := n.scrape()
		all, _ := s.sum("durin_http_duration_seconds_bucket", "route", "logout", "le", "+Inf")
		quick, _ := s.sum("durin_http_duration_seconds_bucket", "route", "logout", "le", "0.5")
		return all - quick
	}
	for hold := 600 * time.Millisecond; slow() == 0 && hold < time.Minute; hold *= 2 {
		tx, err := db.BeginTx(t.Context(), nil) // immediate: nobody else writes
		if err != nil {
			t.Fatal(err)
		}
		release := time.AfterFunc(hold, func() { _ = tx.Rollback() })
		n.Ask("POST", "/api/auth/logout/", token, nil)
		release.Stop()
		_ = tx.Rollback()
		token = n.Login("web")
	}
	d.by(n, "DurinSlow", above(0), "durin_http_duration_seconds_bucket", "route", "logout", "le", "+Inf")
	if slow() == 0 {
		t.Error("a slow request is not counted as one")
	}
	for i := range 5 {
		n.check(fmt.Sprintf("%064d", i))
	}
	d.by(n, "DurinTokensRefused", above(4), "durin_checks_total", "result", "invalid")
	for range 12 {
		n.Ask("POST", "/api/auth/login/", "", credentials(userName, "wrong"))
	}
	d.by(n, "DurinGuessing", above(0), "durin_logins_total", "result", "held_back")
}

// missingKey starts beside seals without their key.
func missingKey(t *testing.T, d *driven) {
	n := newNode(t, filepath.Join(t.TempDir(), "durin.db")).serve()
	n.Login("web")
	n.becomes(is(1), "durin_key_present")
	n.Stop()
	db := strings.TrimPrefix(n.Env[slices.IndexFunc(n.Env, func(e string) bool { return strings.HasPrefix(e, "DURIN_DB=") })], "DURIN_DB=")
	if err := os.Remove(filepath.Join(filepath.Dir(db), "durin.key")); err != nil {
		t.Fatal(err)
	}
	n.serve()
	d.by(n, "DurinKeyMissing", is(0), "durin_key_present")
}

// lostEntries renews a token while the database takes no rows of the audit log, until
// there is no more room for them in memory.
func lostEntries(t *testing.T, d *driven) {
	file := filepath.Join(t.TempDir(), "durin.db")
	n := newNode(t, file).serve("--audit-queue", "10")
	token := n.Login("web")
	n.becomes(is(0), "durin_audit_dropped_total")
	db, err := sql.Open("sqlite", servers.SQLiteDSN(file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	change := func(statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	change("CREATE TRIGGER no_rows BEFORE INSERT ON durin_audit BEGIN SELECT RAISE(ABORT, 'no rows'); END")
	for range 300 { // a batch of 250 waits beside the queue at most
		if status, body := n.Ask("POST", "/api/auth/refresh/", token, nil); status != http.StatusOK {
			t.Fatalf("a renewal: %d %s", status, body)
		}
	}
	d.by(n, "DurinAuditLost", above(0), "durin_audit_dropped_total")
	change("DROP TRIGGER no_rows")
	n.Eventually("the log tells what it has lost", func() bool {
		return strings.Contains(n.Run("", "audit", "list", "--action", "audit.dropped"), "rows")
	})
}
