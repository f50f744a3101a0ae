package cli

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/manual"
	"github.com/spf13/cobra"
)

// man is for those who make packages: it is not in the help.
func (a *app) man() *cobra.Command {
	return &cobra.Command{
		Use:     "man FOLDER",
		Short:   "Write the manual's pages into a folder",
		Example: "  durin man /usr/local/share/man/man1",
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			about := manual.About{Version: buildVersion().Version, Date: buildDate()}
			for _, page := range manual.Pages(cmd.Root(), about) {
				if err := os.WriteFile(filepath.Join(args[0], page.Name), page.Text, 0o644); err != nil {
					return failure{err}
				}
			}
			return nil
		},
	}
}

// buildDate is now, or what builds that can be repeated set
// (reproducible-builds.org/specs/source-date-epoch).
func buildDate() time.Time {
	if s, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(s, 0)
	}
	return time.Now()
}
