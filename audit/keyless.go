package audit

import "errors"

// withoutKey is behind the name of the chain that a Log without a key appends to
// where its own was written with one. A row without a key behind one with a key is
// a sign of tampering, and no honest program may write one.
const withoutKey = "-nokey"

// errKeyed: somebody with a key has written to the chain meanwhile. The next
// attempt chooses another.
var errKeyed = errors.New("audit: the chain has got a key meanwhile")

// choose says which chain is written to. writing is held.
func (l *Log) choose(heads []Head) {
	chain := l.opt.Chain
	for _, h := range heads {
		if h.Chain == chain && h.KeyID != "" && l.keys.newest == "" {
			chain = cut(chain, maxID-len(withoutKey)) + withoutKey
		}
	}
	if chain == l.chain {
		return
	}
	if chain != l.opt.Chain {
		l.opt.Logger.Warn("durin: the audit log is written with a key, which is not here: what is recorded here goes to a chain of its own, which nobody can check. Give this program the key file",
			"chain", chain)
	}
	l.chain, l.attempt, l.reached = chain, Hash{}, 0
}

// warn logs what is wrong with the chains' ends: with that of the own chain, which
// was written to, and with those of others that bear no key although there is one.
// writing is held.
func (l *Log) warn(heads []Head, fault string) {
	const advice = "somebody may have written to the database by other means: run durin audit verify"
	if fault != "" {
		l.opt.Logger.Warn("durin: the end of the audit log's chain is not one that was signed with a key that is here; "+advice, "chain", l.chain, "end", fault)
	}
	for _, h := range heads {
		if h.KeyID != "" || h.Seq == 0 || l.keys.newest == "" {
			delete(l.unsigned, h.Chain)
			continue
		}
		if h.Chain != l.chain && !l.unsigned[h.Chain] {
			l.unsigned[h.Chain] = true
			l.opt.Logger.Warn("durin: a chain of the audit log ends with a row without a key: a program that writes there has no key file, or "+advice, "chain", h.Chain, "row", h.Seq)
		}
	}
}
