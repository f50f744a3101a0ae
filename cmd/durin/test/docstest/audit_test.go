package docstest

import (
	"strings"
	"testing"

	"github.com/durin-go/durin/audit"
)

// Each action of the audit log has its row.
func TestActionsAreExplained(t *testing.T) {
	text := pageNamed(t, "docs/audit.md").text
	for _, a := range audit.Actions() {
		found := false
		for line := range strings.Lines(text) {
			first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
			found = found || strings.HasPrefix(line, "| ") && strings.Contains(first, "`"+string(a)+"`")
		}
		if !found {
			t.Errorf("docs/audit.md does not explain %s", a)
		}
	}
}
