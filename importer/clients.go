package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

// A clientRef is what tokens need to know of their client.
type clientRef struct {
	name   string // in the store; "" if it is no longer there
	policy durin.Policy
	most   int  // tokens a user, by the policies that allow several
	fresh  bool // only a rehearsal has taken it
}

// A clientTable knows clients by what tokens call them.
type clientTable struct {
	stored  map[int64]durin.Client // nil if the store cannot tell
	refs    map[reference]clientRef
	leftOut map[reference]string // and why, if there is more to tell than by the row
	sources map[string]clientRef // by the library that has none
}

// takeClients writes the clients of the dump, the highest id first (see
// visitFirst), and those that other libraries' tokens get.
func (p *pass) takeClients() error {
	stored, err := p.stored(p.ctx)
	if err != nil {
		return err
	}
	p.clients = &clientTable{stored, map[reference]clientRef{}, map[reference]string{}, map[string]clientRef{}}
	var items []*item
	for _, it := range p.job.clients {
		p.report.model(it.model).Read++
		if len(it.faults) > 0 {
			p.leaveOutClient(it, "")
			continue
		}
		items = append(items, it)
	}
	slices.SortStableFunc(items, func(a, b *item) int {
		return cmp.Compare(b.row.Client.ID, a.row.Client.ID)
	})
	for batch := range slices.Chunk(items, batchRows) {
		if err := p.writeClients(batch); err != nil {
			return err
		}
	}
	return p.takeSources()
}

func (p *pass) writeClients(items []*item) error {
	rows := make([]transfer.Row, len(items))
	for i, it := range items {
		it.row.Source, it.row.Key, it.row.Mark = p.source(it.model), it.ledgerKey(), markOf(it.row)
		rows[i] = it.row
	}
	results, err := p.importRows(p.ctx, rows, p.dry)
	for i, result := range results {
		p.settleClient(items[i], result)
	}
	return err
}

func (p *pass) settleClient(it *item, result transfer.Result) {
	ref := clientRef{name: it.name, policy: it.row.Client.Policy, most: it.row.Client.MaxTokens, fresh: p.dry}
	switch {
	case result.Outcome == transfer.Imported:
		wanted := ""
		if id := it.row.Client.ID; id != 0 {
			wanted = strconv.FormatInt(id, 10)
		}
		p.report.tellID(it, wanted, result.ID, p.dry)
		p.taken(it)
	case result.Outcome == transfer.KnownBefore && !sameRow(it.row, result):
		it.fault("%s", otherClient(it.name, result.Name))
		p.leaveOutClient(it, fmt.Sprintf(": it is %q in the dump, and %s was taken under its key before", it.name, quoteOrDeleted(result.Name)))
		return
	case result.Outcome == transfer.KnownBefore:
		p.report.model(it.model).Known++
		ref = p.clients.here(result.ID, ref)
	default:
		p.report.model(it.model).LeftOut++
		p.report.problem(it, "a client of that name is here already: that one stays as it is, and gets the tokens", LeftOut)
		ref = p.clients.here(result.ID, ref)
	}
	p.clients.add(it, ref)
}

// here returns what the store has under an id now: the client may have another
// name since, or be gone.
func (t *clientTable) here(id int64, other clientRef) clientRef {
	if t.stored == nil {
		other.fresh = false
		return other
	}
	c := t.stored[id]
	return clientRef{name: c.Name, policy: cmp.Or(c.Policy, durin.PolicyReuse), most: c.MaxTokens}
}

func (t *clientTable) add(it *item, ref clientRef) {
	if it.pk != "" {
		t.refs[reference{pk: it.pk}] = ref
	}
	t.refs[reference{name: it.name}] = ref
}

func (p *pass) leaveOutClient(it *item, why string) {
	p.leaveOut(it)
	p.clients.leftOut[reference{pk: it.pk}] = why
	p.clients.leftOut[reference{name: it.name}] = why
}

// find returns the client of a token, or notes a fault in it.
func (t *clientTable) find(it *item) clientRef {
	if it.source != "" {
		return t.sources[it.source]
	}
	ref, ok := t.refs[it.client]
	if ok {
		return ref
	}
	if why, leftOut := t.leftOut[it.client]; leftOut {
		it.fault("its client %s is left out%s", it.client, why)
		return clientRef{}
	}
	// One that the dump does not have is looked for in the store, by name: a key
	// alone tells none.
	for id, c := range t.stored {
		if it.client.name == c.Name {
			return t.here(id, ref)
		}
	}
	if it.client.name != "" {
		it.fault("its client %s is neither in the dump nor here", it.client)
	} else {
		it.fault("its client %s is not in the dump", it.client)
	}
	return clientRef{}
}
