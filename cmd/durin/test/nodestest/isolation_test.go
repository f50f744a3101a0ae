package nodestest

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/pgxdurin"
	"github.com/redis/rueidis"
)

// withSchema is a database's URL with another schema in it.
func withSchema(t *testing.T, d servers.Database, schema string) string {
	t.Helper()
	if _, err := d.Open(t).ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// TestTwoInstallations: whatever two share by accident, a Redis, a PostgreSQL server or
// one database in two schemas, neither feels the other: its throttles, its failures of
// log-ins, its endings.
func TestTwoInstallations(t *testing.T) {
	redis := "redis://" + servers.Redis(t)
	for name, dbs := range map[string]func(t *testing.T) (string, string){
		"two files": func(t *testing.T) (string, string) { return servers.SQLite(t).URL, servers.SQLite(t).URL },
		"two databases of one server": func(t *testing.T) (string, string) {
			return servers.PostgreSQL(t).URL, servers.PostgreSQL(t).URL
		},
		"two schemas of one database": func(t *testing.T) (string, string) {
			d := servers.PostgreSQL(t)
			return withSchema(t, d, "one"), withSchema(t, d, "two")
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := dbs(t)
			one, two := newCluster(t, a), newCluster(t, b)
			args := []string{"--login-limit", "on", "--redis", redis, "--trusted-proxies", "127.0.0.1", "--throttle", "3/h"}
			first, second := one.add(a, args...), two.add(b, args...)
			user, same := one.user().Name, two.user().Name
			if user != same {
				t.Fatal("the users are to have one name and id")
			}
			for _, n := range []*node{first, second} {
				n.Eventually("Redis answers", func() bool { return n.part("redis") == "ok" })
			}
			mine, theirs := login(t, first, user), login(t, second, user)
			throttled := func(n *node, token string) int {
				status, _ := n.Ask("GET", "/api/auth/throttled", token, nil)
				return status
			}
			for i := range 5 {
				if got, want := throttled(first, mine), map[bool]int{true: 200, false: 429}[i < 3]; got != want {
					t.Errorf("request %d of the first: %d, want %d", i, got, want)
				}
			}
			if got := throttled(second, theirs); got != http.StatusOK {
				t.Errorf("the throttle of the first is felt by the second: %d", got)
			}
			for range 12 {
				first.guess(user, "wrong", "192.0.2.1", "")
			}
			if first.guess(user, pass, "192.0.2.1", "") {
				t.Error("the first does not lock")
			}
			if !second.guess(user, pass, "192.0.2.1", "") {
				t.Error("failures at the first lock at the second")
			}
			if first.guess(user, pass, "192.0.2.1", "") {
				t.Error("a success at the second takes back failures at the first")
			}
			if status, _ := first.Ask("POST", "/api/auth/logoutall", mine, nil); status >= 300 {
				t.Errorf("logging out: %d", status)
			}
			if got := second.check(theirs); got != http.StatusOK {
				t.Errorf("an ending at the first is felt by the second: %d", got)
			}
			first.Eventually("the log tells of another installation", func() bool {
				return strings.Contains(first.Log()+second.Log(), "other installations use this Redis")
			})
			if out := first.Run("", "doctor", "--db", a, "--key-file", filepath.Join(one.dir, "durin.key"), "--redis", redis); !strings.Contains(out, "other installations use it") {
				t.Errorf("doctor says nothing of the other:\n%s", out)
			}
			prefixed(t, servers.Redis(t), one, two)
		})
	}
}

func login(t *testing.T, n *node, user string) string {
	t.Helper()
	token, status := n.login(user)
	if token == "" {
		t.Fatalf("%s cannot log in: %d", user, status)
	}
	return token
}

// prefixed checks that every key of two installations begins with the name of one.
func prefixed(t *testing.T, at string, all ...*cluster) {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{at}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, c := range all {
		name, err := c.store.(interface {
			FindInstallation(ctx context.Context) (string, error)
		}).FindInstallation(t.Context())
		if err != nil || name == "" {
			t.Fatal(name, err)
		}
		keys, err := client.Do(t.Context(), client.B().Keys().Pattern("durin:"+name+":*").Build()).AsStrSlice()
		if err != nil || len(keys) == 0 {
			t.Errorf("no key begins with durin:%s: %v", name, err)
		}
		for _, key := range keys {
			left, err := client.Do(t.Context(), client.B().Pttl().Key(key).Build()).AsInt64()
			if err != nil || left == -1 {
				t.Errorf("%s stays for ever: %v", key, err)
			}
		}
	}
}

// TestNotifyOfTwoInstallations: in two schemas of one database, neither hears what the
// other notifies, not even that everything is to be forgotten.
func TestNotifyOfTwoInstallations(t *testing.T) {
	d := servers.PostgreSQL(t)
	var heard [2]chan []nodes.Ending
	var channels [2]*pgxdurin.Invalidator
	for i, schema := range []string{"one", "two"} {
		at := withSchema(t, d, schema)
		c := newCluster(t, at)
		n := c.add(at, "--login-limit", "on")
		n.Eventually("NOTIFY is heard", func() bool { return n.part("notify") == "ok" })
		target, err := database.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		pool, err := database.NotifyPool(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		name, err := c.store.(interface {
			FindInstallation(ctx context.Context) (string, error)
		}).FindInstallation(t.Context())
		if err != nil || name == "" {
			t.Fatal(name, err)
		}
		heard[i] = make(chan []nodes.Ending, 100)
		channels[i] = pgxdurin.NewInvalidator(pool, pgxdurin.InvalidatorOptions{Channel: "durin_endings_" + name, Logger: quiet})
		ready := make(chan struct{})
		go func() {
			_ = channels[i].Listen(t.Context(), func(list []nodes.Ending) {
				if list == nil {
					close(ready)
					return
				}
				heard[i] <- list
			})
		}()
		<-ready
		token, _ := n.login(c.user().Name)
		if status, _ := n.Ask("POST", "/api/auth/logout", token, nil); status >= 300 {
			t.Errorf("logging out: %d", status)
		}
		select {
		case <-heard[i]: // the program says it on that channel
		case <-time.After(time.Minute):
			t.Fatal("the program does not notify by the installation's name")
		}
	}
	if err := channels[1].Announce(t.Context(), []nodes.Ending{{}}); err != nil {
		t.Fatal(err)
	}
	<-heard[1]
	if len(heard[0]) != 0 {
		t.Errorf("the first has heard %v of the second", <-heard[0])
	}
}
