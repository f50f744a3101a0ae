// Package manual writes the manual's pages, in the form that man reads, out of
// the commands themselves.
package manual

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// About is what the commands do not know of themselves.
type About struct {
	Version string
	Date    time.Time // of the version; printed as a day
}

// A Page is one file of section 1.
type Page struct {
	Name string // "durin-client-create.1"
	Text []byte
}

// Pages are those of root and of all that is below it, hidden commands aside.
func Pages(root *cobra.Command, about About) []Page {
	var all []Page
	for _, c := range tree(root) {
		var text strings.Builder
		write(&text, c, about)
		all = append(all, Page{Name: pageName(c) + ".1", Text: []byte(text.String())})
	}
	return all
}

func tree(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			all = append(all, tree(below)...)
		}
	}
	return all
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func write(w io.Writer, c *cobra.Command, about About) {
	put := func(form string, args ...any) { _, _ = fmt.Fprintf(w, form+"\n", args...) }
	put(`.TH %s 1 %s %s "Durin"`, quoted(strings.ToUpper(pageName(c))), quoted(about.Date.UTC().Format(time.DateOnly)), quoted("durin "+about.Version))
	put(".SH NAME\n%s \\- %s", escaped(pageName(c)), escaped(c.Short))
	put(".SH SYNOPSIS\n.nf\n.B %s\n.fi", escaped(c.UseLine()))
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	put(".SH DESCRIPTION\n%s", paragraphs(long))
	flags(w, "OPTIONS", c.NonInheritedFlags())
	flags(w, "OPTIONS OF EVERY COMMAND", c.InheritedFlags())
	if c.HasExample() {
		put(".SH EXAMPLES\n.nf\n%s\n.fi", escaped(c.Example))
	}
	if !c.HasParent() {
		put(ofTheProgram)
	}
	if also := seeAlso(c); len(also) > 0 {
		put(".SH SEE ALSO\n%s", strings.Join(also, ",\n"))
	}
}

// ofTheProgram is what holds for all commands, told once.
const ofTheProgram = `.SH ENVIRONMENT
Every option of
.BR durin\-serve (1)
is also a variable:
.B DURIN_TOKEN_TTL
stands for \-\-token\-ttl. Options go before the environment, the environment before the configuration file.
.TP
.B DURIN_CONFIG
The configuration file.
.TP
.B DURIN_KEY
The text of the key file, where there is no file.
.TP
.B CREDENTIALS_DIRECTORY
A folder of secrets, as systemd and container platforms lay them: a file durin.db in it stands for DURIN_DB, durin.key for DURIN_KEY.
.SH EXIT STATUS
0 done, 1 failed, 2 not understood or not confirmed.`

func flags(w io.Writer, title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	_, _ = fmt.Fprintf(w, ".SH %s\n", title)
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		term := "--" + f.Name
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", " + term
		}
		_, _ = fmt.Fprintf(w, ".TP\n.B %s", escaped(term))
		if name != "" && f.NoOptDefVal == "" {
			_, _ = fmt.Fprintf(w, " \\fI%s\\fP", escaped(name))
		}
		if f.DefValue != "" && f.DefValue != "false" && !strings.HasPrefix(f.DefValue, "[]") {
			usage += " (default " + f.DefValue + ")"
		}
		_, _ = fmt.Fprintf(w, "\n%s\n", escaped(usage))
	})
}

func seeAlso(c *cobra.Command) []string {
	var all []*cobra.Command
	if c.HasParent() {
		all = append(all, c.Parent())
	}
	all = append(all, slices.DeleteFunc(slices.Clone(c.Commands()), func(b *cobra.Command) bool { return !b.IsAvailableCommand() })...)
	var names []string
	for _, o := range all {
		names = append(names, `\fB`+escaped(pageName(o))+`\fP(1)`)
	}
	return names
}

// paragraphs are text's, each filled anew by man.
func paragraphs(text string) string {
	return strings.Join(strings.Split(escaped(text), "\n\n"), "\n.PP\n")
}

var special = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", `\&...`)

// escaped is text in which man finds no orders.
func escaped(text string) string {
	lines := strings.Split(special.Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

func quoted(text string) string {
	return `"` + strings.ReplaceAll(escaped(text), `"`, `\(dq`) + `"`
}
