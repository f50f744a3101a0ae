package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{Use: "doctor", Short: "Check configuration, database, schema, key and clock", Args: cobra.NoArgs, RunE: a.do(func(r *run) error { return nil })}
}
