package docstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

var serveFlags = regexp.MustCompile(`<!-- serve: (.*?) -->`)

// TestWalks goes through each page as its reader does: its commands are run in
// their order, in one shell and one folder, beside the server that the page starts.
// What a console shows is compared with what came; a command in an sh block
// succeeds.
func TestWalks(t *testing.T) {
	for _, tool := range [][2]string{{"bash", "bash"}, {"curl", "curl"}, {"jq", "jq"}} {
		servers.Program(t, tool[0], tool[1])
	}
	for _, p := range pages(t) {
		if p.hasCommands() {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				newWalk(t, p).through(p)
			})
		}
	}
}

func (p page) hasCommands() bool { return len(p.blocks("console"))+len(p.blocks("sh")) > 0 }

// A walk is a reader on a page.
type walk struct {
	t     *testing.T
	at    *place
	shell *shell
	plan  plan
	flags []string          // of the server that systemd was told to stop
	reads *strings.Replacer // what is here in the place of what the page names
	shows *strings.Replacer // and back
}

func newWalk(t *testing.T, p page) *walk {
	at := newPlace(t)
	w := &walk{t: t, at: at, plan: plans[p.name]}
	for _, name := range []string{"deploy", "scripts"} { // a clone of the repository has these
		dir, err := filepath.Abs(filepath.Join(root, name))
		if err == nil {
			err = os.Symlink(dir, at.file(name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range w.plan.programs {
		servers.Program(t, program[0], program[1])
	}
	pairs := []string{goRun, "durin", usualAddr, at.addr, "TESTDATA", testdata}
	for _, folder := range []string{"/var/backups", "/mnt/elsewhere", "/usr/local", "/etc/durin", "/run/durin"} {
		pairs = append(pairs, folder, at.file(folder))
	}
	for i, word := range w.plan.instead {
		if i%2 == 1 {
			word = strings.ReplaceAll(word, usualAddr, at.addr)
		}
		pairs = append(pairs, word)
	}
	w.reads = strings.NewReplacer(pairs...)
	w.shows = strings.NewReplacer(at.addr, usualAddr, at.Dir, "/srv/durin")
	return w
}

// through takes the page's steps.
func (w *walk) through(p page) {
	if m := serveFlags.FindStringSubmatch(p.text); m != nil {
		w.at.serve(strings.Fields(m[1])...)
	} else if !p.serves() {
		w.at.serve()
	}
	w.shell = w.at.shell(w.t)
	if out, status := w.shell.run(w.t, w.reads.Replace(w.plan.before)+"\n:"); status != 0 {
		w.t.Fatalf("what the page takes for granted: %s", out)
	}
	text, ahead := p.text, 0
	for _, b := range p.commandBlocks() {
		console := b.language() == "console"
		all := lines(b.text)
		if console {
			all = steps(w.t, b.text)
		}
		var written strings.Builder
		for _, s := range all {
			w.take(&s, console)
			written.WriteString(s.String())
		}
		if *update && console {
			from := b.start + ahead
			text = text[:from] + written.String() + text[from+len(b.text):]
			ahead = len(text) - len(p.text)
		}
	}
	if *update {
		p.write(w.t, text)
	}
}

// take takes one step.
func (w *walk) take(s *step, console bool) {
	w.t.Helper()
	if _, ok := w.plan.not(s.command); ok {
		return
	}
	command := w.reads.Replace(s.command)
	if w.controls(command) {
		return
	}
	out, status := w.shell.run(w.t, command)
	out = w.shows.Replace(out)
	switch {
	case !console && status != 0:
		w.t.Fatalf("$ %s\nstatus %d:\n%s", s.command, status, out)
	case console && form(out) != form(s.output):
		if !*update {
			w.t.Errorf("$ %s\nwrote:\n%s\n\nthe page has:\n%s", s.command, out, s.output)
		}
		s.output = out
	}
	w.after(command)
}

// controls does what starts and stops the server, which a reader does in another
// terminal or has systemd do.
func (w *walk) controls(command string) bool {
	w.t.Helper()
	args, isServe := serveLine(command)
	switch {
	case isServe:
		w.at.serve(args...)
	case command == "systemctl stop durin":
		w.flags = w.at.flags
		w.at.stop()
	case command == "systemctl start durin":
		w.at.serve(w.flags...)
	case strings.HasPrefix(command, "kill -USR2 "):
		w.handOver(command)
	default:
		return false
	}
	return true
}

// serveLine returns the flags if a line starts a server.
func serveLine(command string) ([]string, bool) {
	command, _, _ = strings.Cut(command, " #")
	args, ok := strings.CutPrefix(strings.TrimSpace(strings.Replace(command, goRun, "durin", 1)), "durin ")
	words := strings.Fields(args)
	if !ok || words[0] != "serve" {
		return nil, false
	}
	return words[1:], true
}

// handOver waits until another process serves.
func (w *walk) handOver(command string) {
	w.t.Helper()
	old := w.at.pid()
	if out, status := w.shell.run(w.t, command); status != 0 {
		w.t.Fatalf("$ %s\n%s", command, out)
	}
	w.at.Eventually("another process serves", func() bool { return w.at.pid() != old && w.at.pid() > 0 })
	w.at.Eventually("the old process ends", func() bool { return !runs(old) })
	if out, status := w.shell.run(w.t, "curl -fsS http://"+w.at.addr+"/healthz"); status != 0 {
		w.t.Errorf("after the hand-over: %s", out)
	}
}

// after looks whether a command did what the page says it does.
func (w *walk) after(command string) {
	for _, c := range w.plan.checks {
		if strings.HasPrefix(command, w.reads.Replace(c.command)) {
			if out, status := w.shell.run(w.t, w.reads.Replace(c.holds)); status != 0 {
				w.t.Errorf("after $ %s\n%s does not hold: %s", c.command, c.holds, out)
			}
		}
	}
}

func (b block) language() string {
	word, _, _ := strings.Cut(b.info, " ")
	return word
}

// commandBlocks are the page's sh and console blocks, in their order.
func (p page) commandBlocks() []block {
	all := append(p.blocks("sh"), p.blocks("console")...)
	slices.SortFunc(all, func(a, b block) int { return a.start - b.start })
	return all
}

// serves reports whether one of the page's sh blocks starts a server.
func (p page) serves() bool {
	for _, b := range p.blocks("sh") {
		for _, s := range lines(b.text) {
			if _, ok := serveLine(s.command); ok {
				return true
			}
		}
	}
	return false
}

// TestCommandsNotRun: each command that is not run is on its page, has a reason, and
// names files that are there.
func TestCommandsNotRun(t *testing.T) {
	for name, plan := range plans {
		p := pageNamed(t, name)
		for _, left := range plan.leftOut {
			if len(left.because) < 20 {
				t.Errorf("%s: no reason is given for not running %s", name, left.command)
			}
			found := false
			for _, b := range p.commandBlocks() {
				for _, s := range append(lines(b.text), step{}) {
					if b.language() == "sh" && s.command != "" && strings.HasPrefix(s.command, left.command) {
						found = true
						filesAreThere(t, name, s.command)
						testsAreThere(t, name, s.command)
					}
				}
			}
			if !found {
				t.Errorf("%s has no command %q any more", name, left.command)
			}
		}
	}
}

var (
	repositoryPath = regexp.MustCompile(`(?:^|[ '"=])(?:\./)?((?:scripts|deploy|docs|cmd|bench|examples|js)(?:/[\w./-]+)?)`)
	goTest         = regexp.MustCompile(`^(?:\w+=\S+ )*go test -C (\S+) .*-run '([^']+)'.* (\./\S+)`)
	testName       = regexp.MustCompile(`Test\w+`)
)

func filesAreThere(t *testing.T, page, command string) {
	t.Helper()
	for _, m := range repositoryPath.FindAllStringSubmatch(command, -1) {
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
			t.Errorf("%s: $ %s\nthere is no %s", page, command, m[1])
		}
	}
}

// testsAreThere looks for the tests that a go test command names.
func testsAreThere(t *testing.T, page, command string) {
	t.Helper()
	m := goTest.FindStringSubmatch(command)
	if m == nil {
		if strings.Contains(command, "go test") {
			t.Errorf("%s: $ %s\nthis go test names no folder, tests and package", page, command)
		}
		return
	}
	out, err := exec.Command("grep", "-rhoE", `^func Test\w+`, filepath.Join(root, m[1], m[3]), "--include=*_test.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range testName.FindAllString(m[2], -1) {
		if !strings.Contains(string(out), "func "+name+"\n") {
			t.Errorf("%s: $ %s\nthere is no %s", page, command, name)
		}
	}
}
