package docstest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/programtest"
)

var update = flag.Bool("update", false, "write the generated parts and the consoles' output anew")

func TestMain(m *testing.M) { programtest.Main(m) }

const (
	goRun       = "go run ./cmd/durin"
	usualAddr   = "127.0.0.1:8000"
	consoleTime = 2 * time.Minute
)

// A place is where a page's commands are run.
type place struct {
	program string
	folder  string
	environ []string
	addr    string // of the server; empty: none runs
}

// newPlace has the program, by its name, and nothing else.
func newPlace(t *testing.T) *place {
	t.Helper()
	program, folder := programtest.Itself(t), t.TempDir()
	env := []string{"PATH=" + filepath.Dir(program) + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + folder, "LC_ALL=C.UTF-8", "TMPDIR=" + t.TempDir()}
	return &place{program: program, folder: folder, environ: env}
}

// serve starts a server that ends with the test.
func (p *place) serve(t *testing.T, flags ...string) {
	t.Helper()
	s := &programtest.Server{T: t, Program: p.program, Dir: p.folder, Env: p.environ, Args: flags}
	s.Start()
	p.addr = s.Addr
}

// A step is a command on a console, and what it writes there.
type step struct{ command, output string }

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

func (s step) String() string {
	if out := strings.TrimSpace(s.output); out != "" {
		return "$ " + s.command + "\n" + out + "\n"
	}
	return "$ " + s.command + "\n"
}

const mark = "-- end of step --"

// run runs the steps in one shell and returns what each wrote.
func (p *place) run(t *testing.T, all []step) []string {
	t.Helper()
	var script strings.Builder
	script.WriteString("exec 2>&1\n")
	for _, s := range all {
		command := strings.ReplaceAll(strings.ReplaceAll(s.command, goRun, "durin"), usualAddr, p.addr)
		fmt.Fprintf(&script, "%s\nprintf '\\n%s\\n'\n", command, mark)
	}
	ctx, cancel := context.WithTimeout(t.Context(), consoleTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash")
	cmd.Env, cmd.Dir, cmd.Stdin = p.environ, p.folder, strings.NewReader(script.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the shell: %v\n%s", err, out)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(out), p.addr, usualAddr), p.folder, "/srv/durin")
	parts := strings.Split(text, "\n"+mark+"\n")
	if len(parts) != len(all)+1 {
		t.Fatalf("%d outputs of %d steps:\n%s", len(parts)-1, len(all), text)
	}
	return parts[:len(all)]
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

var serveFlags = regexp.MustCompile(`<!-- serve: (.*?) -->`)

func TestConsoles(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "" {
			t.Skipf("%s is not here", tool)
		}
	}
	for _, p := range pages(t) {
		blocks := p.blocks("console")
		if len(blocks) == 0 {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			at := newPlace(t)
			var flags []string
			if m := serveFlags.FindStringSubmatch(p.text); m != nil {
				flags = strings.Fields(m[1])
			}
			at.serve(t, flags...)
			compare(t, p, blocks, at)
		})
	}
}

// compare runs the consoles of a page.
func compare(t *testing.T, p page, blocks []block, at *place) {
	t.Helper()
	var all []step
	counts := make([]int, len(blocks))
	for i, b := range blocks {
		some := steps(t, b.text)
		all, counts[i] = append(all, some...), len(some)
	}
	outputs := at.run(t, all)
	for i := range all {
		if form(outputs[i]) == form(all[i].output) {
			continue
		}
		if !*update {
			t.Errorf("$ %s\nwrote:\n%s\n\nthe page has:\n%s", all[i].command, outputs[i], all[i].output)
		}
		all[i].output = outputs[i]
	}
	if !*update {
		return
	}
	text, from := p.text, len(all)
	for i := len(blocks) - 1; i >= 0; i-- {
		var written strings.Builder
		for _, s := range all[from-counts[i] : from] {
			written.WriteString(s.String())
		}
		from -= counts[i]
		text = text[:blocks[i].start] + written.String() + text[blocks[i].start+len(blocks[i].text):]
	}
	p.write(t, text)
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
	newPlace(t).serve(t, strings.Fields(args)...)
	info, err := os.Stat(filepath.Join(root, command(lines[1])))
	if err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("the second command %q cannot be run: %v", lines[1], err)
	}
	if ci := read(t, filepath.Join(root, ".ci/run")); !strings.Contains(ci, command(lines[1])) {
		t.Errorf(".ci/run does not call %s", command(lines[1]))
	}
}
