package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/output"
	"github.com/durin-go/durin/internal/span"
	"github.com/spf13/cobra"
)

func (a *app) keys() *cobra.Command {
	return noun("key", "Keys: what seals the tokens that are shown again", a.keyShow(), a.keyRotate())
}

func (r *run) now() time.Time { return time.Now() }

func (a *app) keyShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "List the keys, by ids and ages; none is shown itself",
		Example: "  durin key show",
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
	Newest  bool       `json:"newest"`
}

func (r *run) showKeys(ring *durin.Keyring) error {
	keys := ring.Keys()
	list := make([]keyFields, 0, len(keys))
	var rows [][]string
	for i, k := range keys {
		newest := i == len(keys)-1
		list = append(list, keyFields{k.ID, orNil(k.Created), newest})
		use := "opens old seals"
		if newest {
			use = "seals and opens"
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
same key file takes the new key in use by itself.`,
		Example: "  durin key rotate",
		Args:    cobra.NoArgs,
		RunE:    a.do(rotateKey),
	}
	return cmd
}

func rotateKey(r *run) error {
	if r.config.Key != "" {
		return errors.New("the keys are in the variable DURIN_KEY: add a line to it where it is set; durin key rotate works on a key file")
	}
	return r.with(node.Change, true, func(n *node.Node) error {
		var err error
		ring := n.Keys
		if ring == nil {
			ring = &durin.Keyring{} // the file is gone for good
		}
		if ring, err = ring.WithNewKey(r.now()); err != nil {
			return err
		}
		if err := ring.WriteKeyFile(node.KeyFile(r.config)); err != nil {
			return err
		}
		keys := ring.Keys()
		n.Audit.SetKeyring(ring)
		n.Audit.Record(r.ctx, audit.Entry{Action: audit.KeyringRotate, Details: map[string]any{"key": keys[len(keys)-1].ID}})
		r.err.Line("Added the key %s to %s.", keys[len(keys)-1].ID, node.KeyFile(r.config))
		if err := r.waitForServers(); err != nil {
			return err
		}
		return r.reseal(n.Store, ring)
	})
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

// reseal seals every token anew. It may be interrupted: what is done is done,
// and the old keys open the rest.
func (r *run) reseal(store durin.Store, ring *durin.Keyring) error {
	const page = 200
	done, lost := 0, 0
	for after := int64(0); ; {
		some, err := store.Seals(r.ctx, after, page)
		if err != nil {
			return err
		}
		for _, s := range some {
			token, err := ring.Open(s.Seal, s.Digest)
			if err != nil {
				lost++
				continue
			}
			changed, err := store.Reseal(r.ctx, s.Digest, s.Seal, ring.Seal(token))
			if err != nil {
				return err
			}
			if changed {
				done++
			}
		}
		if output.IsTerminal(r.Err) {
			_, _ = fmt.Fprintf(r.Err, "\r\x1b[K%d tokens sealed anew", done)
		}
		if len(some) < page {
			break
		}
		after = some[len(some)-1].ID
	}
	if output.IsTerminal(r.Err) {
		_, _ = io.WriteString(r.Err, "\r\x1b[K")
	}
	if lost > 0 {
		r.err.Line("%d tokens were sealed with keys that are not here any more: they work, and their next login replaces them.", lost)
	}
	return r.counted(done, "resealed")
}

// keyWait is how long a running server may take to notice a new key.
const keyWait = 2 * time.Second
