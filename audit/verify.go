package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/durin-go/durin/keyring"
)

// VerifyOptions say what Verify has to go by.
type VerifyOptions struct {
	// Keyring has the keys that rows were hashed with.
	Keyring *keyring.Ring
	// Marks are rows that were taken note of elsewhere, out of reach of who
	// can write the database: the Heads of an earlier Report.
	Marks []Mark
	// LostKeys are the ids of keys that the log was once written with, and
	// that are lost. Rows of a key that is neither in the Keyring nor here,
	// and that no row which can be checked speaks of, were changed.
	LostKeys []string
	// Progress is told now and then how many rows were looked at. May be nil.
	Progress func(done, total int64)
}

// A Report is what Verify found.
type Report struct {
	Rows   int64
	Keyed  int64         // those that could be checked with a key
	Chains []ChainReport // by name
	// Faults are signs that the log is not as it was written, the first ones
	// of each chain; MoreFaults counts the others.
	Faults     []Fault
	MoreFaults int
}

// A ChainReport tells of one chain.
type ChainReport struct {
	Head  Mark
	First int64 // the Seq of the first row that is there; above Head.Seq: none is
	Rows  int64
	// Lost are the rows that cannot be checked, by the id of the key that is
	// not here.
	Lost map[string]int64
	// Unsigned says that one of the chain's ends was written without a key,
	// or with one that is not here: who can write the database can have
	// written it.
	Unsigned bool
	// Unkeyed is the last row that was written without a key and is vouched
	// for by no later one that says that the first key was made; zero: none.
	// Who can write the database can have put it in the place of others.
	Unkeyed int64

	vouched int64 // the last row that says so
}

// A Fault is a place where the log is not as it was written.
type Fault struct {
	Chain string
	Seq   int64 // the row; 0: the whole chain
	Text  string
}

// String is a sentence.
func (f Fault) String() string {
	if f.Seq == 0 {
		return fmt.Sprintf("chain %s: %s", f.Chain, f.Text)
	}
	return fmt.Sprintf("chain %s, row %d: %s", f.Chain, f.Seq, f.Text)
}

// Intact reports that nothing was found that is not as it was written.
func (r *Report) Intact() bool { return len(r.Faults) == 0 }

// Complete reports that all of it could be checked: no key was missing, and
// every chain is signed at both ends.
func (r *Report) Complete() bool {
	return !slices.ContainsFunc(r.Chains, func(c ChainReport) bool { return len(c.Lost) > 0 || c.Unsigned || c.Unkeyed > 0 })
}

const (
	verifyPage   = 2000  // rows of one query
	verifyPart   = 20000 // rows that one goroutine checks at a time
	verifyFaults = 100   // that are told
)

// Verify reads the whole log, and checks every hash, both ends of every chain, and
// what chains took note of each other. Rows may be added and pruned meanwhile.
func Verify(ctx context.Context, s Store, o VerifyOptions) (*Report, error) {
	heads, err := s.AuditHeads(ctx)
	if err != nil {
		return nil, err
	}
	v := &verifier{store: s, opt: o, report: &Report{}, chains: map[string]*ChainReport{}, heads: map[string]Head{}, named: map[string]bool{}}
	var parts []part
	for _, h := range heads {
		v.heads[h.Chain] = h
		v.chains[h.Chain] = &ChainReport{Head: Mark{h.Chain, h.Seq, h.Hash}, First: h.FirstSeq + 1, Lost: map[string]int64{}}
		v.checkEnds(h)
		for from := h.FirstSeq; from < h.Seq; from += verifyPart {
			parts = append(parts, part{h, from, min(from+verifyPart, h.Seq)})
		}
		v.total += h.Seq - h.FirstSeq
	}
	if err := v.checkParts(ctx, parts); err != nil {
		return nil, err
	}
	for _, h := range heads {
		if err := v.checkBehind(ctx, h.Chain); err != nil {
			return nil, err
		}
		if err := v.checkBefore(ctx, h); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(v.checkMarks(ctx), v.checkStrays(ctx)); err != nil {
		return nil, err
	}
	for _, h := range heads {
		v.checkLost(h)
		c := v.chains[h.Chain]
		if c.Unkeyed < c.vouched || newKeys(o.Keyring).newest == "" {
			c.Unkeyed = 0
		}
		v.report.Chains = append(v.report.Chains, *c)
	}
	slices.SortFunc(v.report.Faults, func(a, b Fault) int {
		return compare(strings.Compare(a.Chain, b.Chain), int(a.Seq-b.Seq))
	})
	return v.report, nil
}

func compare(first, second int) int {
	if first != 0 {
		return first
	}
	return second
}

// A part is the rows of a chain above from, up to to.
type part struct {
	head     Head
	from, to int64
}

type verifier struct {
	store Store
	opt   VerifyOptions
	heads map[string]Head // as they were at the beginning
	total int64

	mu     sync.Mutex
	done   int64
	report *Report
	chains map[string]*ChainReport
	marks  []noted
	named  map[string]bool // the keys that rows which could be checked speak of
}

// noted is a Mark and where it was found.
type noted struct {
	Mark
	by string
}

func (v *verifier) fault(chain string, seq int64, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.report.Faults) >= verifyFaults {
		v.report.MoreFaults++
		return
	}
	v.report.Faults = append(v.report.Faults, Fault{chain, seq, fmt.Sprintf(format, args...)})
}

