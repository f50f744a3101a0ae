package pagestest

import (
	"database/sql"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/admin"
	"github.com/durin-go/durin/cmd/durin/internal/serve"
)

var (
	benchUsers  = flag.Int("users", 1_000_000, "how many users BenchmarkPages makes")
	benchTokens = flag.Int("tokens", 2_000_000, "how many tokens BenchmarkPages makes")
)

// crowd makes many users and tokens: for 40 clients, a tenth of the tokens expired,
// some that never expire, a month of use.
func crowd(b *testing.B, file string) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=synchronous(OFF)&_pragma=journal_mode(OFF)&_pragma=cache_size(-200000)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	now := time.Now().UnixMicro()
	const day = int64(24 * time.Hour / time.Microsecond)
	numbers := func(n int) string {
		return fmt.Sprintf(" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
	}
	for _, insert := range []string{
		"durin_client (name, ttl, rate_n, rate_period, policy, max_tokens, sliding, no_password, description, created, cookie)" + numbers(40) +
			fmt.Sprintf("SELECT printf('client-%%02d', i), %d, 0, 0, 'evict', 9, 0, 0, '', %d, 0 FROM n", 14*day, now),
		"durin_user (name, password, active, admin, created)" + numbers(*benchUsers) +
			fmt.Sprintf("SELECT printf('%%s%%s-user-%%07d', char(97 + i %% 26), char(97 + i / 26 %% 26), i), '!', i %% 1000 <> 0, i %% 100000 = 0, %d - i FROM n", now),
		"durin_token (digest, user_id, owner, client_id, created, issued_at, expires, last_used, name, address, agent)" + numbers(*benchTokens) +
			fmt.Sprintf("SELECT CAST(printf('%%032d', i) AS BLOB), 1 + i * 7919 %% %[1]d, 1 + i * 7919 %% %[1]d, CASE WHEN i %% 3 = 0 THEN 1 ELSE 1 + i %% 40 END, %[2]d - %[3]d + i, %[2]d - %[3]d + i, "+
				"CASE WHEN i %% 50 = 0 THEN NULL ELSE %[2]d + (i * 31337 %% 14000 - 1400) * %[4]d END, %[2]d - i, '', '203.0.113.9', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' FROM n",
				*benchUsers, now, *benchTokens, day/1000),
		"durin_usage (day, user_id, client_id, requests, throttled)" + numbers(1_000_000) +
			fmt.Sprintf("SELECT %d - (i %% 30) * %d, CAST(1 + i / 30 AS TEXT), 1 + i %% 40, i * 7919 %% 5000, i %% 10 FROM n", now/day*day, day),
		"durin_activity (day, client_id, requests, throttled, logins, refused, failed)" + numbers(40*365) +
			fmt.Sprintf("SELECT %d - (i / 40) * %d, i %% 40 + 1, i * 31 %% 9000, i %% 50, i %% 900, 0, 0 FROM n", now/day*day, day),
		"durin_audit_chain (name, seq, hash, key_id, mac, first_seq, first_hash, first_key, first_mac, anchored) VALUES ('node', 1000000, x'00', '', x'00', 0, x'00', '', x'00', 0)",
		"durin_audit (chain_id, seq, at, action, actor_kind, actor_id, actor_name, user_id, user_name, client, session_id, address, agent, request_id, details, key_id, hash)" + numbers(1_000_000) +
			fmt.Sprintf("SELECT 1, i, %d + i, CASE WHEN i %% 9 = 0 THEN 'client.update' WHEN i %% 2 = 0 THEN 'login' ELSE 'token.issue' END, 'user', 1 + i * 7919 %% %[2]d, '', 1 + i * 7919 %% %[2]d, '', "+
				"CASE WHEN i %% 9 = 0 THEN '' WHEN i %% 3 = 0 THEN 'client-01' ELSE printf('client-%%02d', 1 + i %% 40) END, i, '203.0.113.9', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', '0123456789abcdef', '{\"a\":\"b\"}', '', x'00' FROM n", now-1_000_000, *benchUsers),
	} {
		if _, err := db.Exec("INSERT OR IGNORE INTO " + insert); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := db.Exec("ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPages asks for every page of the administrators with a million users
// and two million tokens in SQLite, and tells the median and the worst.
func BenchmarkPages(b *testing.B) {
	file := filepath.Join(b.TempDir(), "durin.db")
	n, _ := newNode(b, file)
	if err := n.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	crowd(b, file)
	if info, err := os.Stat(file); err == nil {
		b.Logf("%d users and %d tokens in %d MB after %s", *benchUsers, *benchTokens, info.Size()>>20, time.Since(began).Round(time.Second))
	}
	n, log := newNode(b, file)
	h, err := serve.Handler(n, log)
	if err != nil {
		b.Fatal(err)
	}
	boss, err := n.Store.CreateUser(b.Context(), durin.User{Name: "zz-boss", Active: true, Admin: true, Password: "!"})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := n.Guard.CreateClient(b.Context(), durin.Client{Name: durin.AdminClient, Policy: durin.PolicyEvict, MaxTokens: 1}); err != nil {
		b.Fatal(err)
	}
	in, err := n.Guard.Issue(b.Context(), durin.IssueRequest{UserID: boss.ID, Client: durin.AdminClient})
	if err != nil {
		b.Fatal(err)
	}
	get := func(b *testing.B, path string) string {
		r := httptest.NewRequest("GET", "/admin/"+path, nil)
		r.Header.Set("Cookie", admin.DefaultCookie+"="+in.Token.Reveal())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	next := func(path string) string {
		_, rest, found := strings.Cut(get(b, path), `rel="next" href="/admin/`)
		if !found {
			b.Fatalf("%s has no next page", path)
		}
		address, _, _ := strings.Cut(rest, `"`)
		return strings.ReplaceAll(address, "&amp;", "&")
	}
	middle := "vq-user-0500001"
	paths := []string{
		"", "?days=90", "?client=1&days=30", "clients", "clients?sort=-used", "clients?q=client-3&policy=evict", "clients/1", "clients/1/delete",
		"tokens", next("tokens"), fmt.Sprintf("tokens?after=%d", *benchTokens/2), "tokens?state=live", fmt.Sprintf("tokens?state=live&after=%d", *benchTokens/2),
		"tokens?state=expired", next("tokens?state=expired"), "tokens?state=soon", next("tokens?state=soon"),
		"tokens?client=client-01", "tokens?client=client-07&state=live", "tokens?client=client-07&state=expired", "tokens?client=client-07&state=soon",
		"tokens?user=" + middle, "tokens?user=" + middle + "&client=client-01&state=live", "tokens?user=vq-user-05", "tokens?id=1234567",
		"tokens/revoke?all=1&client=client-01", "people/suggest?q=v", "users", next("users"), "users?after=" + middle, "users?q=vq", "users?q=vq-user-05000", "users?kind=admin", "users?kind=inactive", next("users?kind=inactive"),
		"history", next("history"), "history?user=" + middle, "history?by=" + middle, "history?action=client.update", next("history?action=client.update"), "history?client=client-01",
		"history?client=client-01&action=client.update", "history?client=client-01&action=login", "history?user=" + middle + "&action=login&client=client-02", "history?from=2020-01-01&to=2020-01-02",
		"users?kind=inactive&q=k", "users/500001", "users/500001/delete",
	}
	var memory runtime.MemStats
	for _, path := range paths {
		b.Run("admin/"+path, func(b *testing.B) {
			var times []time.Duration
			get(b, path)
			for b.Loop() {
				at := time.Now()
				get(b, path)
				times = append(times, time.Since(at))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "worst-ms")
		})
	}
	runtime.GC()
	runtime.ReadMemStats(&memory)
	b.Logf("%d MB in use by Go, %d MB taken from the system", memory.HeapAlloc>>20, memory.Sys>>20)
}
