package servers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestStart starts servers although others may answer.
func TestStart(t *testing.T) {
	if testing.Short() {
		t.Skip("starting servers takes seconds")
	}
	for _, k := range []*kind{postgres, mariadb, redis} {
		t.Run(k.name, func(t *testing.T) {
			own := &kind{name: k.name, env: "DURIN_TEST_NONE", usual: "127.0.0.1:1", packages: k.packages, binaries: k.binaries, answers: k.answers, start: k.start}
			defer own.end()
			if at := found(t, own); at == own.usual {
				t.Errorf("found %s", at)
			}
		})
	}
}

// TestFresh checks that two tests never share a database.
func TestFresh(t *testing.T) {
	for name, open := range map[string]func(testing.TB) Database{"SQLite": SQLite, "PostgreSQL": PostgreSQL, "MySQL": MySQL} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				if _, err := open(t).Open(t).Exec("CREATE TABLE only_once (id BIGINT)"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestInstall lets packages be found only after the lists were fetched, as on a
// new machine.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$@\" >> " + dir + "/said\ncase \"$*\" in *update) : > " + dir + "/lists;; *) test -f " + dir + "/lists;; esac\n"
	apt := filepath.Join(dir, "apt-get")
	if err := os.WriteFile(apt, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := install(apt, []string{"mariadb-server", "galera-4"}); err != nil {
		t.Error(err)
	}
	said, err := os.ReadFile(filepath.Join(dir, "said"))
	if lines := strings.Split(strings.TrimSpace(string(said)), "\n"); err != nil || len(lines) != 3 || !strings.HasSuffix(lines[1], " update") || !strings.HasSuffix(lines[2], " install mariadb-server galera-4") {
		t.Errorf("%s, %v", said, err)
	}
	for _, k := range []*kind{postgres, mariadb, redis, pgbouncer, galeraNode} {
		if err := k.missing(); err != nil && !strings.Contains(err.Error(), k.packages) {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}
