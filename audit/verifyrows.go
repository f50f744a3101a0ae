package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// checkPart checks the hashes of a part. A row that does not fit is told, and the
// next one is checked against the hash that it bears: so each change is told
// where it is.
func (v *verifier) checkPart(ctx context.Context, k *keys, p part) error {
	prev, err := v.before(ctx, k, p)
	if err != nil {
		return err
	}
	chain, want := p.head.Chain, p.from+1
	for want <= p.to && ctx.Err() == nil {
		rows, err := v.store.AuditRows(ctx, chain, want-1, int(min(verifyPage, p.to-want+1)))
		if err != nil {
			return err
		}
		found := tally{lost: map[string]int64{}, named: map[string]bool{}}
		for i := range rows {
			r := &rows[i]
			if r.Seq > p.to {
				break
			}
			if r.Seq != want {
				if err := v.missing(ctx, chain, want, r.Seq-1); err != nil {
					return err
				}
				prev = link{}
			}
			if want == p.head.FirstSeq+1 {
				v.checkFirst(k, p.head, r.KeyID, r.Action)
			}
			prev, want = v.checkRow(k, &found, prev, r), r.Seq+1
		}
		if want == p.to+1 && p.to == p.head.Seq {
			v.checkLast(prev, p.head)
		}
		v.add(chain, found)
		if len(rows) == 0 || rows[len(rows)-1].Seq > p.to {
			break
		}
	}
	if want <= p.to && ctx.Err() == nil {
		return v.missing(ctx, chain, want, p.to)
	}
	return ctx.Err()
}

// A link is what the next row is checked against.
type link struct {
	hash  Hash
	known bool   // hash is; otherwise the row is missing
	key   string // that the row bears
	lost  bool   // the key is not here
	fits  bool   // the row could be checked, with a key, and is as it was written
	next  string // the key of the next row, if this one says so
}

// before is the row that a part begins behind.
func (v *verifier) before(ctx context.Context, k *keys, p part) (link, error) {
	if p.from == p.head.FirstSeq {
		return link{hash: p.head.FirstHash, known: true}, nil
	}
	rows, err := v.store.AuditRows(ctx, p.head.Chain, p.from-2, 2)
	if err != nil || len(rows) == 0 || rows[len(rows)-1].Seq != p.from {
		return link{}, err // the part before tells of it
	}
	r, prev := &rows[len(rows)-1], rows[0].Hash
	if p.from-1 == p.head.FirstSeq {
		prev = p.head.FirstHash
	}
	hash, ok := k.row(prev, r)
	return linkOf(r, ok, ok && hash == r.Hash), nil
}

// linkOf is the link to r; here says that its key is.
func linkOf(r *Row, here, fits bool) link {
	l := link{hash: r.Hash, known: true, key: r.KeyID, lost: !here, fits: fits && r.KeyID != ""}
	if l.fits && r.Action == Rekeyed {
		if told := toldOf(r.Details); told.To != r.KeyID {
			l.next = told.To
		}
	}
	return l
}

// missing tells of rows that are not there, unless they were pruned meanwhile.
func (v *verifier) missing(ctx context.Context, chain string, from, to int64) error {
	heads, err := v.store.AuditHeads(ctx)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.Chain == chain && h.FirstSeq >= to {
			return nil
		}
	}
	if from == to {
		v.fault(chain, from, "the row is missing")
	} else {
		v.fault(chain, from, "the rows up to %d are missing", to)
	}
	return nil
}

// checkFirst tells of a beginning that bears no key's signature where the rows do: a
// row with the key, and the action, is behind it. A chain that was pruned without a
// key and got one later says so there.
func (v *verifier) checkFirst(k *keys, h Head, key string, action Action) {
	if h.FirstSeq > 0 && h.FirstKeyID == "" && k.newest != "" && key != "" && action != KeyringCreate && action != Broken {
		v.fault(h.Chain, h.FirstSeq, "the beginning of the chain was signed without a key, and what is behind it with one")
	}
}

// checkLast checks the last row of a chain against what the chain's head says of it.
func (v *verifier) checkLast(last link, h Head) {
	switch {
	case last.hash != h.Hash:
		v.fault(h.Chain, h.Seq, "the last row is not the one that the chain ends with")
	case last.key != h.KeyID:
		v.fault(h.Chain, h.Seq, "the end of the chain was signed with another key than its last row bears")
	}
}

// tally is what a few rows add up to.
type tally struct {
	rows  int64
	keyed int64 // could be checked with a key
	lost  map[string]int64
	named map[string]bool // the keys that rows that were checked speak of
	marks []noted

	unkeyed, vouched int64    // the last rows of the kind
	unsigned         bool     // there was an end that bore no signature
	begins           []string // the chains whose beginning bore none when they were pruned
}

