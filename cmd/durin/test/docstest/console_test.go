package docstest

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts and the consoles' output anew")

// A step is a command on a page, and what a console has as its output.
type step struct{ command, output string }

// steps are those of a console, in which a $ stands before each command.
func steps(t *testing.T, text string) []step {
	t.Helper()
	var all []step
	more := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case more:
			all[len(all)-1].command += "\n" + line
		case isCommand:
			all = append(all, step{command: command})
		case len(all) == 0:
			t.Fatalf("a console begins with output: %s", line)
		default:
			all[len(all)-1].output += line + "\n"
		}
		more = (more || isCommand) && strings.HasSuffix(line, `\`)
	}
	return all
}

// lines are the steps of an sh block: a command on each line, or on several with
// a backslash at the end.
func lines(text string) []step {
	var all []step
	more := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if more {
			all[len(all)-1].command += "\n" + line
		} else if strings.TrimSpace(line) != "" {
			all = append(all, step{command: line})
		}
		more = strings.HasSuffix(line, `\`)
	}
	return all
}

func (s step) String() string {
	if out := strings.TrimSpace(s.output); out != "" {
		return "$ " + s.command + "\n" + out + "\n"
	}
	return "$ " + s.command + "\n"
}

// volatile is what differs at each run, and the form that it always has.
var volatile = []struct {
	pattern *regexp.Regexp
	form    string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "TOKEN"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z`), "INSTANT"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`), "INSTANT"},
	{regexp.MustCompile(`(?m)^Date: .*$`), "DATE"},
	{regexp.MustCompile(`X-Request-Id: [0-9a-f]+`), "REQUEST"},
	{regexp.MustCompile(`Content-Length: \d+`), "LENGTH"},
	{regexp.MustCompile(`(?m)^[0-9a-f]{8}  `), "KEY  "},
	{regexp.MustCompile(`\bkey [0-9a-f]{8}\b`), "key KEY"},
	{regexp.MustCompile(`\b(a moment|a second|\d+ seconds)\b`), "SECONDS"},
	{regexp.MustCompile(`(Retry-After: |available in |;t=)\d+`), "WAIT"},
	{regexp.MustCompile(`[ \t\r]+\n`), "\n"},
	{regexp.MustCompile(` {2,}`), "  "}, // columns are as wide as what is in them
}

func form(output string) string {
	for _, v := range volatile {
		output = v.pattern.ReplaceAllString(output, v.form)
	}
	return strings.TrimSpace(output)
}

// The first commands of the README are the two that a newcomer needs.
func TestTwoCommands(t *testing.T) {
	blocks := pageNamed(t, "README.md").blocks("sh")
	if len(blocks) == 0 {
		t.Fatal("the README has no sh block")
	}
	lines := strings.Split(strings.TrimSpace(blocks[0].text), "\n")
	if len(lines) != 2 {
		t.Fatalf("the README's first block has %d commands, not two", len(lines))
	}
	command := func(line string) string {
		command, _, _ := strings.Cut(line, "#")
		return strings.TrimSpace(command)
	}
	args, ok := strings.CutPrefix(command(lines[0]), goRun+" serve")
	if !ok {
		t.Fatalf("the first command is %q", lines[0])
	}
	newPlace(t).serve(strings.Fields(args)...)
	info, err := os.Stat(filepath.Join(root, command(lines[1])))
	if err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("the second command %q cannot be run: %v", lines[1], err)
	}
	if ci := read(t, filepath.Join(root, ".ci/run")); !strings.Contains(ci, command(lines[1])) {
		t.Errorf(".ci/run does not call %s", command(lines[1]))
	}
}
