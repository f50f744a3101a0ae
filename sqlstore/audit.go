package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/internal/tokenrule"
)

var _ audit.Store = (*Store)(nil)

const (
	headFields  = "seq, hash, key_id, mac, first_seq, first_hash, first_key, first_mac, anchored"
	headColumns = "SELECT id, name, " + headFields + " FROM durin_audit_chain"

	auditFields = "chain_id, seq, at, action, actor_kind, actor_id, actor_name, user_id, user_name, client, session_id, " +
		"address, agent, request_id, details, key_id, hash"
	auditColumns = "SELECT " + auditFields + " FROM durin_audit"
	// auditInsert is how many rows one INSERT has at most.
	auditInsert = 50
	// auditPage is how many rows room is made for at once.
	auditPage = 2000
)

// A hashColumn scans a hash into what it points to.
type hashColumn struct{ h *audit.Hash }

// Scan implements sql.Scanner.
func (c hashColumn) Scan(value any) error {
	if x, ok := value.([]byte); ok && len(x) == len(c.h) {
		copy(c.h[:], x)
		return nil
	}
	*c.h = audit.Hash{} // somebody has spoilt it: Verify tells
	return nil
}

func scanHead(rows *sql.Rows) (id int64, h audit.Head, err error) {
	var anchored int64
	err = rows.Scan(&id, &h.Chain, &h.Seq, hashColumn{&h.Hash}, &h.KeyID, hashColumn{&h.MAC},
		&h.FirstSeq, hashColumn{&h.FirstHash}, &h.FirstKeyID, hashColumn{&h.FirstMAC}, &anchored)
	if anchored != 0 {
		h.Anchored = time.UnixMicro(anchored).UTC()
	}
	return id, h, err
}

func headValues(h audit.Head) []any {
	anchored := int64(0)
	if !h.Anchored.IsZero() {
		anchored = h.Anchored.UnixMicro()
	}
	return []any{h.Seq, h.Hash[:], h.KeyID, h.MAC[:], h.FirstSeq, h.FirstHash[:], h.FirstKeyID, h.FirstMAC[:], anchored}
}

// head returns the chain's, under a lock; id is 0 if there is none.
func (t session) head(ctx context.Context, chain string) (id int64, h audit.Head, err error) {
	err = t.each(ctx, func(rows *sql.Rows) (err error) { id, h, err = scanHead(rows); return err },
		headColumns+" WHERE name = ?"+t.forUpdate, chain)
	return id, h, err
}

// makeHead is head, and makes the chain where there is none.
func (t session) makeHead(ctx context.Context, chain string) (int64, audit.Head, error) {
	id, h, err := t.head(ctx, chain)
	if err != nil || id != 0 {
		return id, h, err
	}
	err = t.exec(ctx, insertInto("durin_audit_chain", "name, "+headFields)+t.upsert("name")+"name = durin_audit_chain.name",
		append([]any{chain}, headValues(audit.Head{})...)...)
	if err != nil {
		return 0, h, err
	}
	return t.head(ctx, chain)
}

func (t session) setHead(ctx context.Context, id int64, h audit.Head) error {
	return t.exec(ctx, updateSet("durin_audit_chain", headFields)+" WHERE id = ?", append(headValues(h), id)...)
}

// AppendAudit implements audit.Store.
func (s *Store) AppendAudit(ctx context.Context, chain string, extend func(audit.Head) ([]audit.Row, audit.Head, error)) error {
	return s.write(ctx, "writing the audit log", func(ctx context.Context, t session) error {
		id, head, err := t.makeHead(ctx, chain)
		if err != nil {
			return err
		}
		rows, head, err := extend(head)
		if err != nil {
			return err
		}
		for from := 0; from < len(rows); from += auditInsert {
			if err := t.insertAudit(ctx, id, rows[from:min(from+auditInsert, len(rows))]); err != nil {
				return err
			}
		}
		return t.setHead(ctx, id, head)
	})
}