// checkEnds checks the MACs of a chain's two ends.
func (v *verifier) checkEnds(h Head) {
	k, c := newKeys(v.opt.Keyring), v.chains[h.Chain]
	ends := []struct {
		which, key string
		seq        int64
		hash, mac  Hash
	}{{"head", h.KeyID, h.Seq, h.Hash, h.MAC}}
	if h.FirstSeq > 0 {
		ends = append(ends, struct {
			which, key string
			seq        int64
			hash, mac  Hash
		}{"first", h.FirstKeyID, h.FirstSeq, h.FirstHash, h.FirstMAC})
	}
	for _, e := range ends {
		mac, ok := k.end(e.which, h.Chain, e.seq, e.hash, e.key)
		switch {
		case h.Seq == 0 && e.key == "": // made, and never written to
		case !ok, e.key == "" && k.newest != "":
			c.Unsigned = true
		case mac != e.mac && e.which == "head":
			v.fault(h.Chain, e.seq, "the end of the chain is not the one that was signed")
		case mac != e.mac:
			v.fault(h.Chain, e.seq, "the beginning of the chain is not the one that was signed when older rows were pruned")
		}
	}
	if h.Seq == h.FirstSeq {
		v.checkFirst(k, h, h.KeyID, "")
	}
	if h.Seq < h.FirstSeq {
		v.fault(h.Chain, h.Seq, "the chain ends before it begins")
	}
}

// checkParts checks all rows, several parts at a time.
func (v *verifier) checkParts(ctx context.Context, parts []part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan part)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		workers.Go(func() {
			k := newKeys(v.opt.Keyring)
			for p := range next {
				if err := v.checkPart(ctx, k, p); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, p := range parts {
		select {
		case next <- p:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// checkBefore looks for rows before a chain's beginning. What is pruned meanwhile
// moves it on only.
func (v *verifier) checkBefore(ctx context.Context, h Head) error {
	rows, err := v.store.AuditRows(ctx, h.Chain, math.MinInt64, 1)
	if err == nil && len(rows) > 0 && rows[0].Seq <= h.FirstSeq {
		v.fault(h.Chain, rows[0].Seq, "there are rows before the beginning of the chain")
	}
	return err
}

// checkBehind looks for rows behind a chain's end.
func (v *verifier) checkBehind(ctx context.Context, chain string) error {
	for last := int64(-1); ; {
		seq, err := v.seqOf(ctx, chain)
		if err != nil || last > seq {
			if err == nil {
				v.fault(chain, seq+1, "there are rows behind the end of the chain")
			}
			return err
		}
		rows, err := v.store.AuditRows(ctx, chain, seq, 1)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[0].Seq // it may have been added meanwhile: then the end has moved
	}
}

func (v *verifier) seqOf(ctx context.Context, chain string) (int64, error) {
	heads, err := v.store.AuditHeads(ctx)
	for _, h := range heads {
		if h.Chain == chain {
			return h.Seq, err
		}
	}
	return 0, err
}

// checkMarks looks whether chains are still what was noted of them.
func (v *verifier) checkMarks(ctx context.Context) error {
	for _, m := range v.opt.Marks {
		v.marks = append(v.marks, noted{m, "the note"})
	}
	for _, m := range v.marks {
		h, there := v.heads[m.Chain]
		switch {
		case !there:
			v.fault(m.Chain, 0, "the chain is gone: %s took note of its row %d", m.by, m.Seq)
			continue
		case m.Seq > h.Seq:
			v.fault(m.Chain, m.Seq, "the chain was cut off: it ends at row %d, and %s took note of this one", h.Seq, m.by)
			continue
		case m.Seq < h.FirstSeq: // pruned
			continue
		}
		hash := h.FirstHash
		if m.Seq > h.FirstSeq {
			rows, err := v.store.AuditRows(ctx, m.Chain, m.Seq-1, 1)
			if err != nil {
				return err
			}
			if len(rows) == 0 || rows[0].Seq != m.Seq { // missing: told already, or pruned meanwhile
				continue
			}
			hash = rows[0].Hash
		}
		if hash != m.Hash {
			v.fault(m.Chain, m.Seq, "the row is not the one that %s took note of", m.by)
		}
	}
	return nil
}

// checkStrays looks for rows that are in no chain.
func (v *verifier) checkStrays(ctx context.Context) error {
	rows, err := v.store.AuditStrays(ctx, verifyFaults)
	for _, r := range rows {
		v.fault(r.Chain, r.Seq, "there are rows from this one on that belong to no chain")
	}
	return err
}
