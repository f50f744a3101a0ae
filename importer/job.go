package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/transfer"
)

// A job is one import: what is asked, and what the survey learned of the dump.
type job struct {
	Options
	dst   transfer.Importer
	dump  *dump
	now   time.Time
	space string // whose keys the ledger's are; see chooseSpace

	counts  map[string]int // rows by model of ours
	others  int
	clients []*item
	sample  []*item // of users
	natural bool    // tokens refer to users by name
	// The first row of a token, and where it begins; 0 if there is none.
	firstToken int
	tokenAt    int64
	top        map[kind]*topRow
	ordered    bool // every user comes before every token
	step       int
	steps      int

	strays     []Problem // rows without a model
	strayAt    int64     // where the first one begins
	moreStrays int

	foreign  map[string]int // rows by model, of models that are not ours
	suspects []Suspect
}

const sampleSize = 200

// survey reads the dump whole: it makes sure that it is one, counts, and takes
// the clients, which are few.
func (j *job) survey(ctx context.Context) error {
	j.counts, j.ordered, j.steps = map[string]int{}, true, 1
	j.top = map[kind]*topRow{userRows: {}, tokenRows: {}}
	random := rand.New(rand.NewPCG(1, 2)) // the same dump, the same sample
	tokens := false
	err := j.sweep(ctx, "reading", func(raw rawRow, model string) error {
		if err := raw.check(); err != nil {
			return err
		}
		if model == "" {
			return j.stray(raw)
		}
		kind := j.kindOf(model)
		if kind == noRows {
			j.others++
			j.suspect(raw, model)
			return nil
		}
		j.counts[model]++
		switch kind {
		case userRows:
			j.ordered = j.ordered && !tokens
			j.top[kind].see(raw)
			j.sampleUser(raw, random)
		case clientRows:
			j.clients = append(j.clients, j.client(decode(raw, model, j.Zone), j.now))
		case tokenRows:
			j.top[kind].see(raw)
			fallthrough
		default:
			tokens = true
			if j.natural = j.natural || namesUser(raw.text); j.firstToken == 0 {
				j.firstToken, j.tokenAt = raw.number, raw.offset
			}
		}
		return nil
	})
	if err == nil && len(j.strays) > 0 && j.others+len(j.counts) == 0 {
		err = &FormatError{j.strays[0].Row, j.strayAt, noDump}
	}
	if err == nil && j.firstToken > 0 && j.counts[j.UserModel] == 0 && !j.natural {
		err = &FormatError{j.firstToken, j.tokenAt, noUsers + j.UserModel}
	}
	if err == nil {
		j.judgeClients()
		j.planSteps()
	}
	return err
}

// noUsers ends with the user model.
const noUsers = `the dump has tokens but no users, and its tokens tell only the keys of their users, which may be others' by now: make it with "dumpdata --natural-foreign", or with the users beside the tokens: `

const noDump = `the row names no model: this is not a dump that "manage.py dumpdata" made`

// stray takes note of a row without a model, which cannot be taken. Where none has
// one, this is no dump.
func (j *job) stray(raw rawRow) error {
	if raw.cut {
		return &FormatError{raw.number, raw.offset, "the row is longer than a mebibyte and does not begin with its model"}
	}
	if len(j.strays) == 0 {
		j.strayAt = raw.offset
	}
	if len(j.strays) < maxProblems {
		j.strays = append(j.strays, Problem{Row: raw.number, What: "the row names no model", Action: LeftOut})
	} else {
		j.moreStrays++
	}
	return nil
}

// sampleUser keeps each user with the same probability (reservoir sampling).
func (j *job) sampleUser(raw rawRow, random *rand.Rand) {
	at := len(j.sample)
	if at == sampleSize {
		if at = random.IntN(j.counts[j.UserModel]); at >= sampleSize {
			return
		}
	}
	it := j.user(decode(raw, j.UserModel, j.Zone))
	if at == len(j.sample) {
		j.sample = append(j.sample, it)
	} else {
		j.sample[at] = it
	}
}

