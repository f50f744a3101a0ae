package api

// Remembered counts the rules that are kept, and tells whether those of a query are.
func (h *Handler) Remembered(query string) (n int, has bool) {
	for _, page := range []*rulePage{h.rules.newer.Load(), h.rules.older.Load()} {
		if page != nil {
			page.read.Range(func(any, any) bool { n++; return true })
		}
		has = has || page.of(query) != nil
	}
	return n, has
}
