package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/durin-go/durin/transfer"
)

// batchRows is how many rows are written in one transaction.
const batchRows = 400

// A pass goes through the dump against the store: as a rehearsal (dry), or in
// earnest.
type pass struct {
	*job
	ctx    context.Context
	dry    bool
	report *Report

	users   *userTable
	clients *clientTable
	// What must be there once only, across batches.
	tokenKeys keySet
	digests   *textSet
	pairs     *textSet // user and client, where the client has one token a user

	folded    *textSet // names of users; see durin.FoldName
	twin, odd string   // one of those that Report counts
	batch     []*item
	renamed   int          // users who have another name here
	first     map[kind]int // numbers of the rows that visitFirst has visited; 0 where there is none
}

func (j *job) pass(ctx context.Context, dry bool) (*Report, error) {
	p := &pass{
		job: j, ctx: ctx, dry: dry,
		report:    &Report{DryRun: dry, Others: j.others, Passwords: map[string]int{}},
		users:     newUserTable(j.natural),
		tokenKeys: newKeySet(), digests: newTextSet(), pairs: newTextSet(), folded: newTextSet(),
		first: map[kind]int{},
	}
	for _, model := range []string{clientModel, j.UserModel, tokenModel, drfModel, multiModel, knoxModel} {
		if j.counts[model] > 0 {
			p.report.model(model)
		}
	}
	p.report.Problems, p.report.MoreProblems = slices.Clone(j.strays), j.moreStrays
	err := p.run()
	p.tellNames()
	p.report.finish(p.dry)
	return p.report, err
}