// judgeClients finds clients that are there twice, and makes room in those
// that get other libraries' tokens.
func (j *job) judgeClients() {
	keys, names := newKeySet(), newTextSet()
	for _, it := range j.clients {
		if it.pk != "" && !keys.add(it.pk) {
			it.fault("its key is there twice")
		}
		if len(it.faults) == 0 && !names.add(it.name) {
			it.fault("a client of that name is there twice")
		}
	}
	for _, source := range j.sources() {
		for _, it := range j.clients {
			if it.name == j.clientFor(source) && len(it.faults) == 0 {
				it.row.Client.Policy, it.row.Client.MaxTokens = durin.PolicyEvict, sourceTokens
			}
		}
	}
}

// rounds are the kinds of rows that are read for at the same time.
func (j *job) rounds() []kind {
	all := []kind{}
	add := func(k kind, n int) {
		if n > 0 {
			all = append(all, k)
		}
	}
	foreign := j.counts[drfModel] + j.counts[knoxModel] + j.counts[multiModel]
	add(userRows, j.counts[j.UserModel])
	add(tokenRows, j.counts[tokenModel])
	add(otherTokenRows, foreign)
	if len(all) > 1 && all[0] == userRows && j.ordered {
		all = append([]kind{all[0] | all[1]}, all[2:]...)
	}
	return all
}

func (j *job) planSteps() {
	passes := 1
	if !j.Lenient && !j.DryRun {
		passes = 2
	}
	j.steps = 1 + passes*len(j.rounds())
}

// sweep calls visit for every row of the dump, with its model.
func (j *job) sweep(ctx context.Context, doing string, visit func(raw rawRow, model string) error) error {
	return j.rows(ctx, doing, func(raw rawRow) error { return visit(raw, j.modelOf(raw)) })
}

// rows calls visit for every row of the dump.
func (j *job) rows(ctx context.Context, doing string, visit func(raw rawRow) error) error {
	const every = 1000
	j.step++
	rows, err := j.dump.rewind(ctx)
	if err != nil {
		return err
	}
	tell := func() {
		if j.Progress != nil {
			j.Progress(Progress{j.step, j.steps, doing, j.dump.read(rows.offset), j.dump.size, rows.row})
		}
	}
	for {
		raw, err := rows.next()
		if err != nil {
			tell()
			return j.ended(err)
		}
		if err := visit(raw); err != nil {
			return err
		}
		if raw.number%every == 0 {
			tell()
		}
	}
}

// ended tells what ended a sweep.
func (j *job) ended(err error) error {
	var format *FormatError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &format):
		return err
	}
	return fmt.Errorf("importer: reading the dump: %w", err)
}

// chooseSpace finds whose keys the dump's are. Every project counts its rows
// from 1, so the ledger keeps them apart: in "django", or "django~2" and so on
// for further projects. The dump is of the project that knows some of its users
// by the same key and the same instant of joining, or of a new one.
func (j *job) chooseSpace(ctx context.Context) error {
	const most = 100
	for n := 1; n <= most; n++ {
		j.space = "django"
		if n > 1 {
			j.space = fmt.Sprintf("django~%d", n)
		}
		same, other, err := j.compare(ctx)
		if err != nil {
			return err
		}
		if same > 0 || other == 0 {
			return nil
		}
	}
	return fmt.Errorf("importer: the store holds %d other projects already", most)
}

// compare counts the sampled users that are known by their key in the space:
// the same ones, and others. With no user known, it compares clients by name.
func (j *job) compare(ctx context.Context) (same, other int, err error) {
	for _, items := range [][]*item{j.sample, j.clients} {
		known, err := j.known(ctx, items)
		if err != nil {
			return 0, 0, err
		}
		verdicts := map[string]bool{} // of keys that are there twice one row may be the one
		for _, it := range items {
			result, there := known[it.pk]
			if there && len(it.faults) == 0 && (result.Mark != "" || result.Name != "") { // one that was deleted since may tell nothing
				verdicts[it.pk] = verdicts[it.pk] || sameRow(it.row, result)
			}
		}
		for _, is := range verdicts {
			if is {
				same++
			} else {
				other++
			}
		}
		if len(verdicts) > 0 {
			break
		}
	}
	return same, other, nil
}

