package audit

// PlainBegin is what anybody can write under the beginning of a chain.
func PlainBegin(chain string, seq int64, h Hash) Hash {
	mac, _ := newKeys(nil).end("first", chain, seq, h, "")
	return mac
}

// PlainEnd is what anybody can write under the end of a chain.
func PlainEnd(chain string, seq int64, h Hash) Hash {
	mac, _ := newKeys(nil).end("head", chain, seq, h, "")
	return mac
}

// PlainRow is the hash that anybody can write into a row behind one with that hash.
func PlainRow(prev Hash, r *Row) Hash {
	h, _ := newKeys(nil).row(prev, r)
	return h
}