func (p *pass) run() error {
	if err := p.takeClients(); err != nil {
		return err
	}
	doing := "writing"
	if p.dry {
		doing = "checking"
	}
	for _, kinds := range p.rounds() {
		err := p.sweep(p.ctx, doing, func(raw rawRow, model string) error {
			kind := p.kindOf(model)
			if kind&kinds == 0 {
				return nil
			}
			if err := p.visitFirst(kind); err != nil || p.first[kind] == raw.number {
				return err
			}
			return p.visit(raw, model)
		})
		if err == nil {
			err = p.flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visit converts a row and puts it in the batch.
func (p *pass) visit(raw rawRow, model string) error {
	it := p.convert(decode(raw, model, p.Zone))
	if it.row.User != nil {
		p.onceUser(it)
	} else {
		p.onceToken(it)
	}
	p.report.model(model).Read++
	p.report.instants(it)
	if len(it.faults) > 0 {
		p.leaveOut(it)
		return nil
	}
	if it.row.User != nil {
		p.seeName(it.name)
	}
	if len(p.batch) > 0 && (len(p.batch) == batchRows || (p.batch[0].row.User == nil) != (it.row.User == nil)) {
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.batch = append(p.batch, it)
	return nil
}

func (j *job) convert(r *record) *item {
	switch r.model {
	case j.UserModel:
		return j.user(r)
	case tokenModel:
		return j.token(r)
	case drfModel:
		return j.drfToken(r)
	case multiModel:
		return j.multiToken(r)
	}
	return j.knoxToken(r)
}

// onceUser finds users that are there twice.
func (p *pass) onceUser(it *item) {
	if it.pk != "" && !p.users.keys.add(it.pk) {
		it.fault("its key is there twice")
	}
	if len(it.faults) == 0 && !p.users.names.add(it.name) {
		it.fault("a user of that name is there twice")
	}
}

// onceToken finds tokens whose key is there twice.
func (p *pass) onceToken(it *item) {
	if it.pk != "" && !p.tokenKeys.add(it.pk) {
		it.fault("its key is there twice")
	}
}

// flush writes the batch.
func (p *pass) flush() error {
	items := p.batch
	p.batch = nil
	if len(items) == 0 {
		return nil
	}
	if items[0].row.Token != nil {
		var err error
		if items, err = p.resolve(items); err != nil {
			return err
		}
	}
	rows := make([]transfer.Row, len(items))
	for i, it := range items {
		it.row.Source, it.row.Key, it.row.Mark = p.source(it.model), it.ledgerKey(), markOf(it.row)
		it.row.Person = personOf(it.row.User)
		rows[i] = it.row
	}
	results, err := p.importAbove(p.ctx, rows, p.top[userRows].key, p.dry)
	if err != nil {
		return err
	}
	for i, result := range results {
		if items[i].row.Token != nil {
			p.settleToken(items[i], result)
		} else {
			p.settleUser(items[i], result)
		}
	}
	return p.enterSame(p.ctx, rows, results, p.dry)
}

// ledgerKey is what the ledger knows the row by.
func (it *item) ledgerKey() string {
	switch {
	case it.row.Token != nil:
		return it.row.Token.Digest.String()
	case it.pk != "":
		return it.pk
	case it.row.User != nil:
		return nameKey(it.name + "\x00" + it.row.User.Created.Format(time.RFC3339Nano))
	}
	return nameKey(it.name)
}

// nameKey is a key for a row that has none but its name, however long.
func nameKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "name:" + hex.EncodeToString(sum[:])
}

func (p *pass) settleUser(it *item, result transfer.Result) {
	switch {
	case result.Outcome == transfer.Imported:
		p.report.tellID(it, it.row.User.ID, result.ID, p.dry)
		p.taken(it)
		p.report.Passwords[string(it.kind)]++
		p.report.tellAdmin(it)
		p.users.settle(it, result.ID, p.dry)
	case result.Outcome == transfer.KnownBefore && !sameRow(it.row, result):
		it.fault("%s", otherUser(it.name, result.Name))
		p.users.leaveOut(it, result.Name)
		p.leaveOut(it)
	case result.Outcome == transfer.KnownBefore, sameByName(it.row.User, result):
		p.report.model(it.model).Known++
		p.tellRenamed(it, result)
		p.users.settle(it, result.ID, false)
	default:
		it.fault("another user has that name here: that one stays as it is")
		p.leaveOut(it)
	}
}

// tellRenamed notes a known user who is called otherwise here.
func (p *pass) tellRenamed(it *item, result transfer.Result) {
	const most = 20
	if result.Name == "" || result.Name == it.name {
		return
	}
	switch p.renamed++; {
	case p.renamed <= most:
		p.report.note("The user %s, called %q in the dump, stays %q here.", it.pk, it.name, result.Name)
	case p.renamed == most+1:
		p.report.note("More users of the dump have other names here, and keep them.")
	}
}

func (p *pass) settleToken(it *item, result transfer.Result) {
	switch {
	case result.Outcome == transfer.KnownBefore:
		p.report.model(it.model).Known++
	case result.Outcome == transfer.Imported, result.Outcome == transfer.WithoutParent && it.fresh:
		p.taken(it)
		p.report.tellEnded(it, it.row.Token.Client, result)
		if it.row.Token.ID != 0 && result.ID != it.row.Token.ID && !p.dry {
			p.report.ChangedSessions++
		}
		if it.reuse && p.Keyring == nil {
			p.report.Unsealed++
		}
	case result.Outcome == transfer.OverMaximum:
		it.fault("%s", overMaximum(it.row.Token.Client))
		p.leaveOut(it)
	case result.Outcome == transfer.TakenByOther:
		it.fault("the same token is here already")
		p.leaveOut(it)
	default:
		it.fault("its user or its client has been deleted here")
		p.leaveOut(it)
	}
}

// taken counts a row that is written.
func (p *pass) taken(it *item) {
	counts := p.report.model(it.model)
	counts.Taken++
	if len(it.mends) > 0 {
		counts.Mended++
	}
	for _, what := range it.mends {
		p.report.problem(it, what, Mended)
	}
}

// leaveOut counts a row that is not.
func (p *pass) leaveOut(it *item) {
	p.report.model(it.model).LeftOut++
	for _, what := range it.faults {
		p.report.problem(it, what, LeftOut)
	}
}
