package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/durin-go/durin/transfer"
)

// Kinds of rows in the Report of an import of an export.
const (
	clientKind = "client"
	userKind   = "user"
	tokenKind  = "session"
	takenKind  = "import" // what earlier imports took
)

// Durin imports what Export wrote. Of opts only DryRun, Keyring, Now, Progress
// and TempDir count. Ids are kept where they are free. The ledger remembers
// every row taken, as with Django: the same export again changes nothing. What
// the exporting store knew of its own imports comes along, but for sources of
// which dst has entries of its own.
//
// A *FormatError says that src is damaged or cut off: nothing is written then.
// After any other error the same call again goes on.
func Durin(ctx context.Context, src io.Reader, dst transfer.Importer, opts Options) (*Report, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	dump, err := open(ctx, src, opts.TempDir)
	if err != nil {
		return nil, err
	}
	defer dump.close()
	m := &move{job: &job{Options: opts, dst: dst, dump: dump, now: opts.Now(), steps: 2}, ctx: ctx, first: map[string]firstRow{}, before: map[int64]string{}}
	if err := m.survey(); err != nil {
		return nil, err
	}
	return m.report, m.write()
}

// A move is the import of an export.
type move struct {
	*job
	ctx    context.Context
	header exportHeader
	report *Report

	users   *userTable
	clients map[string]string // the name here by the name there; "" if it is gone
	others  map[string]string // why, of clients there
	ids     map[int64]int64   // of clients, here by there
	sources map[string]bool   // of the ledger, and whether they are taken
	// before are the keys by which the exporting store's ledger knows tokens whose
	// digest is another one since, by their ids there: they were known by a
	// SHA-512 only until their first use.
	before map[int64]string
	// first are the rows with the highest ids of their kinds, which come before
	// all others: see visitFirst.
	first map[string]firstRow
	batch []moved
	kind  string
}

// A firstRow is the one of its kind with the highest id.
type firstRow struct {
	number int
	id     int64
	line   exportLine
}

// see keeps the line if its id is the highest of its kind yet.
func (m *move) see(number int, line exportLine) {
	if kind, id := line.idOf(); id > m.first[kind].id && id <= highestID {
		m.first[kind] = firstRow{number, id, line}
	}
}

// idOf is the kind and id of a client or user; an id that is no number is 0.
func (l *exportLine) idOf() (kind string, id int64) {
	switch {
	case l.Client != nil:
		return clientKind, l.Client.ID
	case l.User != nil:
		id, _ = number(l.User.ID)
		return userKind, id
	}
	return "", 0
}

// A moved is a row of the export on its way.
type moved struct {
	number int
	kind   string
	key    string
	name   string
	row    transfer.Row
}

// parseLine reads one line of the form.
func parseLine(raw rawRow) (exportLine, error) {
	var line exportLine
	if raw.cut {
		return line, &FormatError{raw.number, raw.offset, "the row is longer than a mebibyte"}
	}
	d := json.NewDecoder(bytes.NewReader(raw.text))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil {
		return line, &FormatError{raw.number, raw.offset, "this is not a row of an export of this version of Durin: " + withoutText(err)}
	}
	return line, nil
}

// withoutText is what a JSON error says, but for errors that quote the text.
func withoutText(err error) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return "the field " + wrong.Field + " is of another type"
	case strings.HasPrefix(err.Error(), "json: unknown field"):
		return strings.TrimPrefix(err.Error(), "json: ")
	}
	return "it is no JSON"
}

// order is the place of a line among the others; 0 for one of no kind, or of
// several.
func (l *exportLine) order() int {
	order := 0
	for i, set := range []bool{l.Header != nil, l.Client != nil, l.User != nil, l.Token != nil, l.Taken != nil, l.End != nil} {
		if set && order > 0 {
			return 0
		}
		if set {
			order = i + 1
		}
	}
	return order
}

