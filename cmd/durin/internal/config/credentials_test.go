package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCredentials(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"durin.db": "postgres://a:b@c/d\n", "durin.key": "k1\nk2\n", "durin.addr": ":7", "other": "x"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	c, warnings, err := load(t, nil, []string{"CREDENTIALS_DIRECTORY=" + folder, "DURIN_ADDR=:8"}, `db = "file.db"`)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if c.DB != "postgres://a:b@c/d" || c.Key.Reveal() != "k1\nk2" {
		t.Errorf("db %q, key of %d bytes", c.DB, len(c.Key.Reveal()))
	}
	if c.Addr != ":8" {
		t.Errorf("the variable does not go before the credential: %q", c.Addr)
	}
	if err := os.Mkdir(filepath.Join(folder, "durin.redis"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := load(t, nil, []string{"CREDENTIALS_DIRECTORY=" + folder}, ""); err == nil {
		t.Error("a credential that cannot be read is passed over")
	}
}
