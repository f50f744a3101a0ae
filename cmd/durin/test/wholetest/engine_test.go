package wholetest

import (
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestServers runs the program on database servers: what it does there, and what
// it does not do by itself.
func TestServers(t *testing.T) {
	for name, open := range map[string]func(testing.TB) servers.Database{"postgres": servers.PostgreSQL, "mysql": servers.MySQL} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DURIN_DB", open(t).URL)
			dir := t.TempDir()
			out, err := in(t, dir).Command("client", "create", "web").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "durin migrate") {
				t.Errorf("before the schema: %v: %s", err, out)
			}
			if out := run(t, dir, "", "migrate"); !strings.Contains(out, "Applied 0001_") {
				t.Errorf("migrate: %s", out)
			}
			run(t, dir, "", "client", "create", "web")
			run(t, dir, password, "user", "create", userName, "--password-stdin")
			s := start(t, dir, "--demo")
			if !strings.Contains(s.Log(), "Other nodes on this database need the same key file") {
				t.Errorf("no word about other nodes: %s", s.Log())
			}
			token := s.Login("web")
			other := start(t, dir, "--demo")
			other.Do("GET", "/api/auth/", token, nil).Want(t, "on the other node", 200)
			s.Do("POST", "/api/auth/logout/", token, nil).Want(t, "log out", 204)
			other.Eventually("the other node hears of it", func() bool { return other.Do("GET", "/api/auth/", token, nil).StatusCode == 401 })
			if out := run(t, dir, "", "doctor"); strings.Contains(out, "FAULT") || strings.Contains(out, "WARNING clock") {
				t.Errorf("doctor: %s", out)
			}
			s.Stop()
			other.Stop()
		})
	}
}
