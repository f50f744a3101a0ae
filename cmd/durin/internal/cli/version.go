package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// What scripts/release writes into the program; empty in other builds.
var (
	stampedVersion  string
	stampedRevision string
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Tell the version, the commit and the Go that it was built with",
		Example: "  durin version --json",
		Args:    cobra.NoArgs,
		RunE: a.do(func(r *run) error {
			v := buildVersion()
			if r.json {
				return r.out.JSON(v)
			}
			commit := ""
			if v.Revision != "" {
				commit = "commit " + v.Revision[:min(len(v.Revision), 12)] + ", "
			}
			r.out.Line("durin %s (%s%s, %s)", v.Version, commit, v.Go, v.Platform)
			return nil
		}),
	}
}

// A build is what the program knows of how it was made.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func buildVersion() build {
	v := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	if stampedVersion != "" {
		v.Version = stampedVersion
	}
	if stampedRevision != "" {
		v.Revision = stampedRevision
	}
	return v
}
