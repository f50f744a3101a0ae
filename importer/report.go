package importer

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/durin-go/durin/transfer"
)

// A Report tells what an import did, or with DryRun would do. It bears no
// token and no password hash.
type Report struct {
	DryRun bool `json:"dry_run"`
	// Models has the models of ours that the dump holds, in the order in
	// which they are written.
	Models []*ModelReport `json:"models"`
	// Others counts rows of models that are not ours.
	Others int `json:"others"`
	// Passwords counts the hashes of the users taken, by kind:
	// "pbkdf2_sha256", "unusable" ...
	Passwords map[string]int `json:"passwords,omitempty"`
	// Unsealed counts the tokens taken for clients with the policy reuse
	// that cannot be shown again, for want of a Keyring: they work until the
	// next login, which replaces them.
	Unsealed int `json:"unsealed,omitempty"`
	// Problems are the first 50,000 faults of rows mended or left out, and
	// MoreProblems counts those beyond.
	Problems     []Problem `json:"problems,omitempty"`
	MoreProblems int       `json:"more_problems,omitempty"`
	// Naive counts the rows with instants that tell no zone; they are read in
	// Options.Zone. Clamped counts those with one outside of the years 1 to
	// 9999.
	Naive   int `json:"without_zone,omitempty"`
	Clamped int `json:"clamped,omitempty"`
	// CaseTwins counts users whose name differs from another's of the dump in
	// case only, OddNames those whose name no new user could have (durin.NewName).
	// They are taken as they are.
	CaseTwins int `json:"case_twins,omitempty"`
	OddNames  int `json:"odd_names,omitempty"`
	// Suspects are models that were passed over and look like users or tokens.
	Suspects []Suspect `json:"suspects,omitempty"`
	// Administrators are the names of the users taken who are administrators,
	// 50,000 at most.
	Administrators []string `json:"administrators,omitempty"`
	// Inactive counts the superusers taken who are not active, and so became no
	// administrators.
	Inactive int `json:"inactive_superusers,omitempty"`
	// ChangedIDs are the users and clients taken whose ids here are not the
	// keys they came with: the first 50,000, and MoreChangedIDs counts those
	// beyond. Their old keys stay in the store's ledger, which Export writes
	// out. ChangedSessions counts such sessions.
	ChangedIDs      []ChangedID `json:"changed_ids,omitempty"`
	MoreChangedIDs  int         `json:"more_changed_ids,omitempty"`
	ChangedSessions int         `json:"changed_sessions,omitempty"`
	// Ended are the rows taken that ended sessions in the store, for the policy
	// of their client allows no more: the first 50,000, and MoreEnded counts
	// those beyond.
	Ended     []Problem `json:"ended,omitempty"`
	MoreEnded int       `json:"more_ended,omitempty"`
	// Notes tell what was done beside the rows: a client made for another
	// library's tokens.
	Notes []string `json:"notes,omitempty"`
}

// A ModelReport counts the rows of one model. Each row read is in one of
// Taken, Known and LeftOut.
type ModelReport struct {
	Model   string `json:"model"`
	Read    int    `json:"read"`
	Taken   int    `json:"taken"`  // written now
	Known   int    `json:"known"`  // taken by an earlier import, untouched now
	Mended  int    `json:"mended"` // of those taken
	LeftOut int    `json:"left_out"`
}

// A Problem is a row that is not taken as it stands.
type Problem struct {
	Row    int    `json:"row"` // in the dump, counted from 1
	Model  string `json:"model"`
	Key    string `json:"key,omitempty"` // its primary key, unless that is a secret
	What   string `json:"what"`
	Action string `json:"action"` // Mended or LeftOut
}

// A ChangedID is a row whose id in the store is another than its key.
type ChangedID struct {
	Model string `json:"model"`
	Key   string `json:"key"`
	Name  string `json:"name"`
	ID    int64  `json:"id,omitempty"` // 0 in a rehearsal, which cannot tell
}

// What becomes of a row with a Problem, or of what stood in its way.
const (
	Mended  = "mended"
	LeftOut = "left out"
	Ended   = "ended" // sessions that were there
)

// maxProblems bounds the memory that a dump of faults costs.
const maxProblems = 50_000

func (p Problem) String() string {
	if p.Model == "" {
		return fmt.Sprintf("row %d: %s", p.Row, p.What)
	}
	name := p.Model
	if p.Key != "" {
		name += " " + p.Key
	}
	return fmt.Sprintf("row %d (%s): %s", p.Row, name, p.What)
}

// A RowsError lists the rows that an import without Lenient cannot take as
// they stand. Nothing was written.
type RowsError struct {
	Problems []Problem
	More     int // problems beyond those listed
}

func (e *RowsError) Error() string {
	n := len(e.Problems) + e.More
	if n == 1 {
		return "importer: a row cannot be taken as it stands: " + e.Problems[0].String()
	}
	return fmt.Sprintf("importer: %d faults in rows that cannot be taken as they stand; the first: %s", n, e.Problems[0])
}

