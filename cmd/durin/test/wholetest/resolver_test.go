package wholetest

import (
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// A resolver is a name server that says of every name that it is this machine, or
// that says nothing.
type resolver struct {
	conn   net.PacketConn
	silent atomic.Bool
	asked  atomic.Int64
}

func newResolver(t *testing.T, ip string) *resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", ip+":53")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	r := &resolver{conn: conn}
	go r.run()
	return r
}

func (r *resolver) run() {
	question := make([]byte, 1500)
	for {
		n, from, err := r.conn.ReadFrom(question)
		if err != nil {
			return
		}
		if r.asked.Add(1); !r.silent.Load() {
			_, _ = r.conn.WriteTo(answerTo(question[:n]), from)
		}
	}
}

// answerTo is the answer to a question (RFC 1035 section 4.1) about one name: its
// address of the type A is 127.0.0.1, for no time, and it has none of another type.
func answerTo(question []byte) []byte {
	const header = 12
	end := header
	for end < len(question) && question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the end of the name, type and class
	if end > len(question) {
		return nil
	}
	answer := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[header:end]...)
	if isA := question[end-4] == 0 && question[end-3] == 1; isA {
		answer[7] = 1
		answer = append(answer, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
	}
	return answer
}

// named is a program for which that name server is the only one.
func (r *resolver) named(t *testing.T) string {
	t.Helper()
	host, _, err := net.SplitHostPort(r.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	resolv, program := filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "durin")
	script := fmt.Sprintf("#!/bin/sh\nexec unshare --mount sh -c 'mount --bind %s /etc/resolv.conf && exec durin \"$@\"' durin \"$@\"\n", resolv)
	for name, text := range map[string]string{resolv: "nameserver " + host + "\n", program: script} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

// cut ends all connections to a database but db's own.
func cut(t *testing.T, db *sql.DB, driver string) {
	t.Helper()
	ids, kill := "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()", "SELECT pg_terminate_backend(%d)"
	if driver == "mysql" {
		ids, kill = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()", "KILL %d"
	}
	rows, err := db.Query(ids)
	if err != nil {
		t.Fatal(err)
	}
	var all []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		all = append(all, id)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%d connections, %v", len(all), err)
	}
	for _, id := range all {
		_, _ = db.Exec(fmt.Sprintf(kill, id)) // it may have gone by itself
	}
}

// TestNameServerFallsSilent: the name server of the database answers no more while a
// server runs. As long as its connections last nothing is felt. When they end, all
// that needs the database is answered with 503, in bounded time; /healthz stays well;
// and all is well again when the name server answers.
func TestNameServerFallsSilent(t *testing.T) {
	t.Parallel() // it waits most of the time
	for ip, open := range map[string]func(testing.TB) servers.Database{"127.0.0.97": servers.PostgreSQL, "127.0.0.98": servers.MySQL} {
		d := open(t)
		t.Run(d.Driver, func(t *testing.T) {
			t.Parallel()
			names := newResolver(t, ip)
			at, err := url.Parse(d.URL)
			if err != nil {
				t.Fatal(err)
			}
			at.Host = net.JoinHostPort("db.durin.test", at.Port())
			db := d.Open(t)
			db.SetMaxOpenConns(1)
			s := in(t, t.TempDir())
			s.Program, s.Env = names.named(t), append(os.Environ(), "DURIN_DB="+at.String())
			s.Prepare()
			s.Start()
			token := s.Login("web")
			if names.asked.Load() == 0 {
				t.Fatal("nobody asked the name server")
			}
			names.silent.Store(true)
			s.Do("GET", "/api/auth/sessions/", token, nil).Want(t, "while the connections last", 200)

			cut(t, db, d.Driver)
			unknown := strings.Repeat("f", 64)
			began := time.Now()
			s.Eventually("503 for a token that was used before", func() bool {
				status, _ := s.Ask("GET", "/api/auth/sessions/", token, nil)
				return status == 503
			})
			s.Do("GET", "/api/auth/sessions/", unknown, nil).Want(t, "an unknown token", 503)
			s.Do("POST", "/api/auth/login/", "", credentials()).Want(t, "a login", 503)
			s.Do("GET", "/readyz", "", nil).Want(t, "readiness", 503)
			s.Do("GET", "/healthz", "", nil).Want(t, "life", 200)
			t.Logf("answered within %v", time.Since(began).Round(time.Millisecond))

			names.silent.Store(false)
			s.Eventually("service again", func() bool {
				status, _ := s.Ask("GET", "/api/auth/sessions/", token, nil)
				return status == 200
			})
			s.Do("GET", "/api/auth/sessions/", unknown, nil).Want(t, "an unknown token again", 401)
			s.Login("web")
			s.Stop()
		})
	}
}
