package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/internal/span"
	"github.com/durin-go/durin/keyring"
	"github.com/spf13/cobra"
)

func (a *app) keys() *cobra.Command {
	return noun("keyring", "Keyring: what seals the tokens that are shown again", a.keyCreate(), a.keyShow(), a.keyRotate())
}

func (r *run) now() time.Time { return time.Now() }

func (a *app) keyShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "List the keys, by ids and ages; none is shown itself",
		Example: "  durin keyring show",
		Args:    cobra.NoArgs,
		RunE: a.do(func(r *run) error {
			ring, err := node.ReadKeys(r.config)
			if err != nil {
				return err
			}
			return r.showKeys(ring)
		}),
	}
}

type keyFields struct {
	ID      string     `json:"id"`
	Created *time.Time `json:"created"`
	Newest  bool       `json:"newest"` // it seals
	Staged  bool       `json:"staged"`
}

func (r *run) showKeys(ring *keyring.Ring) error {
	keys := ring.Keys()
	staged, _ := ring.Staged()
	list := make([]keyFields, 0, len(keys))
	var rows [][]string
	for i, k := range keys {
		newest := i == len(keys)-1
		list = append(list, keyFields{k.ID, orNil(k.Created), newest, k == staged})
		use := "opens old seals"
		switch {
		case newest:
			use = "seals and opens"
		case k == staged:
			use = "opens; not in use yet"
		}
		rows = append(rows, []string{k.ID, instant(k.Created, "-"), span.Words(max(0, r.now().Sub(k.Created))), use})
	}
	if r.json {
		return r.out.JSON(list)
	}
	r.out.Table([]string{"id", "created", "age", "use"}, rows)
	return nil
}

func (a *app) keyRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Add a new key, and seal all tokens with it",
		Long: `Add a new key to the key file, and seal all tokens with it. Older keys stay in
the file, and open what may still be sealed with them. A server that runs on the
same key file takes the new key in use by itself.

Where several servers have copies of the file, each must have the new key before one
of them uses it: --stage adds a key that only opens; copy the file to all of them;
then rotate without a flag takes that key in use; copy the file once more.

It may be interrupted at any point: --resume goes on with the sealing.`,
		Example: `  durin keyring rotate
  durin keyring rotate --stage
  durin keyring rotate --resume`,
		Args: cobra.NoArgs,
		RunE: a.do(rotateKey),
	}
	cmd.Flags().Bool("stage", false, "add a key that opens and does not seal yet")
	cmd.Flags().Bool("resume", false, "add no key: seal what the last one has not sealed")
	cmd.MarkFlagsMutuallyExclusive("stage", "resume")
	return cmd
}

func rotateKey(r *run) error {
	stage, _ := r.cmd.Flags().GetBool("stage")
	resume, _ := r.cmd.Flags().GetBool("resume")
	if r.config.Key != "" && !resume {
		return errors.New("the keys are in the variable DURIN_KEY: add a line to it where it is set, before the last one until all servers have it, and then behind; durin keyring rotate works on a key file")
	}
	return r.with(node.Change, true, func(n *node.Node) error {
		switch {
		case resume && n.Keys == nil:
			return errors.New("there are no keys to seal with: durin keyring rotate makes one")
		case resume:
			return r.reseal(n.Store, n.Keys)
		case stage:
			return r.stageKey(n)
		}
		return r.useNewKey(n)
	})
}

// stageKey adds a key that is not in use yet.
func (r *run) stageKey(n *node.Node) error {
	if n.Keys == nil {
		return errors.New("the key file is missing: durin keyring rotate makes a new one")
	}
	if staged, ok := n.Keys.Staged(); ok {
		return fmt.Errorf("the key %s waits to be taken in use: copy %s to every server, then run durin keyring rotate", staged.ID, node.KeyFile(r.config))
	}
	ring, err := n.Keys.WithStagedKey(r.now())
	if err != nil {
		return err
	}
	if err := ring.WriteFile(node.KeyFile(r.config)); err != nil {
		return err
	}
	staged, _ := ring.Staged()
	n.Audit.Record(r.ctx, audit.Entry{Action: audit.KeyringRotate, Details: map[string]any{"key": staged.ID}})
	r.err.Line("Added the key %s to %s. It opens, and does not seal yet: copy the file to every server, then run durin keyring rotate.", staged.ID, node.KeyFile(r.config))
	return nil
}

// useNewKey takes the staged key in use, or a fresh one, and seals all tokens with
// it.
func (r *run) useNewKey(n *node.Node) error {
	ring := n.Keys
	if ring == nil {
		ring = &keyring.Ring{} // the file is gone for good
	}
	what := "Added"
	var err error
	if _, ok := ring.Staged(); ok {
		what, ring = "Took in use", ring.WithStagedInUse()
	} else if ring, err = ring.WithNewKey(r.now()); err != nil {
		return err
	}
	if err := ring.WriteFile(node.KeyFile(r.config)); err != nil {
		return err
	}
	keys := ring.Keys()
	n.Audit.SetKeyring(ring)
	n.Audit.Record(r.ctx, audit.Entry{Action: audit.KeyringRotate, Details: map[string]any{"key": keys[len(keys)-1].ID}})
	r.err.Line("%s the key %s in %s.", what, keys[len(keys)-1].ID, node.KeyFile(r.config))
	if err := r.waitForServers(); err != nil {
		return err
	}
	return r.reseal(n.Store, ring)
}

// waitForServers gives running servers time to read the new key, before they
// meet seals that it made.
func (r *run) waitForServers() error {
	select {
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	case <-time.After(keyWait):
		return nil
	}
}

// reseal seals every token anew that the last key has not sealed. It may be
// interrupted: what is done is done, and the old keys open the rest.
func (r *run) reseal(store durin.Store, ring *keyring.Ring) error {
	const page = 200
	newest, err := store.Sessions(r.ctx, browse.Query{Newest: true, Limit: 1})
	if err != nil {
		return err
	}
	done, lost, progress := 0, 0, r.teller()
	for after := int64(0); ; {
		some, err := store.Seals(r.ctx, after, page)
		if err != nil {
			return err
		}
		for _, s := range some {
			changed, err := resealOne(r.ctx, store, ring, s)
			switch {
			case errors.Is(err, keyring.ErrSeal):
				lost++
			case err != nil:
				progress.end()
				return fmt.Errorf("%d tokens are sealed anew, durin keyring rotate --resume goes on: %w", done, err)
			case changed:
				done++
			}
			if len(newest) > 0 {
				progress.tell("%d tokens sealed anew, %d %%", done, 100*min(s.ID, newest[0].ID)/newest[0].ID)
			}
		}
		if len(some) < page {
			break
		}
		after = some[len(some)-1].ID
	}
	progress.end()
	if lost > 0 {
		r.err.Line("%d tokens were sealed with keys that are not here any more: they work, and their next login replaces them.", lost)
	}
	return r.counted(done, "resealed")
}

// resealOne seals a token with the last key, unless it is.
func resealOne(ctx context.Context, store durin.Store, ring *keyring.Ring, s durin.Sealed) (bool, error) {
	keys := ring.Keys()
	if key, ok := ring.SealedWith(s.Seal); ok && key == keys[len(keys)-1] {
		return false, nil
	}
	token, err := ring.Open(s.Seal, s.Digest)
	if err != nil {
		return false, err
	}
	return store.Reseal(ctx, s.Digest, s.Seal, ring.Seal(token))
}

// keyWait is how long a running server may take to notice a new key.
const keyWait = 2 * time.Second
