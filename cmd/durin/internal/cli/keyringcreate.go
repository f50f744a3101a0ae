package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/durin-go/durin/cmd/durin/internal/database"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/keyring"
	"github.com/spf13/cobra"
)

func (a *app) keyCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a key file before the first start, or a key for DURIN_KEY",
		Long: `Make a key file with one fresh key, readable by its owner only. A file that is there
is never overwritten. The first start of a server does so by itself; this is for those
who give the same key to several servers, or keep it in a store of secrets. No database
is asked or made.

With --print the text of such a file goes to standard output, and no file is made: it
is what the variable DURIN_KEY holds.`,
		Example: `  durin keyring create --key-file secrets/durin.key
  DURIN_KEY="$(durin keyring create --print)" durin serve`,
		Args: cobra.NoArgs,
		RunE: a.do(createKey),
	}
	cmd.Flags().Bool("print", false, "write the key to standard output, and no file")
	return cmd
}

func createKey(r *run) error {
	if toOutput, _ := r.cmd.Flags().GetBool("print"); toOutput {
		ring, err := keyring.New(r.now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(r.cmd.OutOrStdout(), ring.Text())
		return err
	}
	path := node.KeyFile(r.config)
	if err := r.mayCreateKey(); err != nil {
		return err
	}
	ring, made, err := keyring.MakeFile(path, r.now())
	if err != nil {
		return err
	}
	if !made {
		return fmt.Errorf("the key file %s is there already; durin keyring rotate adds a key to it", path)
	}
	key := ring.Keys()[0]
	if r.json {
		return r.out.JSON(struct {
			ID   string `json:"id"`
			File string `json:"file"`
		}{key.ID, path})
	}
	r.err.Line("Made the key %s in %s. Keep it: without it no token can be shown a second time.", key.ID, path)
	return nil
}

// mayCreateKey refuses where a key file of its own would not be used, or would stand
// in for one that is lost.
func (r *run) mayCreateKey() error {
	if r.config.Key != "" {
		return errors.New("the keys are in the variable DURIN_KEY, which goes before a key file; --print makes a key for it")
	}
	target, err := database.Parse(r.config.DB)
	if err != nil || !target.IsFile() || r.config.KeyFile != "" {
		return nil
	}
	if _, err := os.Stat(target.Path); err == nil {
		if _, err := os.Stat(node.KeyFile(r.config)); err != nil {
			return fmt.Errorf("there is a database at %s, whose key file is missing: put it back, or make a new one with durin keyring rotate", target.Path)
		}
	}
	return nil
}
