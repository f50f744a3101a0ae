package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"

	"github.com/durin-go/durin/internal/tokenrule"
)

const (
	// pruneBatch is how many rows one transaction deletes at most.
	pruneBatch = 500
	// outboxKept is how long before the instant of a Prune endings are kept:
	// longer than any node is trusted without having read them.
	outboxKept = 15 * time.Minute
)

// A cursor is a place in durin_slot.
type cursor struct {
	userID   string
	clientID int64
	touched  int64
}

// A sweep is where slots are looked at next.
type sweep struct {
	mu sync.Mutex
	cursor
}

// Prune implements durin.Store. Each batch is a transaction of its own. With the
// tokens go those that an interrupted deletion of a client has left, endings
// older than a quarter of an hour before the given instant, the usage of users older
// than Options.KeepUsage, batches of counts of two days before, and slots without tokens, some at each call.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	at := tokenrule.Instant(before).UnixMicro()
	deleted := 0
	for deleted < limit {
		n, err := s.pruneTokens(ctx, at, min(pruneBatch, limit-deleted))
		deleted += n
		if err != nil {
			return deleted, err
		}
		if n == 0 {
			break
		}
	}
	for _, part := range []func(context.Context, int64) error{s.pruneOrphans, s.pruneOutbox, s.pruneUsage, s.pruneBatches, s.pruneSlots} {
		if err := part(ctx, at); err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// pruneTokens deletes at most limit dead tokens. The condition stands on the
// DELETE, too: a use may have moved the expiry meanwhile.
func (s *Store) pruneTokens(ctx context.Context, at int64, limit int) (n int, err error) {
	const dead = "expires < ? AND (imported IS NULL OR imported < ?)"
	err = s.write(ctx, "pruning tokens", func(ctx context.Context, t session) error {
		n = 0
		ids, err := t.ids(ctx, "SELECT id FROM durin_token WHERE "+dead+" ORDER BY expires LIMIT ?", at, at, int64(limit))
		if err != nil {
			return err
		}
		return portions(ids, func(some []int64) error {
			result, err := t.on.ExecContext(ctx, t.bind("DELETE FROM durin_token WHERE "+dead+" AND id IN "+list(len(some))), append([]any{at, at}, anys(some)...)...)
			if err != nil {
				return err
			}
			gone, err := result.RowsAffected()
			n += int(gone)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// pruneOrphans deletes tokens of clients that are gone. It looks once at each
// client that has tokens, not at each token.
func (s *Store) pruneOrphans(ctx context.Context, _ int64) error {
	var client number
	for {
		known := false
		err := s.read(ctx, "looking for orphans", func(ctx context.Context, t session) (err error) {
			if err := t.row(ctx, "SELECT MIN(client_id) FROM durin_token WHERE client_id > ?", client.n).Scan(&client); err != nil || !client.set {
				return err
			}
			known, err = t.has(ctx, "SELECT 1 FROM durin_client WHERE id = ?", client.n)
			return err
		})
		if err != nil || !client.set {
			return err
		}
		for more := !known; more; {
			if more, err = s.dropOrphans(ctx, client.n); err != nil {
				return err
			}
		}
	}
}

// dropOrphans deletes some tokens of a client that is gone, and reports whether
// there may be more.
func (s *Store) dropOrphans(ctx context.Context, clientID int64) (more bool, err error) {
	err = s.write(ctx, "deleting the tokens of a client", func(ctx context.Context, t session) error {
		ids, err := t.ids(ctx, "SELECT id FROM durin_token WHERE client_id = ? ORDER BY id LIMIT ?", clientID, int64(pruneBatch))
		if err != nil {
			return err
		}
		more = len(ids) == pruneBatch
		return portions(ids, func(some []int64) error {
			return t.exec(ctx, "DELETE FROM durin_token WHERE id IN "+list(len(some)), anys(some)...)
		})
	})
	return more && err == nil, err
}

// pruneOutbox deletes old endings, except the highest: its number must stay
// known.
func (s *Store) pruneOutbox(ctx context.Context, at int64) error {
	bound := at - outboxKept.Microseconds()
	for {
		n := 0
		err := s.write(ctx, "pruning the outbox", func(ctx context.Context, t session) error {
			var last number
			if err := t.row(ctx, "SELECT MAX(seq) FROM durin_outbox").Scan(&last); err != nil {
				return err
			}
			// The oldest first: where they are young, no more are looked at.
			ids, err := t.ids(ctx, "SELECT seq FROM (SELECT seq, at FROM durin_outbox WHERE seq < ? ORDER BY seq LIMIT ?) AS oldest WHERE at < ?", last.n, int64(pruneBatch), bound)
			if err != nil {
				return err
			}
			n = len(ids)
			return portions(ids, func(some []int64) error {
				return t.exec(ctx, "DELETE FROM durin_outbox WHERE seq IN "+list(len(some)), anys(some)...)
			})
		})
		if err != nil || n < pruneBatch {
			return err
		}
	}
}

// pruneBatches forgets which counts were added long ago.
func (s *Store) pruneBatches(ctx context.Context, at int64) error {
	const kept = 48 * time.Hour
	bound := at - kept.Microseconds()
	for more := true; more; {
		err := s.write(ctx, "forgetting batches of counts", func(ctx context.Context, t session) error {
			var ids [][]byte
			err := t.each(ctx, func(rows *sql.Rows) error {
				var id []byte
				err := rows.Scan(&id)
				ids = append(ids, id)
				return err
			}, "SELECT id FROM durin_batch WHERE at < ? ORDER BY at LIMIT ?", bound, int64(pruneBatch))
			if err != nil {
				return err
			}
			more = len(ids) == pruneBatch
			return portions(ids, func(some [][]byte) error {
				return t.exec(ctx, "DELETE FROM durin_batch WHERE id IN "+list(len(some)), anys(some)...)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pruneUsage deletes old counts of users; those of all together stay.
func (s *Store) pruneUsage(ctx context.Context, at int64) error {
	if s.keepUsage < 0 {
		return nil
	}
	bound := at - s.keepUsage.Microseconds()
	for n := pruneBatch; n == pruneBatch; {
		err := s.write(ctx, "pruning the usage", func(ctx context.Context, t session) error {
			var keys [][]any
			err := t.each(ctx, func(rows *sql.Rows) error {
				var day, client int64
				var user string
				err := rows.Scan(&day, &user, &client)
				keys = append(keys, []any{day, user, client})
				return err
			}, "SELECT day, user_id, client_id FROM durin_usage WHERE day < ? ORDER BY day, user_id, client_id LIMIT ?", bound, int64(pruneBatch))
			if err != nil {
				return err
			}
			n = len(keys)
			return t.repeat(ctx, "DELETE FROM durin_usage WHERE day = ? AND user_id = ? AND client_id = ?", n, func(i int) []any { return keys[i] })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pruneSlots looks at some slots, and deletes those without tokens that nobody
// has used since the given instant. A slot may go at any time: who needs it makes
// it anew.
func (s *Store) pruneSlots(ctx context.Context, at int64) error {
	s.sweep.mu.Lock()
	defer s.sweep.mu.Unlock()
	var slots []cursor
	err := s.read(ctx, "looking for idle slots", func(ctx context.Context, t session) error {
		slots = slots[:0]
		return t.each(ctx, func(rows *sql.Rows) error {
			var c cursor
			err := rows.Scan(&c.userID, &c.clientID, &c.touched)
			slots = append(slots, c)
			return err
		}, slotsBehind, s.sweep.userID, s.sweep.userID, s.sweep.clientID, int64(pruneBatch))
	})
	if err != nil {
		return err
	}
	s.sweep.cursor = cursor{}
	if len(slots) == pruneBatch {
		s.sweep.cursor = slots[pruneBatch-1]
	}
	slots = slices.DeleteFunc(slots, func(c cursor) bool { return c.touched >= at })
	if len(slots) == 0 {
		return nil
	}
	return s.write(ctx, "pruning slots", func(ctx context.Context, t session) error {
		return t.repeat(ctx, deleteSlot, len(slots), func(i int) []any {
			return []any{slots[i].userID, slots[i].clientID, at}
		})
	})
}

const (
	slotsBehind = "SELECT user_id, client_id, touched FROM durin_slot " +
		"WHERE user_id >= ? AND (user_id > ? OR client_id > ?) ORDER BY user_id, client_id LIMIT ?"
	deleteSlot = "DELETE FROM durin_slot WHERE user_id = ? AND client_id = ? AND touched < ? AND " +
		"NOT EXISTS (SELECT 1 FROM durin_token t WHERE t.user_id = durin_slot.user_id AND t.client_id = durin_slot.client_id)"
)

func (t session) ids(ctx context.Context, query string, args ...any) ([]int64, error) {
	var all []int64
	err := t.each(ctx, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		all = append(all, id)
		return err
	}, query, args...)
	return all, err
}
