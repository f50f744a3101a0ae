package cli

import (
	"errors"
	"strings"

	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/doctor"
	"github.com/spf13/cobra"
)

func (a *app) doctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check configuration, database, schema, key and clock",
		Long: `Check configuration, database, schema, key and clock, and tell what to mend. It
takes the flags of serve, and changes nothing. The exit status is 1 if there is a
fault; warnings leave it 0.`,
		Example: `  durin doctor
  durin doctor --config /etc/durin.toml --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, warnings, err := config.Load(config.Sources{Flags: cmd.Flags(), Environ: a.Environ})
			r := a.newRun(cmd, args, c)
			r.warn(nil)
			return r.examine(doctor.Examine(cmd.Context(), c, warnings, err))
		},
	}
	cmd.Flags().SortFlags = false
	config.Bind(cmd.Flags(), config.Serving)
	return cmd
}

func (r *run) examine(found []doctor.Finding) error {
	if err := r.showFindings(found); err != nil {
		return failure{err}
	}
	for _, f := range found {
		if f.Grade == doctor.Fault {
			return failure{errors.New("there is something to mend")}
		}
	}
	return nil
}

func (r *run) showFindings(found []doctor.Finding) error {
	if r.json {
		return r.out.JSON(found)
	}
	for _, f := range found {
		r.out.Line("%-8s%-14s%s", strings.ToUpper(string(f.Grade)), f.Part, f.Found)
		if f.Mend != "" {
			r.out.Line("%-22s-> %s", "", f.Mend)
		}
	}
	return nil
}
