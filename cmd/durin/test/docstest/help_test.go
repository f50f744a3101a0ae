package docstest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/internal/cli"
)

// A command is what the program's help tells of one.
type command struct {
	path  []string
	help  string
	below []*command
	flags []flagHelp // its own, without --help
}

type flagHelp struct{ name, arg, usage, text string } // text: the default

var (
	belowLine = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`)
	flagLine  = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)(?: (\S+))? {2,}(.*)$`)
	ofDefault = regexp.MustCompile(` \(default "?([^"]+?)"?\)$`)
)

// commands asks the program for its help, all the way down.
func commands(t *testing.T, path ...string) *command {
	t.Helper()
	c := &command{path: path, help: helpOf(t, path)}
	for _, m := range belowLine.FindAllStringSubmatch(part(c.help, "Available Commands:"), -1) {
		if name := m[1]; name != "help" {
			c.below = append(c.below, commands(t, append(slices.Clone(path), name)...))
		}
	}
	c.flags = flagsIn(part(c.help, "Flags:"))
	return c
}

// helpOf is what the program tells about a command.
func helpOf(t *testing.T, path []string) string {
	t.Helper()
	var out bytes.Buffer
	args := append(slices.Clone(path), "--help")
	if status := cli.Main(args, cli.World{In: strings.NewReader(""), Out: &out, Err: &out}); status != 0 {
		t.Fatalf("durin %s: status %d\n%s", strings.Join(args, " "), status, out.String())
	}
	return out.String()
}

func flagsIn(text string) []flagHelp {
	var all []flagHelp
	for _, m := range flagLine.FindAllStringSubmatch(text, -1) {
		f := flagHelp{name: m[1], arg: m[2], usage: m[3]}
		if d := ofDefault.FindStringSubmatch(f.usage); d != nil {
			f.text = d[1]
			f.usage = strings.TrimSuffix(f.usage, d[0])
		}
		if f.name != "help" {
			all = append(all, f)
		}
	}
	return all
}

// part is what stands under a line of a help text, until an empty line.
func part(help, title string) string {
	_, rest, found := strings.Cut("\n"+help, "\n"+title+"\n")
	if !found {
		return ""
	}
	body, _, _ := strings.Cut(rest, "\n\n")
	return body
}

// walk visits c and everything below.
func (c *command) walk(visit func(*command)) {
	visit(c)
	for _, b := range c.below {
		b.walk(visit)
	}
}

func (c *command) name() string { return strings.Join(append([]string{"durin"}, c.path...), " ") }

// reference is the program's manual of commands, made of its help.
func reference(top *command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Flags of every command:\n\n```text\n%s\n```\n", strings.TrimRight(part(top.help, "Flags:"), "\n"))
	top.walk(func(c *command) {
		if len(c.below) > 0 || len(c.path) == 0 {
			return
		}
		own, _, _ := strings.Cut(c.help, "\nGlobal Flags:")
		fmt.Fprintf(&b, "\n### %s\n\n```text\n%s\n```\n", c.name(), strings.TrimSpace(own))
	})
	return b.String()
}

// settingsTable lists the flags of serve with their variables.
func settingsTable(top *command) string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | meaning |\n|---|---|---|---|\n")
	var all []flagHelp
	top.walk(func(c *command) {
		if c.name() == "durin serve" {
			all = append(flagsIn(part(c.help, "Global Flags:")), c.flags...)
		}
	})
	for _, f := range all {
		if f.name == "json" {
			continue
		}
		arg, text := "", ""
		if f.arg == "" {
			f.text = "off"
		} else {
			arg = " " + strings.ReplaceAll(f.arg, "|", `\|`)
		}
		if f.text != "" {
			text = "`" + f.text + "`"
		}
		variable := "DURIN_" + strings.ToUpper(strings.ReplaceAll(f.name, "-", "_"))
		fmt.Fprintf(&b, "| `--%s%s` | `%s` | %s | %s |\n", f.name, arg, variable, text, strings.ReplaceAll(f.usage, "|", `\|`))
	}
	return b.String()
}

