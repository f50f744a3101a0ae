package cli

import (
	"os"
	"os/exec"
	"runtime"

	"github.com/durin-go/durin/password"
	"github.com/spf13/cobra"
)

const hashPasswords = "hash-passwords"

// hashing is for the server, which starts it: it is not in the help.
func (a *app) hashing() *cobra.Command {
	return &cobra.Command{
		Use:     hashPasswords,
		Short:   "Compute password hashes for a server",
		Long:    "Compute password hashes for a server, which starts this by itself.",
		Example: "  durin hash-passwords < /dev/null",
		Hidden:  true,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := password.Serve(a.In, a.Out); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}

// hashingCommand is this program, as the one that computes hashes.
func hashingCommand() *exec.Cmd {
	path, err := os.Executable()
	if runtime.GOOS == "linux" {
		path = "/proc/self/exe" // also when another file is in its place
	}
	return &exec.Cmd{Path: path, Args: []string{"durin", hashPasswords}, Stderr: os.Stderr, Err: err}
}
