package servers

import (
	"os"
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
