package audit

import "context"

// Sign adds a row to every chain whose end bears no key's signature: what was
// written before there was a key is then as safe as what comes after. Call it
// when the first key was made, and never else: it vouches for what is there.
func (l *Log) Sign(ctx context.Context) error {
	if l == nil {
		return nil
	}
	k := newKeys(l.ring.Load())
	if k.newest == "" {
		return nil
	}
	heads, err := l.opt.Store.AuditHeads(ctx)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.KeyID != "" {
			continue
		}
		e := Entry{At: l.opt.Now(), Action: KeyringCreate, Actor: Actor{Kind: System}, Details: map[string]any{"key": k.newest}}
		err := l.opt.Store.AppendAudit(ctx, h.Chain, func(head Head) ([]Row, Head, error) {
			rows := k.extend(&head, []Row{e.row()}, 0)
			return rows, head, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
