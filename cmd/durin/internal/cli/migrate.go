package cli

import (
	"errors"
	"strconv"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/sqlstore"
	"github.com/spf13/cobra"
)

func (a *app) migrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: `Bring the database's schema up to date. Servers that run meanwhile go on working if
they know at least the version that a migration needs, which --status and --dry-run
tell; those that do not say so in /readyz.`,
		Example: `  durin migrate --status
  durin migrate --db postgres://durin@db/durin`,
		Args: cobra.NoArgs,
		RunE: a.do(runMigrate),
	}
	cmd.Flags().Bool("status", false, "only tell what was applied, and what is to come")
	cmd.Flags().Bool("dry-run", false, "only tell what would be done")
	cmd.MarkFlagsMutuallyExclusive("status", "dry-run")
	return cmd
}

func runMigrate(r *run) error {
	target, err := database.Parse(r.config.DB)
	if err != nil {
		return err
	}
	status, _ := r.cmd.Flags().GetBool("status")
	dry, _ := r.cmd.Flags().GetBool("dry-run")
	h, err := database.Open(target, !status && !dry)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	var steps []sqlstore.Migration
	switch {
	case status:
		steps, err = h.Status(r.ctx)
	case dry:
		steps, err = h.Plan(r.ctx)
	default:
		steps, err = h.Migrate(r.ctx)
	}
	if err != nil {
		return err
	}
	return r.showMigrations(steps, status, dry, target)
}

func (r *run) showMigrations(steps []sqlstore.Migration, status, dry bool, target database.Target) error {
	if r.json {
		return r.out.JSON(migrationsJSON(steps))
	}
	if status {
		var rows [][]string
		for _, m := range steps {
			rows = append(rows, []string{strconv.Itoa(m.Version), m.Name, instant(m.Applied, "to come"), strconv.Itoa(m.MinReader)})
		}
		r.out.Table([]string{"version", "name", "applied", "needs"}, rows)
		return nil
	}
	if len(steps) == 0 {
		r.out.Line("The schema of %s is up to date.", target.String())
	}
	for _, m := range steps {
		if !dry {
			r.out.Line("Applied %04d_%s.", m.Version, m.Name)
			continue
		}
		r.out.Line("-- %04d_%s: programs that know version %d go on working", m.Version, m.Name, m.MinReader)
		for _, text := range m.Statements {
			for _, line := range lines(text + ";") {
				r.out.Line("%s", line)
			}
		}
	}
	return nil
}

type migrationJSON struct {
	Version   int        `json:"version"`
	Name      string     `json:"name"`
	Applied   *time.Time `json:"applied"`
	MinReader int        `json:"min_reader"`
}

func migrationsJSON(steps []sqlstore.Migration) []migrationJSON {
	all := make([]migrationJSON, 0, len(steps))
	for _, m := range steps {
		all = append(all, migrationJSON{m.Version, m.Name, orNil(m.Applied), m.MinReader})
	}
	return all
}