// checkRow checks r against the row before it, and returns what the next one is to
// be checked against.
func (v *verifier) checkRow(k *keys, found *tally, prev link, r *Row) link {
	found.rows++
	hash, here := k.row(prev.hash, r)
	fits := here && prev.known && hash == r.Hash
	v.checkKey(prev, r, here)
	if prev.known && prev.key != "" && r.KeyID == "" {
		v.fault(r.Chain, r.Seq, "the row bears no key, and the one before it does: it was put there, or changed, without the key")
	}
	switch {
	case !here:
		found.lost[r.KeyID]++
	case prev.known && !fits:
		v.fault(r.Chain, r.Seq, "the row, or the one before it, is not as it was written")
	default:
		v.take(found, r)
	}
	return linkOf(r, here, fits)
}

// checkKey checks that a chain goes over to a key that is not here, and from one,
// where its rows say so. Where they do not, somebody has given rows another key so
// that nobody can check them.
func (v *verifier) checkKey(prev link, r *Row, here bool) {
	switch {
	case !here && prev.fits && prev.next != r.KeyID:
		v.fault(r.Chain, r.Seq, "the row bears the key %q, which is not here and which the row before says nothing of: the row was changed", r.KeyID)
	case here && prev.lost && r.KeyID != "":
		if told := toldOf(r.Details); r.Action == Rekeyed && told.From == prev.key || r.Action == Broken && told.Key == prev.key {
			return
		}
		v.fault(r.Chain, r.Seq-1, "the row bears the key %q, which is not here and which the row behind says nothing of: the row was changed", prev.key)
	}
}

// take takes note of what a row says that is as it was written.
func (v *verifier) take(found *tally, r *Row) {
	switch {
	case r.KeyID == "":
		found.unkeyed = r.Seq
	case r.Action == KeyringCreate:
		found.vouched = r.Seq
	}
	if r.KeyID != "" {
		found.keyed++
	}
	switch r.Action {
	case KeyringCreate, KeyringRotate, Rekeyed:
		if told := toldOf(r.Details); r.KeyID != "" {
			for _, id := range append(told.Keys, told.Key, told.From, told.To) {
				found.named[id] = true
			}
		}
	case Broken:
		if toldOf(r.Details).End == changed {
			v.fault(r.Chain, r.Seq, "before this row the end of the chain was not the one that was signed: rows may have been cut off or changed")
		} else {
			found.unsigned = true
		}
	case Prune:
		if told := toldOf(r.Details); told.Begin == unsigned {
			found.begins = append(found.begins, told.Chain)
		}
	case Anchor:
		for _, m := range marksOf(r.Details) {
			found.marks = append(found.marks, noted{m, fmt.Sprintf("chain %s, row %d", r.Chain, r.Seq)})
		}
	}
}

// add takes over what was found.
func (v *verifier) add(chain string, found tally) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.chains[chain]
	c.Rows += found.rows
	c.Unsigned = c.Unsigned || found.unsigned
	c.Unkeyed, c.vouched = max(c.Unkeyed, found.unkeyed), max(c.vouched, found.vouched)
	for id, n := range found.lost {
		c.Lost[id] += n
	}
	for _, name := range found.begins {
		if other := v.chains[name]; other != nil {
			other.Unsigned = true
		}
	}
	maps.Copy(v.named, found.named)
	v.report.Keyed += found.keyed
	v.marks = append(v.marks, found.marks...)
	v.report.Rows += found.rows
	if v.done += found.rows; v.opt.Progress != nil {
		v.opt.Progress(v.done, v.total)
	}
}

// checkLost tells of keys that are not here, and that nobody vouches for: no row
// that could be checked, nor who asks. A log of which nothing could be checked is
// one that belongs to another key file.
func (v *verifier) checkLost(h Head) {
	if v.report.Keyed == 0 {
		return
	}
	c := v.chains[h.Chain]
	for _, id := range slices.Sorted(maps.Keys(c.Lost)) {
		if !v.vouched(id) {
			v.fault(h.Chain, 0, "%d rows bear the key %q, which is not here, and which no row that could be checked speaks of: they were changed, unless a key of that name was lost", c.Lost[id], id)
		}
	}
	k := newKeys(v.opt.Keyring)
	for which, id := range map[string]string{"end": h.KeyID, "beginning": h.FirstKeyID} {
		if k.mac(id) == nil && c.Lost[id] == 0 && !v.vouched(id) {
			v.fault(h.Chain, 0, "its %s bears the key %q, which is not here, and which no row that could be checked speaks of", which, id)
		}
	}
}

func (v *verifier) vouched(id string) bool {
	return v.named[id] || slices.Contains(v.opt.LostKeys, id)
}