// Table returns the counts as the rows of a table, a header first and, with
// several models, the sums last.
func (r *Report) Table() [][]string {
	rows := [][]string{{"model", "read", "taken", "known before", "mended", "left out"}}
	line := func(m *ModelReport) []string {
		return []string{m.Model, strconv.Itoa(m.Read), strconv.Itoa(m.Taken), strconv.Itoa(m.Known), strconv.Itoa(m.Mended), strconv.Itoa(m.LeftOut)}
	}
	sum := &ModelReport{Model: "all"}
	for _, m := range r.Models {
		rows = append(rows, line(m))
		sum.Read, sum.Taken, sum.Known = sum.Read+m.Read, sum.Taken+m.Taken, sum.Known+m.Known
		sum.Mended, sum.LeftOut = sum.Mended+m.Mended, sum.LeftOut+m.LeftOut
	}
	if len(r.Models) > 1 {
		rows = append(rows, line(sum))
	}
	return rows
}

// Model returns the counts of a model, zeros if the dump holds none of it.
func (r *Report) Model(name string) ModelReport {
	for _, m := range r.Models {
		if m.Model == name {
			return *m
		}
	}
	return ModelReport{Model: name}
}

// model returns the counts to add to.
func (r *Report) model(name string) *ModelReport {
	i := slices.IndexFunc(r.Models, func(m *ModelReport) bool { return m.Model == name })
	if i < 0 {
		r.Models = append(r.Models, &ModelReport{Model: name})
		i = len(r.Models) - 1
	}
	return r.Models[i]
}

// problem notes one thing about a row.
func (r *Report) problem(it *item, what, action string) {
	if len(r.Problems) == maxProblems {
		r.MoreProblems++
		return
	}
	r.Problems = append(r.Problems, Problem{it.number, it.model, it.key, what, action})
}

// instants counts a row by its instants.
func (r *Report) instants(it *item) {
	if it.naive {
		r.Naive++
	}
	if it.clamped {
		r.Clamped++
	}
}

// note adds a sentence once.
func (r *Report) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// tellID notes a user or client whose id here is not its key. One that is a number
// and not free is a mend: whoever knows rows by that id would take another for it.
func (r *Report) tellID(it *item, wanted string, id int64, dry bool) {
	if it.pk == "" || !dry && it.pk == strconv.FormatInt(id, 10) {
		return
	}
	_, whole := number(it.pk)
	taken := wanted != "" && wanted != strconv.FormatInt(id, 10)
	if whole && wanted != "" && !taken {
		return
	}
	changed := ChangedID{it.model, it.pk, it.name, id}
	if dry {
		changed.ID = 0
	}
	switch {
	case taken && dry:
		it.mend("its id %s is not free here: it gets another one", wanted)
	case taken:
		it.mend("its id %s is not free here: it becomes %d", wanted, id)
	}
	if len(r.ChangedIDs) == maxProblems {
		r.MoreChangedIDs++
		return
	}
	r.ChangedIDs = append(r.ChangedIDs, changed)
}

// tellAdmin notes a user taken who is an administrator, or does not become one.
func (r *Report) tellAdmin(it *item) {
	if it.row.User.Admin && len(r.Administrators) < maxProblems {
		r.Administrators = append(r.Administrators, it.name)
	}
	if it.demoted {
		r.Inactive++
	}
}

// tellEnded notes sessions that had to make room for a token.
func (r *Report) tellEnded(it *item, client string, result transfer.Result) {
	for _, id := range result.EndedIDs {
		if len(r.Ended) == maxProblems {
			r.MoreEnded++
			continue
		}
		what := fmt.Sprintf("it takes the place of session %d of its user for the client %q, whose policy allows no more", id, client)
		r.Ended = append(r.Ended, Problem{it.number, it.model, it.key, what, Ended})
	}
}

// finish puts the rows in the order of the dump, and sums up in words what the
// lists tell.
func (r *Report) finish(dry bool) {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return a.Row - b.Row })
	slices.SortStableFunc(r.Ended, func(a, b Problem) int { return a.Row - b.Row })
	if n := len(r.ChangedIDs) + r.MoreChangedIDs; n > 0 && dry {
		r.note("%s would have other ids here than their keys.", plural(n, "client or user", "clients and users"))
	} else if n > 0 {
		r.note("%s other ids here than their keys: changed_ids in the report (--json) lists them, and so do the lines \"taken\" of durin export, at any time.", plural(n, "client or user has", "clients and users have"))
	}
	if r.ChangedSessions > 0 {
		r.note("%s other ids here than their keys.", plural(r.ChangedSessions, "session has", "sessions have"))
	}
	if r.Inactive > 0 {
		r.note("%s not active, and did not become administrators.", plural(r.Inactive, "superuser is", "superusers are"))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
