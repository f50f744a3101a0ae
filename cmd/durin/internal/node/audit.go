package node

import (
	"context"
	"errors"
	"io/fs"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/cmd/durin/internal/config"
)

// openAudit opens the audit log, unless the settings turn it off. A command needs
// no key for its work, but the log's hashes do: it takes those that are there.
func (n *Node) openAudit(ctx context.Context, o Options) error {
	c := o.Config
	if !c.Audit {
		return nil
	}
	keys := n.Keys
	if !o.Keys {
		var err error
		if keys, err = ReadKeys(c); err != nil && !errors.Is(err, fs.ErrNotExist) {
			o.Log.Warn("the audit log is written without a key", "error", err)
		}
	}
	opt := audit.Options{Store: n.Store, Chain: config.CommandChain, Keyring: keys, KeyClient: c.APIAccessClient, KnownUser: n.userID, Logger: o.Log}
	if o.Purpose == Serve {
		opt.Chain, opt.Queue = c.AuditChain, c.AuditQueue
		if c.AuditKeep != durin.Never {
			opt.Keep = c.AuditKeep
		}
	}
	var err error
	if n.Audit, err = audit.New(ctx, opt); err != nil {
		return err
	}
	if n.madeKeys {
		return n.Audit.Sign(ctx)
	}
	return nil
}

func (n *Node) userID(ctx context.Context, name string) (string, error) {
	u, err := n.Store.UserByName(ctx, name)
	return u.ID, err
}
