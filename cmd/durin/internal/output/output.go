// Package output writes what the commands tell: tables and lines for people,
// JSON for scripts. Nothing that it writes can steer a terminal, whatever names
// are in it.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A Printer writes to one stream.
type Printer struct {
	w        io.Writer
	terminal bool
	colour   bool
}

// New returns a Printer on w. It knows by itself whether w is a terminal;
// colours are used on one only, and not when noColour says so.
func New(w io.Writer, noColour bool) *Printer {
	p := &Printer{w: w, terminal: IsTerminal(w)}
	p.colour = p.terminal && !noColour
	return p
}

// IsTerminal reports whether stream, a reader or writer, is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Line writes one line.
func (p *Printer) Line(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = Clean(s)
		}
	}
	_, _ = fmt.Fprintf(p.w, format+"\n", args...)
}

// Count words a number of things by the word for one of them.
func Count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Table writes rows under a header: with lines between on a terminal, and
// columns set apart by blanks elsewhere. Without rows it writes the header only.
func (p *Printer) Table(header []string, rows [][]string) {
	t := table.NewWriter()
	t.SetStyle(p.style())
	t.AppendHeader(cells(header))
	for _, row := range rows {
		t.AppendRow(cells(row))
	}
	for line := range strings.Lines(t.Render() + "\n") {
		_, _ = io.WriteString(p.w, strings.TrimRight(line, " \n")+"\n")
	}
}

func (p *Printer) style() table.Style {
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	if p.terminal {
		style.Options = table.Options{SeparateHeader: true, SeparateColumns: true, DrawBorder: true}
		if p.colour {
			style.Color.Header = text.Colors{text.Bold}
		}
		return style
	}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Options = table.OptionsNoBordersAndSeparators
	return style
}

func cells(values []string) table.Row {
	row := make(table.Row, len(values))
	for i, v := range values {
		row[i] = Clean(v)
	}
	return row
}

// JSON writes v, indented, as one document.
func (p *Printer) JSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(p.w, escape(b.String(), jsonEscape))
	return err
}

// JSONText writes a JSON document that somebody else has put together, with the
// characters that are not to be seen as escapes of JSON: what it says is the same.
func (p *Printer) JSONText(text []byte) error {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return err
	}
	_, err := io.WriteString(p.w, escape(strings.ToValidUTF8(b.String(), "\ufffd"), jsonEscape)+"\n")
	return err
}

// CleanJSON is a writer of JSON to w, with the characters that are not to be seen as
// escapes of JSON. Between its values there may be no more than blanks and line breaks.
func CleanJSON(w io.Writer) io.Writer { return &cleanJSON{w: w} }

type cleanJSON struct {
	w    io.Writer
	rest []byte // the beginning of a character
}

func (c *cleanJSON) Write(p []byte) (int, error) {
	all := append(c.rest, p...)
	whole := len(all)
	for i := 1; i <= min(utf8.UTFMax-1, len(all)); i++ {
		if b := all[len(all)-i:]; utf8.RuneStart(b[0]) && !utf8.FullRune(b) {
			whole -= i
		}
	}
	c.rest = slices.Clone(all[whole:])
	if _, err := io.WriteString(c.w, escape(string(all[:whole]), jsonEscape)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Clean writes the characters of s that are not to be seen as \x1b, \u202e.
func Clean(s string) string { return escape(s, goEscape) }

// CleanLines is Clean that lets line breaks and tabs be.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		parts := strings.Split(line, "\t")
		for j := range parts {
			parts[j] = Clean(parts[j])
		}
		lines[i] = strings.Join(parts, "\t")
	}
	return strings.Join(lines, "\n")
}

func escape(s string, write func(*strings.Builder, rune)) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(r)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			write(&b, r)
		}
	}
	return b.String()
}

func goEscape(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r < 0x80:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// jsonEscape keeps the line breaks between JSON's values; those in its strings
// are escaped before.
func jsonEscape(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteRune(r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		r -= 0x10000
		fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
	}
}
