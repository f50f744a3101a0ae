package docstest

import (
	"encoding/json"
	"strings"
	"testing"
)

// languages are what blocks may be in, and what holds each to the program.
var languages = map[string]string{
	"console": "run, and its output compared (TestConsoles)",
	"go":      "stands in a file that is compiled (TestGoBlocksAreCompiled)",
	"sh":      "commands and flags exist (TestCommandsExist)",
	"toml":    "read by the program (TestConfigurationFilesAreRead)",
	"json":    "has the form of JSON (here)",
	"text":    "shown, not run: pictures, messages, and commands of what is not on every machine",
	"js":      "shown: the module itself is tested in Chromium (browsertest)",
	"sql":     "shown: for the operator's own database",
	"yaml":    "shown: for what reads it",
}

func TestEveryBlockIsOfAKind(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
			language, _, _ := strings.Cut(m[1], " ")
			if languages[language] == "" {
				t.Errorf("%s: nothing says what holds a block in %q:\n%.200s", p.name, language, m[2])
			}
			if language == "json" && !json.Valid([]byte(m[2])) {
				t.Errorf("%s: this is not JSON:\n%s", p.name, m[2])
			}
		}
	}
}