// known returns what the ledger has of items, by key.
func (j *job) known(ctx context.Context, items []*item) (map[string]transfer.Result, error) {
	all, asked := map[string]transfer.Result{}, map[string]bool{}
	var rows []transfer.Row
	for _, it := range items {
		if len(it.faults) == 0 && it.pk != "" && !asked[it.pk] {
			asked[it.pk] = true
			rows = append(rows, j.probe(it.model, it.pk, len(rows)))
		}
	}
	for some := range slices.Chunk(rows, batchRows) {
		results, err := j.importRows(ctx, some, true)
		if err != nil {
			return nil, err
		}
		for i, result := range results {
			if result.Outcome == transfer.KnownBefore {
				all[some[i].Key] = result
			}
		}
	}
	return all, nil
}

// probe is a row that, written for a trial only, tells whether the ledger has
// its key.
func (j *job) probe(model, key string, n int) transfer.Row {
	name := fmt.Sprintf("durin-import-probe-%d", n)
	row := transfer.Row{Source: j.source(model), Key: key}
	if model == clientModel {
		row.Client = &durin.Client{Name: name, TTL: time.Hour, Created: j.now}
	} else {
		row.User = &durin.User{Name: name, Password: "!", Created: j.now}
	}
	return row
}

// tokenSource is what the ledger calls all tokens, by their digests.
const tokenSource = "django:token"

// source is what the ledger calls the rows of a model. All tokens are known by
// their digests: a token is the same one wherever it comes from.
func (j *job) source(model string) string {
	switch j.kindOf(model) {
	case userRows:
		return j.space + ":user"
	case clientRows:
		return j.space + ":client"
	}
	return tokenSource
}

func (j *job) importRows(ctx context.Context, rows []transfer.Row, dry bool) ([]transfer.Result, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	results, err := j.dst.Import(ctx, rows, j.now, dry)
	if err != nil {
		return nil, fmt.Errorf("importer: writing to the store: %w", err)
	}
	if len(results) != len(rows) {
		return nil, errors.New("importer: the store told of fewer rows than it was given")
	}
	return results, nil
}

// importAbove is importRows of users of whom top has the highest id. A rehearsal
// does not remember what came before, so another user stands for that one: ids that
// are given out anew are above all of the dump's, as in earnest.
func (j *job) importAbove(ctx context.Context, rows []transfer.Row, top int64, dry bool) ([]transfer.Result, error) {
	id := strconv.FormatInt(top, 10)
	if !dry || top == 0 || len(rows) == 0 || rows[0].User == nil || slices.ContainsFunc(rows, func(r transfer.Row) bool { return r.User.ID == id }) {
		return j.importRows(ctx, rows, dry)
	}
	highest := transfer.Row{Source: "durin:probe", Key: "highest", User: &durin.User{ID: id, Name: "durin-import-probe-highest", Password: "!", Created: j.now}}
	results, err := j.importRows(ctx, append([]transfer.Row{highest}, rows...), true)
	if err != nil {
		return nil, err
	}
	return results[1:], nil
}

// stored returns the clients of the store by id, nil if it cannot tell.
func (j *job) stored(ctx context.Context) (map[int64]durin.Client, error) {
	lister, ok := j.dst.(interface {
		Clients(context.Context) ([]durin.Client, error)
	})
	if !ok {
		return nil, nil
	}
	list, err := lister.Clients(ctx)
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	all := make(map[int64]durin.Client, len(list))
	for _, c := range list {
		all[c.ID] = c
	}
	return all, nil
}
