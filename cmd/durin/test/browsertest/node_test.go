package browsertest

import (
	"os/exec"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// TestJavaScript runs the tests of the JavaScript module itself.
func TestJavaScript(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), servers.Program(t, "node", "nodejs"), "--test")
	cmd.Dir = "../../../../js"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
