package audit

// PlainBegin is what anybody can write under the beginning of a chain.
func PlainBegin(chain string, seq int64, h Hash) Hash {
	mac, _ := newKeys(nil).end("first", chain, seq, h, "")
	return mac
}
