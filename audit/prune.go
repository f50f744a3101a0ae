package audit

import (
	"context"
	"errors"
	"time"
)

// Prune deletes the rows that are older than Options.Keep, of every chain, and records
// that. A Log does so every hour by itself. What goes is checked first, for where the
// chain begins then is signed: rows whose age somebody has changed stay, and Verify
// tells.
func (l *Log) Prune(ctx context.Context) error {
	if l == nil || l.opt.Keep <= 0 {
		return nil
	}
	before := l.opt.Now().Add(-l.opt.Keep)
	heads, err := l.opt.Store.AuditHeads(ctx)
	if err != nil {
		return err
	}
	k := newKeys(l.ring.Load())
	for _, h := range heads {
		if k.newest == "" && h.KeyID != "" {
			continue // its new beginning would bear no key
		}
		fault := k.begins(h)
		if fault == changed {
			continue // signing it anew would hide that
		}
		if err := l.pruneChain(ctx, k, h, before, fault == unsigned); err != nil {
			return err
		}
	}
	return nil
}

// errMoved ends the pruning of a chain that changes meanwhile.
var errMoved = errors.New("the beginning of the chain has changed")

func (l *Log) pruneChain(ctx context.Context, k *keys, h Head, before time.Time, unsigned bool) error {
	gone := 0
	defer func() {
		if gone == 0 {
			return
		}
		details := map[string]any{"chain": h.Chain, "rows": gone, "through": h.FirstSeq, "before": before.UTC().Format(time.RFC3339)}
		if unsigned {
			details["begin"] = "unsigned"
		}
		l.Record(ctx, Entry{Action: Prune, Actor: Actor{Kind: System}, Details: details})
	}()
	old := &aged{store: l.opt.Store, keys: k, before: before}
	for ctx.Err() == nil {
		rows, err := old.rows(ctx, h)
		if err != nil || len(rows) == 0 {
			return err
		}
		base, sealed := h.FirstSeq, h
		n, err := l.opt.Store.PruneAudit(ctx, h.Chain, before, len(rows), func(head Head) (Head, error) {
			if i := head.FirstSeq - base - 1; i < 0 || i >= int64(len(rows)) || rows[i].Hash != head.FirstHash {
				return head, errMoved
			}
			sealed = k.seal(head)
			return sealed, nil
		})
		if errors.Is(err, errMoved) {
			return nil // another process prunes, or Verify tells
		}
		if err != nil {
			return err
		}
		gone, h = gone+n, sealed
		if n < pruneRows {
			return nil
		}
	}
	return ctx.Err()
}

// aged finds rows that are old enough to go.
type aged struct {
	store  Store
	keys   *keys
	before time.Time
	// through is the last row that must be old, because one behind it is that
	// could be checked.
	through int64
}

// rows are the first ones of a chain that are old, and as they were written. One
// whose key is not here is old when one behind it is.
func (a *aged) rows(ctx context.Context, h Head) ([]Row, error) {
	all, err := a.store.AuditRows(ctx, h.Chain, h.FirstSeq, pruneRows)
	if err != nil {
		return nil, err
	}
	prev := h.FirstHash
	for i := range all {
		r := &all[i]
		hash, ok := a.keys.row(prev, r)
		if r.Seq != h.FirstSeq+int64(i)+1 || !r.At.Before(a.before) || ok && hash != r.Hash {
			return all[:i], nil
		}
		if !ok && r.Seq > a.through {
			if err := a.look(ctx, h, r.Seq); err != nil || r.Seq > a.through {
				return all[:i], err
			}
		}
		prev = r.Hash
	}
	return all, nil
}

// look looks for a row behind seq that can be checked and is old, further away each
// time, and then in between, and moves through there.
func (a *aged) look(ctx context.Context, h Head, seq int64) error {
	low, high := seq, h.Seq+1 // nobody can check low; high is young, or behind the end
	for step := int64(1); high-low > 1; step *= 2 {
		at := low + (high-low)/2
		if high > h.Seq {
			at = min(seq+step, h.Seq)
		}
		known, old, err := a.check(ctx, h.Chain, at)
		switch {
		case err != nil:
			return err
		case known && old:
			a.through = at
			return nil
		case known:
			high = at
		default:
			low = at
		}
	}
	return nil
}

// check reports whether a row can be checked, and is old and as it was written.
func (a *aged) check(ctx context.Context, chain string, seq int64) (known, old bool, err error) {
	rows, err := a.store.AuditRows(ctx, chain, seq-2, 2)
	if err != nil || len(rows) != 2 || rows[1].Seq != seq {
		return false, false, err
	}
	r := &rows[1]
	hash, known := a.keys.row(rows[0].Hash, r)
	known = known && (r.KeyID != "" || a.keys.newest == "")
	return known, hash == r.Hash && r.At.Before(a.before), nil
}
