package doctortest

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/doctor"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/keyring"
	"github.com/spf13/pflag"
)

func settings(t *testing.T, args ...string) (*config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Bind(flags, config.Common)
	config.Bind(flags, config.Serving)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(config.Sources{Flags: flags})
	return c, err
}

// find returns the worst finding of a part.
func find(found []doctor.Finding, part string) doctor.Finding {
	worst := doctor.Finding{Grade: "none"}
	for _, f := range found {
		if f.Part == part && (worst.Grade != doctor.Fault && f.Grade != doctor.OK || worst.Grade == "none") {
			worst = f
		}
	}
	return worst
}

func TestExamine(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "durin.db")
	examine := func(args ...string) []doctor.Finding {
		c, err := settings(t, append([]string{"--db", db}, args...)...)
		return doctor.Examine(t.Context(), c, nil, err)
	}
	want := func(when string, found []doctor.Finding, part string, grade doctor.Grade, words string) {
		t.Helper()
		if f := find(found, part); f.Grade != grade || !strings.Contains(f.Found+" "+f.Mend, words) {
			t.Errorf("%s: %s is %+v, want %s: %s", when, part, f, grade, words)
		}
	}
	want("before anything", examine(), "database", doctor.Warning, "durin serve")
	want("without a folder", examine("--db", filepath.Join(dir, "x", "y.db")), "database", doctor.Fault, "mkdir -p")
	want("a bad setting", examine("--token-ttl", "0"), "configuration", doctor.Fault, "--token-ttl")
	want("open to the world", examine("--addr", ":8000"), "network", doctor.Warning, "without TLS")
	want("behind a proxy", examine("--addr", ":8000", "--trusted-proxies", "10.0.0.1"), "network", doctor.OK, "")
	want("no proxy but everybody", examine("--trusted-proxies", "0.0.0.0/0,10.0.0.0/8"), "network", doctor.Warning, "[0.0.0.0/0]")
	line, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	want("somebody listens", examine("--addr", line.Addr().String()), "network", doctor.OK, "something listens on "+line.Addr().String())
	_ = line.Close()
	want("nobody listens", examine("--addr", line.Addr().String()), "network", doctor.OK, "nothing listens on "+line.Addr().String())
	want("no certificate", examine("--tls-cert", "x", "--tls-key", "y"), "certificate", doctor.Fault, "tls-cert")

	c, _ := settings(t, "--db", db)
	n, err := node.Open(t.Context(), node.Options{Config: c, Purpose: node.Change, Keys: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close(context.Background()) }()
	found := examine()
	for _, part := range []string{"configuration", "database", "schema", "key", "audit", "clock", "outbox"} {
		want("a fresh one", found, part, doctor.OK, "")
	}
	want("a fresh one", found, "clients", doctor.Warning, "durin client create")
	want("a fresh one", found, "users", doctor.Warning, "durin user create")
	want("no such client", examine("--api-access-client", "apikey"), "clients", doctor.Warning, "durin client create")
	issue(t, n)
	if err := os.Chmod(db, 0o644); err != nil {
		t.Fatal(err)
	}
	want("everybody reads it", examine(), "database", doctor.Warning, "chmod 600")
	key := filepath.Join(dir, "durin.key")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	want("everybody reads the key", examine(), "key", doctor.Fault, "chmod 600")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	want("the key is gone", examine(), "key", doctor.Fault, "durin keyring rotate")
	if _, err := keyring.OpenFile(key, time.Now()); err != nil {
		t.Fatal(err)
	}
	want("another key", examine(), "key", doctor.Warning, "keys that are not here")
}

// issue makes a token with a seal.
func issue(t *testing.T, n *node.Node) {
	t.Helper()
	if _, err := n.Guard.CreateClient(t.Context(), durin.Client{Name: "web"}); err != nil {
		t.Fatal(err)
	}
	u, err := n.Store.CreateUser(t.Context(), durin.User{Name: "ada", Password: "!", Active: true, Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Guard.Issue(t.Context(), durin.IssueRequest{UserID: u.ID, Client: "web"}); err != nil {
		t.Fatal(err)
	}
}

// A key that the audit log was signed with, and that is lost, is told, with what to
// type.
func TestLostAuditKey(t *testing.T) {
	dir := t.TempDir()
	db, key := filepath.Join(dir, "durin.db"), filepath.Join(dir, "durin.key")
	c, err := settings(t, "--db", db)
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), node.Options{Config: c, Purpose: node.Change, Keys: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	id := n.Keys.Keys()[0].ID
	n.Audit.Record(t.Context(), audit.Entry{Action: audit.ServerStart})
	if err := n.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	find := func() doctor.Finding { return find(doctor.Examine(t.Context(), c, nil, nil), "audit") }
	if f := find(); f.Grade != doctor.OK {
		t.Errorf("with its key: %+v", f)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"without a key file", "with a new one"} {
		if f := find(); f.Grade != doctor.Warning || !strings.Contains(f.Found, id) || !strings.Contains(f.Mend, "durin audit verify --lost-key "+id) {
			t.Errorf("%s: %+v", when, f)
		}
		if _, err := keyring.OpenFile(key, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}
