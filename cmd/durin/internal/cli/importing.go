package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/importer"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/transfer"
	"github.com/spf13/cobra"
)

func (a *app) imports() *cobra.Command {
	return noun("import", "Import users, clients and tokens of another system", a.importDjango(), a.importDurin())
}

func (a *app) importDjango() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "django FILE.json",
		Short: "Import a dump of a Django project",
		Long: `Import users, password hashes, clients and tokens out of what "manage.py dumpdata"
writes: of django-rest-durin, and of knox, authtoken and drf-multitokenauth. "-" is
standard input. Nobody is logged out, and importing again changes nothing.

Without --lenient nothing is written if any row cannot be taken as it stands: all
of them are listed.`,
		Example: `  python manage.py dumpdata auth.user durin > dump.json
  durin import django dump.json --dry-run
  durin import django dump.json --lenient`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(runImport),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Bool("lenient", false, "mend what can be mended, leave out the rest, and tell")
	flags.Bool("dry-run", false, "go through everything and write nothing")
	flags.StringToString("client-for", nil, "client for tokens of a library without clients: drf=NAME, knox=NAME, multitoken=NAME")
	flags.String("user-model", "", "the project's user model (default auth.user)")
	flags.String("username-field", "", "its field with the name (default username)")
	flags.String("active-field", "", "its field that tells who is active (default is_active)")
	return cmd
}

func (a *app) importDurin() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "durin FILE",
		Short: "Import what durin export wrote",
		Long: `Import clients, users and sessions out of what "durin export" wrote, on this or
another kind of database. "-" is standard input. Ids are kept where they are free,
and importing again changes nothing. Bring the key file along as well: without it
tokens cannot be shown a second time.`,
		Example: `  durin export durin.jsonl
  durin import durin durin.jsonl --db postgres://durin@db.example.org/durin`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(func(r *run) error { return r.imports(importer.Durin) }),
	}
	cmd.Flags().Bool("dry-run", false, "go through everything and write nothing")
	return cmd
}

// An importFunc is importer.Django or importer.Durin.
type importFunc func(context.Context, io.Reader, transfer.Importer, importer.Options) (*importer.Report, error)

func runImport(r *run) error { return r.imports(importer.Django) }

// imports runs an import of the file that the first argument names.
func (r *run) imports(do importFunc) error {
	src := r.In
	if name := r.args[0]; name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		src = file
	}
	src, done, err := r.tried(do, src)
	defer done()
	if err != nil {
		return err
	}
	dry, _ := r.cmd.Flags().GetBool("dry-run")
	if dry {
		return r.rehearse(do, src)
	}
	return r.with(node.Change, true, func(n *node.Node) error {
		err := r.importFrom(do, src, n.Store, n.Keys, false)
		details := map[string]any{"kind": r.cmd.Name(), "file": filepath.Base(r.args[0])}
		if err != nil {
			details["failed"] = "yes"
		}
		n.Audit.Record(r.ctx, audit.Entry{Action: audit.Import, Details: details})
		return err
	})
}

// rehearse goes through the import on the database that is there, or on an empty
// one in memory.
func (r *run) rehearse(do importFunc, src io.Reader) error {
	n, err := r.node(node.Look, true)
	if errors.Is(err, database.ErrNoFile) {
		keys, err := node.ReadKeys(r.config) // those that the import would seal with
		if errors.Is(err, fs.ErrNotExist) {
			keys, err = keyring.New(r.now())
		}
		if err != nil {
			return err
		}
		return r.importFrom(do, src, memstore.New(), keys, true)
	}
	if err != nil {
		return err
	}
	err = r.importFrom(do, src, n.Store, n.Keys, true)
	return errors.Join(err, n.Close(context.WithoutCancel(r.ctx)))
}

func (r *run) importFrom(do importFunc, src io.Reader, dst transfer.Importer, keys *keyring.Ring, dry bool) error {
	told := r.teller()
	opts := r.importOptions(dry)
	opts.Keyring, opts.Progress = keys, told.importing
	report, err := do(r.ctx, src, dst, opts)
	told.end()
	var rows *importer.RowsError
	if errors.As(err, &rows) {
		return r.refused(rows)
	}
	if report != nil {
		if showErr := r.showImport(report); err == nil {
			err = showErr
		}
	}
	return err
}

func (r *run) importOptions(dry bool) importer.Options {
	flags := r.cmd.Flags()
	opts := importer.Options{DryRun: dry, DefaultTTL: r.config.TokenTTL, Zone: r.config.Timezone}
	opts.Lenient, _ = flags.GetBool("lenient")
	opts.ClientFor, _ = flags.GetStringToString("client-for")
	opts.UserModel, _ = flags.GetString("user-model")
	opts.UserNameField, _ = flags.GetString("username-field")
	opts.ActiveField, _ = flags.GetString("active-field")
	return opts
}

// refused lists the rows that stopped an import.
func (r *run) refused(rows *importer.RowsError) error {
	if r.json {
		if err := r.out.JSON(map[string]any{"problems": rows.Problems, "more_problems": rows.More}); err != nil {
			return err
		}
	} else {
		for _, p := range rows.Problems {
			r.err.Line("%s", p.String())
		}
	}
	return fmt.Errorf("nothing was imported: %s in rows that cannot be taken as they stand; --lenient mends what it can and leaves out the rest", output.Count(len(rows.Problems)+rows.More, "fault"))
}

func (r *run) showImport(report *importer.Report) error {
	if r.json {
		return r.out.JSON(report)
	}
	table := report.Table()
	r.out.Table(table[0], table[1:])
	for _, p := range report.Problems {
		r.out.Line("%s: %s", p.Action, p.String())
	}
	if report.MoreProblems > 0 {
		r.out.Line("and %d more", report.MoreProblems)
	}
	for _, kind := range slices.Sorted(maps.Keys(report.Passwords)) {
		r.out.Line("%s came with a password of the kind %s.", output.Count(report.Passwords[kind], "user"), kind)
	}
	for _, note := range report.Notes {
		r.out.Line("%s", note)
	}
	if report.Others > 0 {
		r.out.Line("%d rows of other models were passed over.", report.Others)
	}
	if report.Unsealed > 0 {
		r.out.Line("%d tokens work, but cannot be shown again for want of a key: their next login replaces them.", report.Unsealed)
	}
	if report.DryRun {
		r.out.Line("This was a rehearsal: nothing was written.")
	}
	return nil
}
