package importer

import (
	"fmt"
	"slices"
	"strconv"
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

// What becomes of a row with a Problem.
const (
	Mended  = "mended"
	LeftOut = "left out"
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
