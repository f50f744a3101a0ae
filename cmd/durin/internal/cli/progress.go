package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/importer"
)

// progressEvery is how often a long import tells how far it is where standard
// error is no terminal, progressOnTerminal where it is one.
const (
	progressEvery      = 10 * time.Second
	progressOnTerminal = 200 * time.Millisecond
)

// teller tells how far a long command is: on one line of a terminal, in a line
// now and then elsewhere.
type teller struct {
	*run
	terminal bool
	last     time.Time
}

func (r *run) teller() *teller {
	return &teller{run: r, terminal: output.IsTerminal(r.Err), last: time.Now()}
}

// tell writes a sentence unless it is too early for one.
func (t *teller) tell(format string, args ...any) {
	every := progressEvery
	if t.terminal {
		every = progressOnTerminal
	}
	now := time.Now()
	if now.Sub(t.last) < every {
		return
	}
	t.last = now
	if t.terminal {
		format = "\r\x1b[K" + format
	} else {
		format += "\n"
	}
	_, _ = fmt.Fprintf(t.Err, format, args...)
}

// end clears the line.
func (t *teller) end() {
	if t.terminal {
		_, _ = io.WriteString(t.Err, "\r\x1b[K")
	}
}

// importing is an importer's Progress.
func (t *teller) importing(p importer.Progress) {
	percent := int64(100)
	if p.Size > 0 {
		percent = p.Bytes * 100 / p.Size
	}
	t.tell("%s: step %d of %d, %d %%, %d rows", p.Doing, p.Step, p.Steps, percent, p.Rows)
}
