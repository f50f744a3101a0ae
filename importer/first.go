package importer

// visitFirst visits the row with the highest key before all others of its kind.
// A row whose id is not free gets the next above the highest there is: so that is
// above the dump's, and no other row has to move. Every import of a dump does so,
// whatever the store holds: of rows that contradict each other the same one is
// taken each time.
func (p *pass) visitFirst(k kind) error {
	top := p.top[k]
	if _, begun := p.first[k]; begun || top == nil || top.key == 0 {
		return nil
	}
	p.first[k] = 0
	model := p.modelOf(top.raw)
	if it := p.convert(decode(top.raw, model, p.Zone)); len(it.faults) > 0 {
		return nil
	}
	p.first[k] = top.raw.number
	return p.visit(top.raw, model)
}