// survey reads the export whole, so that nothing of a damaged one is written.
func (m *move) survey() error {
	const header, end = 1, 6
	var counted, told exportEnd
	last, tokens, digests := 0, idSet{}, newTextSet()
	err := m.rows(m.ctx, "reading", func(raw rawRow) error {
		line, err := parseLine(raw)
		if err != nil {
			return err
		}
		fault := func(what string) error { return &FormatError{raw.number, raw.offset, what} }
		order := line.order()
		switch {
		case order == 0 || raw.number == 1 && order != header:
			return fault("this is not an export of Durin")
		case order < last, raw.number > 1 && order == header, last == end:
			return fault("the rows are not in their order")
		}
		last = order
		switch {
		case line.Header != nil:
			m.header = *line.Header
			if m.header.Format < 1 || m.header.Format > exportFormat {
				return fault(fmt.Sprintf("the export is of the form %d: take a later version of Durin", m.header.Format))
			}
			if err := checkOrigin(m.header.Origin); err != nil {
				return fault(err.Error())
			}
		case line.End != nil:
			told = *line.End
		default:
			counted.count(line)
			if err := line.check(); err != nil {
				return fault(err.Error())
			}
			m.see(raw.number, line)
			switch {
			case line.Token != nil:
				tokens.add(line.Token.ID)
				digests.add(line.Token.key())
			case line.Taken != nil && line.Taken.Source == tokenSource && tokens.has(line.Taken.ID) && !digests.has(line.Taken.Key):
				m.before[line.Taken.ID] = line.Taken.Key
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case last != end:
		return &FormatError{What: "the export is cut off: its last row is missing"}
	case told != counted:
		return &FormatError{What: fmt.Sprintf("the export is damaged: it has %+v and tells %+v", counted, told)}
	}
	return nil
}

func (e *exportEnd) count(line exportLine) {
	for n, set := range map[*int]bool{&e.Clients: line.Client != nil, &e.Users: line.User != nil, &e.Tokens: line.Token != nil, &e.Taken: line.Taken != nil} {
		if set {
			*n++
		}
	}
}

// check reports what no store would take.
func (l *exportLine) check() error {
	switch {
	case l.Client != nil:
		c, err := l.Client.client()
		if err == nil {
			err = c.Validate()
		}
		return err
	case l.User != nil:
		if l.User.ID == "" {
			return errors.New("a user has no id")
		}
		return l.User.user().Validate()
	case l.Token != nil:
		_, err := l.Token.token()
		return err
	}
	return nil
}

// write takes the rows.
func (m *move) write() error {
	m.report = &Report{DryRun: m.DryRun, Passwords: map[string]int{}}
	m.users, m.clients, m.others, m.ids, m.sources = newUserTable(false), map[string]string{}, map[string]string{}, map[int64]int64{}, map[string]bool{}
	for _, kind := range []string{clientKind, userKind, tokenKind, takenKind} {
		m.report.model(kind)
	}
	doing, visited := "writing", map[string]bool{}
	if m.DryRun {
		doing = "checking"
	}
	err := m.rows(m.ctx, doing, func(raw rawRow) error {
		line, err := parseLine(raw)
		if err != nil {
			return err
		}
		kind, _ := line.idOf()
		first := m.first[kind]
		if first.id != 0 && !visited[kind] {
			visited[kind] = true
			if err := m.visit(first.number, first.line); err != nil {
				return err
			}
		}
		if first.number == raw.number {
			return nil
		}
		return m.visit(raw.number, line)
	})
	if err == nil {
		err = m.flush()
	}
	m.report.finish(m.DryRun)
	return err
}

func (m *move) visit(number int, line exportLine) error {
	switch {
	case line.Client != nil:
		c, err := line.Client.client()
		if err != nil {
			return err
		}
		key := strconv.FormatInt(c.ID, 10)
		return m.add(moved{number, clientKind, key, c.Name, transfer.Row{Source: m.own(clientKind), Key: key, Client: &c}})
	case line.User != nil:
		u := line.User.user()
		return m.add(moved{number, userKind, u.ID, u.Name, transfer.Row{Source: m.own(userKind), Key: u.ID, User: &u}})
	case line.Token != nil:
		return m.visitToken(number, line.Token)
	case line.Taken != nil:
		return m.visitTaken(number, line.Taken)
	}
	return nil
}

// own is what the ledger calls the exporting store's own rows.
func (m *move) own(kind string) string { return "durin:" + m.header.Origin + ":" + kind }

// add puts a row into the batch, which holds rows of one kind.
func (m *move) add(row moved) error {
	if m.kind != row.kind || len(m.batch) == batchRows {
		if err := m.flush(); err != nil {
			return err
		}
		m.kind = row.kind
	}
	m.report.model(row.kind).Read++
	if row.row.Known == nil {
		row.row.Mark, row.row.Person = markOf(row.row), personOf(row.row.User)
	}
	m.batch = append(m.batch, row)
	return nil
}

func (m *move) visitToken(number int, f *tokenForm) error {
	t, err := f.token()
	if err != nil {
		return err
	}
	if m.kind != tokenKind { // what it refers to must be settled
		if err := m.flush(); err != nil {
			return err
		}
		m.kind = tokenKind
	}
	row := moved{number: number, kind: tokenKind, key: strconv.FormatInt(t.ID, 10), row: transfer.Row{Source: tokenSource, Key: t.Digest.String(), Token: t}}
	id, _, _ := m.users.find(reference{pk: t.UserID})
	name := m.clients[t.Client]
	if id == "" || name == "" {
		m.report.model(tokenKind).Read++
		m.leaveOut(row, "its user or its client is left out"+cmp.Or(m.users.reason(reference{pk: t.UserID}), m.others[t.Client]))
		return nil
	}
	if key := m.before[t.ID]; key != "" {
		if gone, err := m.tookBefore(key); err != nil || gone {
			none := int64(-1)
			row.row.Token, row.row.Known = nil, &none
			return cmp.Or(err, m.add(row))
		}
	}
	t.UserID, t.Client = id, name
	if t.Seal != nil && m.Keyring != nil {
		if _, known := m.Keyring.SealedWith(t.Seal); !known {
			m.report.Unsealed++
		}
	}
	return m.add(row)
}

// tookBefore reports whether the ledger here knows a token by key.
func (m *move) tookBefore(key string) (bool, error) {
	none := int64(-1)
	results, err := m.importRows(m.ctx, []transfer.Row{{Source: tokenSource, Key: key, Known: &none}}, true)
	return err == nil && results[0].Outcome == transfer.KnownBefore, err
}

func (m *move) leaveOut(row moved, what string) {
	m.report.model(row.kind).LeftOut++
	m.report.problem(row.item(), what, LeftOut)
}

// item is the row as reports know it.
func (row moved) item() *item {
	return &item{number: row.number, model: row.kind, key: row.key, pk: row.key, name: row.name, row: row.row}
}

// taken counts a client or user that is written, with another id if its own is
// not free.
func (m *move) taken(row moved, id int64) {
	it := row.item()
	m.report.tellID(it, row.key, id, m.DryRun)
	counts := m.report.model(row.kind)
	counts.Taken++
	for _, what := range it.mends {
		counts.Mended++
		m.report.problem(it, what, Mended)
	}
	if row.row.User != nil {
		m.report.tellAdmin(it)
	}
}

// flush writes the batch.
func (m *move) flush() error {
	rows := make([]transfer.Row, len(m.batch))
	for i := range m.batch {
		rows[i] = m.batch[i].row
	}
	results, err := m.importAbove(m.ctx, rows, m.first[userKind].id, m.DryRun)
	if err != nil {
		return err
	}
	batch := m.batch
	m.batch = m.batch[:0]
	settle := map[string]func(moved, transfer.Result){
		clientKind: m.settleClient, userKind: m.settleUser, tokenKind: m.settleToken, takenKind: m.settleTaken,
	}
	for i, result := range results {
		settle[batch[i].kind](batch[i], result)
	}
	return m.enterSame(m.ctx, rows, results, m.DryRun)
}

func (m *move) count(row moved, outcome transfer.Outcome) {
	if outcome == transfer.Imported {
		m.report.model(row.kind).Taken++
	} else {
		m.report.model(row.kind).Known++
	}
}

// settleClient notes what a client is called here. One that has the name
// already stays as it is, and gets the sessions.
func (m *move) settleClient(row moved, result transfer.Result) {
	switch {
	case result.Outcome == transfer.KnownBefore && !sameRow(row.row, result):
		m.leaveOut(row, otherClient(row.name, result.Name))
		m.others[row.name] = fmt.Sprintf(": it is %q there, and %s was taken under its key before", row.name, quoteOrDeleted(result.Name))
		return
	case result.Outcome == transfer.Imported:
		m.taken(row, result.ID)
		m.clients[row.name] = row.name
	default:
		m.count(row, result.Outcome)
		m.clients[row.name] = result.Name
	}
	m.ids[row.row.Client.ID] = result.ID
}

// settleUser notes the id of a user here. Another one of the same name stays,
// and gets none of the sessions.
func (m *move) settleUser(row moved, result transfer.Result) {
	it := row.item()
	switch {
	case result.Outcome == transfer.Imported:
		m.taken(row, result.ID)
	case result.Outcome == transfer.KnownBefore && !sameRow(row.row, result):
		m.users.keys.add(row.key)
		m.users.leaveOut(it, result.Name)
		m.leaveOut(row, otherUser(row.name, result.Name))
		return
	case result.Outcome == transfer.KnownBefore, sameByName(row.row.User, result):
		m.count(row, result.Outcome)
	default:
		m.users.keys.add(row.key)
		m.leaveOut(row, "another user has that name here: that one stays as it is")
		return
	}
	m.users.settle(it, result.ID, false)
}

func (m *move) settleToken(row moved, result transfer.Result) {
	switch {
	case row.row.Known != nil:
		m.count(row, transfer.KnownBefore)
	case result.Outcome == transfer.OverMaximum:
		m.leaveOut(row, overMaximum(row.row.Token.Client))
	case result.Outcome == transfer.WithoutParent && !m.DryRun:
		m.leaveOut(row, "its user or its client has been deleted here")
	case result.Outcome == transfer.WithoutParent:
		m.count(row, transfer.Imported)
	default:
		m.count(row, result.Outcome)
		m.report.tellEnded(row.item(), row.row.Token.Client, result)
		if result.Outcome == transfer.Imported && !m.DryRun && row.key != strconv.FormatInt(result.ID, 10) {
			m.report.ChangedSessions++
		}
	}
}