func (t session) insertAudit(ctx context.Context, id int64, rows []audit.Row) error {
	one := insertInto("durin_audit", auditFields)
	_, values, _ := strings.Cut(one, " VALUES ")
	args := make([]any, 0, len(rows)*17)
	for i := range rows {
		r := &rows[i]
		args = append(args, id, r.Seq, r.At.UnixMicro(), string(r.Action), string(r.Actor.Kind), r.Actor.ID, r.Actor.Name, r.UserID, r.UserName, r.Client, r.SessionID,
			r.Address, r.Agent, r.RequestID, r.Details, r.KeyID, r.Hash[:])
	}
	return t.exec(ctx, one+strings.Repeat(", "+values, len(rows)-1), args...)
}

// An auditScanner scans rows, one after the other, into the same place.
type auditScanner struct {
	row          audit.Row
	chain, at    int64
	action, kind string
	into         []any
}

func newAuditScanner() *auditScanner {
	s := &auditScanner{}
	r := &s.row
	s.into = []any{&s.chain, &r.Seq, &s.at, &s.action, &s.kind, &r.Actor.ID, &r.Actor.Name, &r.UserID, &r.UserName, &r.Client, &r.SessionID,
		&r.Address, &r.Agent, &r.RequestID, &r.Details, &r.KeyID, hashColumn{&r.Hash}}
	return s
}

// scan puts the next row into s.row, but for the name of its chain.
func (s *auditScanner) scan(rows *sql.Rows) error {
	err := rows.Scan(s.into...)
	s.row.At, s.row.Action, s.row.Actor.Kind = time.UnixMicro(s.at).UTC(), audit.Action(s.action), audit.Kind(s.kind)
	return err
}

// AuditHeads implements audit.Store.
func (s *Store) AuditHeads(ctx context.Context) (all []audit.Head, err error) {
	err = s.read(ctx, "reading where the audit log stands", func(ctx context.Context, t session) error {
		all = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			_, h, err := scanHead(rows)
			all = append(all, h)
			return err
		}, headColumns+" ORDER BY name")
	})
	return all, err
}

// AuditRows implements audit.Store.
func (s *Store) AuditRows(ctx context.Context, chain string, after int64, limit int) (some []audit.Row, err error) {
	if !tokenrule.IsText(chain) {
		return nil, ctx.Err()
	}
	err = s.readMuch(ctx, "reading the audit log", func(ctx context.Context, t session) error {
		some = make([]audit.Row, 0, min(max(limit, 1), auditPage))
		s := newAuditScanner()
		s.row.Chain = chain
		return t.each(ctx, func(rows *sql.Rows) error {
			err := s.scan(rows)
			some = append(some, s.row)
			return err
		}, auditColumns+" WHERE chain_id = (SELECT id FROM durin_audit_chain WHERE name = ?) AND seq > ? ORDER BY seq LIMIT ?",
			chain, after, int64(tokenrule.Limit(limit)))
	})
	return some, err
}

// AuditStrays implements audit.Store. A stray row's Chain is "#" and the number that
// there is no chain of.
func (s *Store) AuditStrays(ctx context.Context, limit int) (some []audit.Row, err error) {
	err = s.readMuch(ctx, "looking for stray rows of the audit log", func(ctx context.Context, t session) error {
		some = nil
		for from := int64(math.MinInt64); len(some) < tokenrule.Limit(limit); {
			var id, seq int64
			err := t.row(ctx, "SELECT chain_id, seq FROM durin_audit WHERE chain_id >= ? ORDER BY chain_id, seq LIMIT 1", from).Scan(&id, &seq)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			there, err := t.has(ctx, "SELECT 1 FROM durin_audit_chain WHERE id = ?", id)
			if err != nil {
				return err
			}
			if !there {
				some = append(some, audit.Row{Chain: "#" + strconv.FormatInt(id, 10), Seq: seq})
			}
			if from = id + 1; from < id {
				return nil
			}
		}
		return nil
	})
	return some, err
}

