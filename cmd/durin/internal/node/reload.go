package node

import (
	"context"
	"log/slog"
	"os"
	"time"
)

// keyReload is how often the key file is looked at.
const keyReload = 500 * time.Millisecond

// FollowKeys takes the keys of the key file in use whenever the file changes,
// until ctx ends: after a rotation, or when a missing file is back. A file that
// cannot be used changes nothing, and is logged once.
func (n *Node) FollowKeys(ctx context.Context, log *slog.Logger) {
	if n.Config.Key != "" {
		return
	}
	path := KeyFile(n.Config)
	last, _ := os.Stat(path)
	tick := time.NewTicker(keyReload)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		info, err := os.Stat(path)
		if err != nil || last != nil && os.SameFile(info, last) && info.ModTime().Equal(last.ModTime()) && info.Size() == last.Size() {
			continue
		}
		last = info
		ring, err := ReadKeys(n.Config)
		if err != nil {
			log.Error("the key file has changed and cannot be used; the keys of before stay in use", "error", err)
			continue
		}
		n.Guard.SetKeyring(ring)
		n.Audit.SetKeyring(ring)
		n.hasKeys.Store(true)
		log.Info("the key file has changed; its keys are in use", "keys", len(ring.Keys()))
	}
}

// HasKeys reports whether there are keys to seal tokens with.
func (n *Node) HasKeys() bool { return n.hasKeys.Load() }
