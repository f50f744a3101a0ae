package memstore

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/internal/tokenrule"
)

var _ audit.Store = (*Store)(nil)

// auditLog is the chains, in the order in which they were made.
type auditLog struct {
	mu     sync.RWMutex
	chains []*auditChain
}

type auditChain struct {
	head audit.Head
	rows []audit.Row // by Seq
}

// chain returns the one of that name, or nil. mu is held.
func (l *auditLog) chain(name string) (int, *auditChain) {
	for i, c := range l.chains {
		if c.head.Chain == name {
			return i, c
		}
	}
	return -1, nil
}

// AppendAudit implements audit.Store.
func (s *Store) AppendAudit(ctx context.Context, chain string, extend func(audit.Head) ([]audit.Row, audit.Head, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.audit.mu.Lock()
	defer s.audit.mu.Unlock()
	_, c := s.audit.chain(chain)
	fresh := c == nil
	if fresh {
		c = &auditChain{head: audit.Head{Chain: chain}}
	}
	rows, head, err := extend(c.head)
	if err != nil {
		return err
	}
	if fresh {
		s.audit.chains = append(s.audit.chains, c)
	}
	if !head.Anchored.IsZero() {
		head.Anchored = tokenrule.Instant(head.Anchored)
	}
	c.rows, c.head = append(c.rows, rows...), head
	return nil
}

// AuditHeads implements audit.Store.
func (s *Store) AuditHeads(ctx context.Context) ([]audit.Head, error) {
	s.audit.mu.RLock()
	defer s.audit.mu.RUnlock()
	var all []audit.Head
	for _, c := range s.audit.chains {
		all = append(all, c.head)
	}
	slices.SortFunc(all, func(a, b audit.Head) int { return cmp.Compare(a.Chain, b.Chain) })
	return all, ctx.Err()
}

// AuditRows implements audit.Store.
func (s *Store) AuditRows(ctx context.Context, chain string, after int64, limit int) ([]audit.Row, error) {
	s.audit.mu.RLock()
	defer s.audit.mu.RUnlock()
	_, c := s.audit.chain(chain)
	if c == nil {
		return nil, ctx.Err()
	}
	from, _ := slices.BinarySearchFunc(c.rows, after+1, func(r audit.Row, seq int64) int { return cmp.Compare(r.Seq, seq) })
	return slices.Clone(c.rows[from:min(len(c.rows), from+tokenrule.Limit(limit))]), ctx.Err()
}

// AuditStrays implements audit.Store.
func (s *Store) AuditStrays(ctx context.Context, _ int) ([]audit.Row, error) { return nil, ctx.Err() }

// FindAudit implements audit.Store.
func (s *Store) FindAudit(ctx context.Context, f audit.Filter, after audit.Cursor, limit int) ([]audit.Row, error) {
	s.audit.mu.RLock()
	defer s.audit.mu.RUnlock()
	type placed struct {
		chain int
		row   audit.Row
	}
	order := func(a, b placed) int {
		return cmp.Or(b.row.At.Compare(a.row.At), cmp.Compare(b.chain, a.chain), cmp.Compare(b.row.Seq, a.row.Seq))
	}
	place, _ := s.audit.chain(after.Chain)
	from := placed{place, audit.Row{At: after.At, Seq: after.Seq}}
	var found []placed
	for i, c := range s.audit.chains {
		for _, r := range c.rows {
			if one := (placed{i, r}); fits(f, r) && (after.At.IsZero() || order(from, one) < 0) {
				found = append(found, one)
			}
		}
	}
	slices.SortFunc(found, order)
	var some []audit.Row
	for _, one := range found[:min(len(found), tokenrule.Limit(limit))] {
		some = append(some, one.row)
	}
	return some, ctx.Err()
}

func fits(f audit.Filter, r audit.Row) bool {
	return (f.UserID == "" || f.UserID == r.UserID) && (f.ActorID == "" || f.ActorID == r.Actor.ID) &&
		(f.Action == "" || f.Action == r.Action) && (f.Client == "" || f.Client == r.Client) &&
		(f.Since.IsZero() || !r.At.Before(f.Since)) && (f.Until.IsZero() || r.At.Before(f.Until))
}

// PruneAudit implements audit.Store.
func (s *Store) PruneAudit(ctx context.Context, chain string, before time.Time, limit int, seal func(audit.Head) (audit.Head, error)) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.audit.mu.Lock()
	defer s.audit.mu.Unlock()
	_, c := s.audit.chain(chain)
	if c == nil {
		return 0, nil
	}
	n := 0
	for n < min(len(c.rows), tokenrule.Limit(limit)) && c.rows[n].At.Before(before) {
		n++
	}
	if n == 0 {
		return 0, nil
	}
	head := c.head
	head.FirstSeq, head.FirstHash = c.rows[n-1].Seq, c.rows[n-1].Hash
	head, err := seal(head)
	if err != nil {
		return 0, err
	}
	c.rows, c.head = slices.Clone(c.rows[n:]), head
	return n, nil
}