// FindAudit implements audit.Store.
func (s *Store) FindAudit(ctx context.Context, f audit.Filter, after audit.Cursor, limit int) (some []audit.Row, err error) {
	for _, text := range []string{f.UserID, f.ActorID, string(f.Action), f.Client, after.Chain} {
		if !tokenrule.IsText(text) {
			return nil, ctx.Err()
		}
	}
	err = s.readMuch(ctx, "looking through the audit log", func(ctx context.Context, t session) error {
		some = nil
		names := map[int64]string{}
		ids := map[string]int64{}
		err := t.each(ctx, func(rows *sql.Rows) error {
			id, h, err := scanHead(rows)
			names[id], ids[h.Chain] = h.Chain, id
			return err
		}, headColumns)
		if err != nil {
			return err
		}
		w := auditFilter(f, after, ids[after.Chain])
		s := newAuditScanner()
		return t.each(ctx, func(rows *sql.Rows) error {
			err := s.scan(rows)
			s.row.Chain = names[s.chain]
			some = append(some, s.row)
			return err
		}, auditColumns+w.where()+" ORDER BY at DESC, chain_id DESC, seq DESC LIMIT ?", append(w.args, int64(tokenrule.Limit(limit)))...)
	})
	return some, err
}

func auditFilter(f audit.Filter, after audit.Cursor, chain int64) filter {
	var w filter
	// Rows of no chain are nobody's. Counted, for an engine that is asked
	// whether there is a chain begins with the chains, and sorts all rows.
	w.add("(SELECT COUNT(*) FROM durin_audit_chain WHERE id = durin_audit.chain_id) = ?", int64(1))
	w.text("user_id = ?", f.UserID)
	w.text("actor_id = ?", f.ActorID)
	w.text("action = ?", string(f.Action))
	w.text("client = ?", f.Client)
	if !f.Since.IsZero() {
		w.add("at >= ?", microsUp(f.Since))
	}
	if !f.Until.IsZero() {
		w.add("at < ?", microsUp(f.Until))
	}
	if !after.At.IsZero() {
		at := after.At.UnixMicro()
		w.add("at <= ?", at)
		w.add("(at < ? OR chain_id < ? OR chain_id = ? AND seq < ?)", at)
		w.args = append(w.args, chain, chain, after.Seq)
	}
	return w
}

// PruneAudit implements audit.Store.
func (s *Store) PruneAudit(ctx context.Context, chain string, before time.Time, limit int, seal func(audit.Head) (audit.Head, error)) (n int, err error) {
	at := microsUp(before)
	err = s.write(ctx, "pruning the audit log", func(ctx context.Context, t session) error {
		n = 0
		id, head, err := t.head(ctx, chain)
		if err != nil || id == 0 {
			return err
		}
		young := false
		err = t.each(ctx, func(rows *sql.Rows) error {
			var seq, made int64
			var h audit.Hash
			if err := rows.Scan(&seq, &made, hashColumn{&h}); err != nil {
				return err
			}
			// Nothing goes from behind a gap: it would not be seen any more.
			if young = young || made >= at || seq != head.FirstSeq+1; !young {
				head.FirstSeq, head.FirstHash = seq, h
				n++
			}
			return nil
		}, "SELECT seq, at, hash FROM durin_audit WHERE chain_id = ? AND seq > ? ORDER BY seq LIMIT ?", id, head.FirstSeq, int64(tokenrule.Limit(limit)))
		if err != nil || n == 0 {
			return err
		}
		if head, err = seal(head); err != nil {
			return err
		}
		if err := t.exec(ctx, "DELETE FROM durin_audit WHERE chain_id = ? AND seq <= ?", id, head.FirstSeq); err != nil {
			return fmt.Errorf("deleting: %w", err)
		}
		return t.setHead(ctx, id, head)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
