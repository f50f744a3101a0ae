package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/importer"
	"github.com/spf13/cobra"
)

func (a *app) export() *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Write clients, users and sessions to a file",
		Long: `Write clients, users and sessions to a file, one JSON object a line, for "durin
import durin" on another database, or for another system. "-" is standard output. A
file that is there already is not touched.

There is no token and no password in it in clear, but their digests and hashes:
keep it as the database itself. Stop the server first if nothing may change
meanwhile.`,
		Example: `  durin export durin.jsonl
  durin export - | gzip > durin.jsonl.gz`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error {
			return r.with(node.Look, false, func(n *node.Node) error { return r.exportTo(n, r.args[0]) })
		}),
	}
}

func (r *run) exportTo(n *node.Node, name string) error {
	if name == "-" {
		report, err := r.exportFrom(n, output.CleanJSON(r.Out))
		if err == nil {
			r.err.Line("%s", exported(report))
		}
		return err
	}
	report, err := r.exportToFile(n, name)
	switch {
	case err != nil:
		return err
	case r.json:
		return r.out.JSON(report)
	}
	r.out.Line("%s", exported(report))
	return nil
}

// exportToFile writes a file that only its owner can read, whole or not at all.
func (r *run) exportToFile(n *node.Node, name string) (report importer.ExportReport, err error) {
	if _, err := os.Lstat(name); err == nil {
		return report, fmt.Errorf("%s is there already", name)
	}
	part := name + ".part"
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return report, err
	}
	defer func() { _ = os.Remove(part) }()
	report, err = r.exportFrom(n, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return report, err
	}
	err = os.Link(part, name)
	if err != nil && !errors.Is(err, fs.ErrExist) { // file systems without links
		err = os.Rename(part, name)
	}
	return report, err
}

func (r *run) exportFrom(n *node.Node, w io.Writer) (importer.ExportReport, error) {
	origin, err := origin(r.ctx, n)
	if err != nil {
		return importer.ExportReport{}, err
	}
	told := r.teller()
	defer told.end()
	return importer.Export(r.ctx, w, n.Store, importer.ExportOptions{
		Origin: origin, Now: r.now(), Progress: func(lines int) { told.tell("exporting: %d rows", lines) },
	})
}

func exported(report importer.ExportReport) string {
	return fmt.Sprintf("Exported %s.", held(report.Clients, report.Users, report.Tokens))
}

// origin tells a database from all others: by the instant at which its first
// table was made.
func origin(ctx context.Context, n *node.Node) (string, error) {
	steps, err := n.Database.Status(ctx)
	if err != nil || len(steps) == 0 {
		return "", err
	}
	return strconv.FormatInt(steps[0].Applied.UnixMicro(), 36), nil
}
