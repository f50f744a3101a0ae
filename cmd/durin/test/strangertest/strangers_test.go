package strangertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/serve"
	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/redis/rueidis"
)

func heapMiB() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// TestStrangers: hostile requests of every kind, DURIN_STRANGERS of them (1,000,000 is
// the long form), leave no more behind than is documented: memory, log, keys in Redis.
// A user who comes fresh, and one who was there, is served afterwards.
func TestStrangers(t *testing.T) {
	n := 4_000
	if text := os.Getenv("DURIN_STRANGERS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("in memory", func(t *testing.T) { strangers(t, n, "") })
	t.Run("with Redis", func(t *testing.T) { strangers(t, n, servers.Redis(t)) })
}

func strangers(t *testing.T, n int, redis string) {
	args := []string{"--trusted-proxies", "127.0.0.1"}
	if redis != "" {
		args = append(args, "--redis", "redis://"+redis, "--redis-away", "closed")
	}
	nd, log, written := programtest.Node(t, args...)
	h, err := serve.Handler(nd, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nd.Guard.CreateClient(t.Context(), durin.Client{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	user := func(name string) string {
		u, err := nd.Store.CreateUser(t.Context(), durin.User{Name: name, Password: "!", Active: true, Created: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		issued, err := nd.Guard.Issue(t.Context(), durin.IssueRequest{UserID: u.ID, Client: "web"})
		if err != nil {
			t.Fatal(err)
		}
		return issued.Token.Reveal()
	}
	ask := func(query, token, from string) int {
		r := httptest.NewRequest("GET", "/api/auth/verify?"+query, nil)
		r.RemoteAddr = "127.0.0.1:1"
		if token != "" {
			r.Header.Set("Authorization", "Token "+token)
		} else {
			r.Header.Set("X-Forwarded-For", from)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	old := user("old")
	if code := ask("throttle=api:100/d", old, ""); code != 200 {
		t.Fatal(code)
	}
	before := heapMiB()
	for i := range n {
		five := [16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 22), byte(i >> 14), byte(i >> 6), byte(i), 15: 1}
		switch i % 4 {
		case 0: // one address, new names
			ask(fmt.Sprintf("optional=1&throttle=a%d:1/d,b%d:1/d,c%d:1/d,d%d:1/d", i, i, i, i), "", "192.0.2.1")
		case 1: // new networks, new names
			ask(fmt.Sprintf("optional=1&throttle=n%d:1000/d", i%500), "", netip.AddrFrom16(five).String())
		case 2: // rules that are none
			if code := ask("nosuch="+strconv.Itoa(i), "", "192.0.2.1"); code != 500 {
				t.Fatal(code)
			}
		case 3: // tokens that are none, each a new one
			ask("allow=x"+strconv.Itoa(i), fmt.Sprintf("%064x", i), "")
		}
	}
	grown := heapMiB() - before
	lines, errs := strings.Count(written.String(), "\n"), strings.Count(written.String(), "level=ERROR")
	keys := keysOf(t, nd, redis)
	t.Logf("%d requests: %.1f MiB more memory, %d lines in the log, %d of them errors, %d keys in Redis", n, grown, lines, errs, keys)
	// 100,000 windows of 100,000 networks, as many refused tokens, and the maps that hold them.
	if grown > 150 {
		t.Errorf("%.1f MiB more memory", grown)
	}
	if minutes := 20; lines > 10*minutes || errs > 0 {
		t.Errorf("%d lines in the log:\n%.2000s", lines, written)
	}
	if keys > 2*100_000+100 {
		t.Errorf("%d keys in Redis", keys)
	}
	for name, token := range map[string]string{"one who was there": old, "a fresh one": user("fresh")} {
		for _, query := range []string{"throttle=api:100/d", "throttle=a0:1/d", ""} {
			if code := ask(query, token, ""); code != http.StatusOK {
				t.Errorf("%s, %q: %d", name, query, code)
			}
		}
	}
	if code := ask("optional=1&throttle=api:100/d", "", "198.51.100.9"); n < 400_000 && code != http.StatusOK {
		t.Errorf("another stranger: %d", code)
	}
}

// keysOf counts the keys of an installation.
func keysOf(t *testing.T, n *node.Node, redis string) (count int) {
	t.Helper()
	if redis == "" {
		return 0
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redis}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	name, err := n.Store.FindInstallation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for cursor := uint64(0); ; {
		page, err := client.Do(t.Context(), client.B().Scan().Cursor(cursor).Match(node.RedisPrefix(n.Config, name)+"*").Count(10_000).Build()).AsScanEntry()
		if err != nil {
			t.Fatal(err)
		}
		count += len(page.Elements)
		if len(page.Elements) > 0 {
			t.Cleanup(func() { removeKeys(redis, page.Elements) })
		}
		if cursor = page.Cursor; cursor == 0 {
			return count
		}
	}
}

func removeKeys(redis string, keys []string) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redis}, DisableCache: true})
	if err != nil {
		return
	}
	defer client.Close()
	cmds := make(rueidis.Commands, 0, len(keys))
	for _, k := range keys {
		cmds = append(cmds, client.B().Unlink().Key(k).Build())
	}
	client.DoMulti(context.Background(), cmds...)
}
