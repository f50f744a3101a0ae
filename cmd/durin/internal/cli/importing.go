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
	"strings"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/config"
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

A gzip file is unpacked on the way. Without --lenient nothing is written if any row
cannot be taken as it stands: all of them are listed.`,
		Example: `  python manage.py dumpdata auth.user durin > dump.json
  durin import django dump.json --dry-run
  durin import django dump.json --lenient
  durin import django dump.json.gz --timezone America/Chicago --token-model knox=accounts.Token`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(runImport),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Bool("lenient", false, "mend what can be mended, leave out the rest, and tell")
	flags.Bool("dry-run", false, "go through everything and write nothing")
	flags.StringToString("client-for", nil, "client for tokens of a library without clients, `LIBRARY=NAME`: of drf, knox or multitoken")
	flags.StringToString("token-model", nil, "model of the project's own for a library's tokens, `LIBRARY=APP.MODEL`: of drf, knox, multitoken or durin")
	for _, name := range []string{"client-for", "token-model"} {
		flags.Lookup(name).DefValue = "" // no "(default [])" in the help
	}
	config.BindOne(flags, "timezone", "time zone of instants that tell none, as with USE_TZ=False: the project's TIME_ZONE")
	flags.String("user-model", "", "the project's user model, `APP.MODEL` (default auth.user)")
	flags.String("username-field", "", "`FIELD` of it with the name (default username)")
	flags.String("active-field", "", "`FIELD` of it that tells who is active (default is_active)")
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
	return r.outcome(report, err)
}

// outcome shows what became of an import, or why nothing did.
func (r *run) outcome(report *importer.Report, err error) error {
	var rows *importer.RowsError
	var zone *importer.ZoneError
	var nothing *importer.NothingError
	errors.As(err, &rows)
	errors.As(err, &zone)
	if rows != nil || zone != nil {
		return r.refused(report, rows, zone)
	}
	if report != nil {
		if showErr := r.showImport(report); err == nil {
			err = showErr
		}
	}
	if errors.As(err, &nothing) {
		return nothingTaken(nothing)
	}
	return err
}

// nothingTaken words the error by the flags that would help.
func nothingTaken(e *importer.NothingError) error {
	lines := []string{"nothing was imported: the file has no rows of users, clients or tokens of a model that is known here"}
	if e.Rows > 0 {
		lines[0] = fmt.Sprintf("nothing was imported: %s of users, clients and tokens, and all are left out", output.Count(e.Rows, "row"))
	}
	for _, s := range e.Suspects {
		lines = append(lines, suspectLine(s))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// suspectLine names a model that was passed over, with the flag that takes it.
func suspectLine(s importer.Suspect) string {
	if s.Like == "user" {
		flag := "--user-model " + s.Model
		if s.NameField != "" {
			flag += " --username-field " + s.NameField
		}
		return fmt.Sprintf("%s of %s passed over: it looks like the user model; take it with %s", wereRows(s.Rows), s.Model, flag)
	}
	return fmt.Sprintf("%s of %s passed over: it looks like tokens; take them with --token-model %s=%s", wereRows(s.Rows), s.Model, s.Like, s.Model)
}

func wereRows(n int) string { return output.Count(n, "row") }

func (r *run) importOptions(dry bool) importer.Options {
	flags := r.cmd.Flags()
	opts := importer.Options{DryRun: dry, DefaultTTL: r.config.TokenTTL}
	if r.config.Named["timezone"] {
		opts.Zone = r.config.Timezone
	}
	opts.Lenient, _ = flags.GetBool("lenient")
	opts.ClientFor, _ = flags.GetStringToString("client-for")
	opts.TokenModels, _ = flags.GetStringToString("token-model")
	opts.UserModel, _ = flags.GetString("user-model")
	opts.UserNameField, _ = flags.GetString("username-field")
	opts.ActiveField, _ = flags.GetString("active-field")
	return opts
}

// refused lists the rows that stopped an import. Either of the errors may be nil.
func (r *run) refused(report *importer.Report, rows *importer.RowsError, zone *importer.ZoneError) error {
	if rows == nil {
		rows = &importer.RowsError{Problems: []importer.Problem{}}
	}
	var faults []string
	if n := len(rows.Problems) + rows.More; n > 0 {
		faults = append(faults, fmt.Sprintf("nothing was imported: %s in rows that cannot be taken as they stand; --lenient mends what it can and leaves out the rest", output.Count(n, "fault")))
	}
	if zone != nil {
		faults = append(faults, fmt.Sprintf("nothing was imported: %s instants without a time zone, as with USE_TZ=False; name the project's TIME_ZONE with --timezone, like --timezone America/Chicago: read in another one, tokens would end hours too early or too late",
			output.Count(zone.Rows, "row")+" with"))
	}
	var suspects []importer.Suspect
	if report != nil {
		suspects = report.Suspects
	}
	if r.json {
		answer := map[string]any{"problems": rows.Problems, "more_problems": rows.More}
		if zone != nil {
			answer["without_zone"] = zone.Rows
		}
		if len(suspects) > 0 {
			answer["suspects"] = suspects
		}
		if err := r.out.JSON(answer); err != nil {
			return err
		}
	} else {
		for _, p := range rows.Problems {
			r.err.Line("%s", p.String())
		}
		for _, s := range suspects {
			r.err.Line("%s", suspectLine(s))
		}
	}
	return errors.New(strings.Join(faults, "\n"))
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
	for _, p := range report.Ended {
		r.out.Line("%s: %s", p.Action, p.String())
	}
	if report.MoreEnded > 0 {
		r.out.Line("and %d more", report.MoreEnded)
	}
	for _, c := range report.ChangedIDs {
		if c.ID != 0 {
			r.out.Line("%s %s (%s) has the id %d here.", c.Model, c.Key, c.Name, c.ID)
		}
	}
	for _, name := range report.Administrators {
		r.out.Line("%s is an administrator.", name)
	}
	for _, kind := range slices.Sorted(maps.Keys(report.Passwords)) {
		r.out.Line("%s came with a password of the kind %s.", output.Count(report.Passwords[kind], "user"), kind)
	}
	for _, note := range report.Notes {
		r.out.Line("%s", note)
	}
	others := report.Others
	for _, s := range report.Suspects {
		r.out.Line("%s.", suspectLine(s))
		others -= s.Rows
	}
	if others > 0 {
		r.out.Line("Passed over: %s of other models.", output.Count(others, "row"))
	}
	if report.Unsealed > 0 {
		r.out.Line("%d tokens work, but cannot be shown again for want of a key: their next login replaces them.", report.Unsealed)
	}
	if report.DryRun {
		r.out.Line("This was a rehearsal: nothing was written.")
	}
	return nil
}
