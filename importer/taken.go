package importer

import (
	"context"
	"strconv"
	"strings"

	"github.com/durin-go/durin/transfer"
)

// visitTaken takes an entry of the exporting store's ledger: with the id that
// its row has here.
func (m *move) visitTaken(number int, f *takenForm) error {
	if m.kind != takenKind {
		if err := m.flush(); err != nil {
			return err
		}
		m.kind = takenKind
	}
	row := moved{number: number, kind: takenKind, row: transfer.Row{Source: f.Source, Key: f.Key, Mark: f.Mark}}
	take, err := m.takesSource(f.Source)
	if err != nil {
		return err
	}
	if !take {
		m.report.model(takenKind).Read++
		m.report.model(takenKind).LeftOut++
		return nil
	}
	id := m.here(f)
	row.row.Known = &id
	return m.add(row)
}

// here is the id of the row that an entry tells of, -1 if it is not there: no
// row of somebody else's may stand for it.
func (m *move) here(f *takenForm) int64 {
	const gone = -1
	switch kind := f.Source[strings.LastIndexByte(f.Source, ':')+1:]; kind {
	case userKind:
		if id, _, _ := m.users.find(reference{pk: strconv.FormatInt(f.ID, 10)}); id != "" {
			n, _ := number(id)
			return n
		}
		return gone
	case clientKind:
		if id, ok := m.ids[f.ID]; ok {
			return id
		}
		return gone
	case "token":
		return f.ID
	}
	return gone
}

// takesSource reports whether the ledger takes entries of a source: those of
// tokens and persons, which are known wherever they come from, and others if
// it has none yet but from this origin. Keys of two projects mean different rows.
func (m *move) takesSource(source string) (bool, error) {
	if take, known := m.sources[source]; known {
		return take, nil
	}
	take, err := m.judgeSource(source)
	if err != nil {
		return false, err
	}
	m.sources[source] = take
	if !take {
		m.report.note("What the export tells of imports from %q is left out: there are imports of that name here already.", source)
	}
	return take, nil
}

func (m *move) judgeSource(source string) (bool, error) {
	if strings.HasSuffix(source, ":token") || source == transfer.PersonSource {
		return true, nil
	}
	exporter, ok := m.dst.(interface {
		ExportLedger(context.Context, transfer.Entry, int) ([]transfer.Entry, error)
	})
	if !ok {
		return false, nil
	}
	// The mark tells that an earlier call has begun with the source.
	none := int64(-1)
	mark := []transfer.Row{{Source: m.own("ledger"), Key: nameKey(source), Known: &none}}
	results, err := m.importRows(m.ctx, mark, true)
	if err != nil {
		return false, err
	}
	if results[0].Outcome == transfer.KnownBefore {
		return true, nil
	}
	some, err := exporter.ExportLedger(m.ctx, transfer.Entry{Source: source}, 1)
	if err != nil || len(some) > 0 && some[0].Source == source {
		return false, err
	}
	_, err = m.importRows(m.ctx, mark, m.DryRun)
	return true, err
}

func (m *move) settleTaken(row moved, result transfer.Result) { m.count(row, result.Outcome) }