var generated = regexp.MustCompile(`(?s)(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)`)

func TestGeneratedParts(t *testing.T) {
	top := commands(t)
	makers := map[string]func(*command) string{"commands": reference, "settings": settingsTable}
	found := 0
	for _, p := range pages(t) {
		text := generated.ReplaceAllStringFunc(p.text, func(whole string) string {
			m := generated.FindStringSubmatch(whole)
			make, ok := makers[m[2]]
			if !ok {
				t.Errorf("%s: nothing makes %s", p.name, m[2])
				return whole
			}
			found++
			return m[1] + make(top) + m[4]
		})
		if *update {
			p.write(t, text)
		} else if text != p.text {
			t.Errorf("%s is not what the program's help says: run go test ./test/docstest -update in cmd/durin", p.name)
		}
	}
	if found != len(makers) {
		t.Errorf("%d generated parts, want %d", found, len(makers))
	}
}

// Commands in the pages can be given as they stand.
func TestCommandsExist(t *testing.T) {
	top := commands(t)
	common := flagsIn(part(top.help, "Flags:"))
	for _, p := range pages(t) {
		blocks := append(p.blocks("sh"), p.blocks("console")...)
		for _, b := range blocks {
			for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
				for _, call := range calls(line) {
					if fault := top.check(call, common); fault != "" {
						t.Errorf("%s: %s: %s", p.name, strings.TrimSpace(line), fault)
					}
				}
			}
		}
	}
}

var callOf = regexp.MustCompile(`(?:^|[|(] ?|; |&& |[A-Z_]="?[^ ]* |sudo (?:-u \w+ )?)(?:durin|go run \./cmd/durin) ([^|)#>]*)`)

// calls are the words behind the program's name in a line of a shell.
func calls(line string) [][]string {
	var all [][]string
	for _, m := range callOf.FindAllStringSubmatch(strings.TrimPrefix(strings.TrimSpace(line), "$ "), -1) {
		all = append(all, strings.Fields(m[1]))
	}
	return all
}

// check tells what of a call does not exist.
func (c *command) check(words []string, common []flagHelp) string {
	for len(words) > 2 && strings.HasPrefix(words[0], "--") { // a common flag, with its value
		words = append(words[2:], words[0])
	}
	for len(words) > 0 {
		i := slices.IndexFunc(c.below, func(b *command) bool { return b.path[len(b.path)-1] == words[0] })
		if i < 0 {
			break
		}
		c, words = c.below[i], words[1:]
	}
	if len(c.below) > 0 && !slices.Contains(words, "--help") && c.path != nil {
		return c.name() + " is not a whole command"
	}
	for _, w := range words {
		name, isFlag := strings.CutPrefix(w, "--")
		name, _, _ = strings.Cut(name, "=")
		known := func(f flagHelp) bool { return f.name == name }
		if isFlag && name != "help" && !slices.ContainsFunc(c.flags, known) && !slices.ContainsFunc(common, known) {
			return c.name() + " has no flag --" + name
		}
	}
	return ""
}

// Each flag of a new client has its row among the rules.
func TestClientFlagsAreExplained(t *testing.T) {
	text := pageNamed(t, "docs/clients-and-policies.md").text
	commands(t, "client").walk(func(c *command) {
		if c.name() != "durin client create" {
			return
		}
		for _, f := range c.flags {
			if !strings.Contains(text, "| `--"+f.name+"` |") {
				t.Errorf("docs/clients-and-policies.md does not explain --%s", f.name)
			}
		}
	})
}

// A configuration file on a page is taken as it stands.
func TestConfigurationFilesAreRead(t *testing.T) {
	at := newPlace(t)
	count := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks("toml") {
			count++
			file := filepath.Join(t.TempDir(), "durin.toml")
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), at.Program, "version", "--config", file)
			cmd.Env, cmd.Dir = at.Env, at.Dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", p.name, err, out)
			}
		}
	}
	if count == 0 {
		t.Error("no page shows a configuration file")
	}
}
