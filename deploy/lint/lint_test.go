package lint

import (
	"os"
	"strings"
	"testing"
)

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// isSetting reports whether the program reads a variable.
func isSetting(t *testing.T, variable string) bool {
	t.Helper()
	return variable == "DURIN_KEY" || strings.Contains(read(t, "../../docs/settings.md"), "`"+variable+"`")
}

// The unit's folders and variables are the package's.
func TestUnit(t *testing.T) {
	unit := read(t, "../systemd/durin.service")
	for _, want := range []string{"ExecStart=/usr/bin/durin serve --config /etc/durin/durin.toml\n", "User=durin\n", "StateDirectory=durin\n", "RuntimeDirectory=durin\n", "ProtectSystem=strict\n", "NoNewPrivileges=yes\n", "LoadCredential=durin.key\n"} {
		if !strings.Contains(unit, want) {
			t.Errorf("durin.service lacks %s", want)
		}
	}
	for line := range strings.Lines(unit) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "LoadCredential=durin."); ok && !isSetting(t, "DURIN_"+strings.ToUpper(name)) {
			t.Errorf("the credential durin.%s stands for no setting", name)
		}
	}
}
