package importer

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

// A Source is a store that Export can write out.
type Source interface {
	durin.Store
	durin.UserStore
	transfer.Exporter
}

// ExportOptions of an export.
type ExportOptions struct {
	// Origin tells this database from all others, for good: imports know by
	// it what they have taken before. At most 40 bytes of printable ASCII.
	Origin string
	// Now is the instant that the export tells.
	Now time.Time
	// Progress, if set, is called now and then with the number of lines
	// written.
	Progress func(lines int)
}

// An ExportReport counts what was written.
type ExportReport struct {
	Clients int `json:"clients"`
	Users   int `json:"users"`
	Tokens  int `json:"tokens"` // sessions, expired ones among them
	Taken   int `json:"taken"`  // entries of the ledger of imports
}

// maxOrigin bounds Origin, so that it fits into the ledger's names.
const maxOrigin = 40

// Export writes the clients, users and sessions of src, for Durin to read: a
// JSON object a line, in bounded memory. There is no clear token and no clear
// password in it, but digests, password hashes and seals: keep it as the
// database itself. The rows are read one page after the other: what changes
// meanwhile may be in it or not.
func Export(ctx context.Context, w io.Writer, src Source, opts ExportOptions) (ExportReport, error) {
	if err := checkOrigin(opts.Origin); err != nil {
		return ExportReport{}, err
	}
	buffer := bufio.NewWriterSize(w, readBuffer)
	e := &exporter{ctx: ctx, src: src, opts: opts, to: json.NewEncoder(buffer)}
	e.to.SetEscapeHTML(false)
	for _, part := range []func() error{e.header, e.clients, e.users, e.tokens, e.ledger, e.end, buffer.Flush} {
		if err := part(); err != nil {
			return e.report, fmt.Errorf("importer: exporting: %w", err)
		}
	}
	return e.report, nil
}

func checkOrigin(origin string) error {
	usable := origin != "" && len(origin) <= maxOrigin
	for _, c := range []byte(origin) {
		usable = usable && c > ' ' && c < 0x7f && c != ':'
	}
	if !usable {
		return fmt.Errorf("importer: an origin is 1 to %d visible ASCII characters without a colon", maxOrigin)
	}
	return nil
}

type exporter struct {
	ctx    context.Context
	src    Source
	opts   ExportOptions
	to     *json.Encoder
	report ExportReport
	lines  int
}

const exportPage = 1000

func (e *exporter) write(line exportLine) error {
	if e.lines++; e.lines%exportPage == 0 && e.opts.Progress != nil {
		e.opts.Progress(e.lines)
	}
	return e.to.Encode(line)
}

func (e *exporter) header() error {
	return e.write(exportLine{Header: &exportHeader{Format: exportFormat, Origin: e.opts.Origin, Exported: e.opts.Now.UTC()}})
}

func (e *exporter) end() error {
	end := exportEnd(e.report)
	return e.write(exportLine{End: &end})
}

func (e *exporter) clients() error {
	all, err := e.src.Clients(e.ctx)
	for _, c := range all {
		if err := e.write(exportLine{Client: formOfClient(c)}); err != nil {
			return err
		}
		e.report.Clients++
	}
	return err
}

func (e *exporter) users() error {
	for after := ""; ; {
		some, err := e.src.Users(e.ctx, after, exportPage)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, u := range some {
			if err := e.write(exportLine{User: formOfUser(u)}); err != nil {
				return err
			}
			e.report.Users++
			after = u.Name
		}
	}
}

func (e *exporter) tokens() error {
	for after := int64(0); ; {
		some, err := e.src.ExportTokens(e.ctx, after, exportPage)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, t := range some {
			if err := e.write(exportLine{Token: formOfToken(t)}); err != nil {
				return err
			}
			e.report.Tokens++
			after = t.ID
		}
	}
}

func (e *exporter) ledger() error {
	for after := (transfer.Entry{}); ; {
		some, err := e.src.ExportLedger(e.ctx, after, exportPage)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, entry := range some {
			if err := e.write(exportLine{Taken: &takenForm{entry.Source, entry.Key, entry.ID, entry.Mark}}); err != nil {
				return err
			}
			e.report.Taken++
			after = entry
		}
	}
}
