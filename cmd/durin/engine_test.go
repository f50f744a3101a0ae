package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/servers"
)

// TestServers runs the program on database servers: what it does there, and what
// it does not do by itself.
func TestServers(t *testing.T) {
	for name, open := range map[string]func(testing.TB) servers.Database{"postgres": servers.PostgreSQL, "mysql": servers.MySQL} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DURIN_DB", open(t).URL)
			dir := t.TempDir()
			out, err := command(t, dir, "client", "create", "web").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "durin migrate") {
				t.Errorf("before the schema: %v: %s", err, out)
			}
			if out := run(t, dir, "", "migrate"); !strings.Contains(out, "Applied 0001_") {
				t.Errorf("migrate: %s", out)
			}
			run(t, dir, "", "client", "create", "web")
			run(t, dir, password, "user", "create", userName, "--password-stdin")
			s := start(t, dir, "--demo")
			if !strings.Contains(s.err.String(), "Other nodes on this database need the same key file") {
				t.Errorf("no word about other nodes: %s", s.err)
			}
			token := s.login()
			other := start(t, dir, "--demo")
			other.do("GET", "/api/auth/", token, nil).want(t, "on the other node", 200)
			s.do("POST", "/api/auth/logout/", token, nil).want(t, "log out", 204)
			other.eventually("the other node hears of it", func() bool { return other.do("GET", "/api/auth/", token, nil).StatusCode == 401 })
			if out := run(t, dir, "", "doctor"); strings.Contains(out, "FAULT") || strings.Contains(out, "WARNING clock") {
				t.Errorf("doctor: %s", out)
			}
			s.stop()
			other.stop()
		})
	}
}

func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "durin", args...)
	cmd.Dir = dir
	return cmd
}
