package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
)

const clientColumns = "c.id, c.name, c.ttl, c.rate_n, c.rate_period, c.policy, c.max_tokens, c.sliding, c.max_life, c.rotate, c.no_password, c.cookie, c.description, c.created"

// A clientRow is what clientColumns scan into.
type clientRow struct {
	c                             durin.Client
	policy                        string
	ttl, period, sliding, maxLife number
	rotate                        number
	noPassword, cookie            number
	created, rate, max            number
}

func (r *clientRow) targets(to []any) []any {
	return append(to, &r.c.ID, &r.c.Name, &r.ttl, &r.rate, &r.period, &r.policy, &r.max, &r.sliding, &r.maxLife, &r.rotate, &r.noPassword, &r.cookie, &r.c.Description, &r.created)
}

func (r *clientRow) client() durin.Client {
	c := r.c
	c.TTL, c.MaxLife = r.ttl.duration(), r.maxLife.duration()
	c.Sliding, c.Rotate = r.sliding.duration(), r.rotate.duration()
	c.Rate = durin.Rate{N: int(r.rate.n), Period: r.period.duration()}
	c.Policy, c.MaxTokens = durin.Policy(r.policy), int(r.max.n)
	c.NoPassword, c.Cookie = r.noPassword.n != 0, r.cookie.n != 0
	c.Created = r.created.instant()
	return c
}

// clientValues are the columns after the id, in the order of clientFields.
func clientValues(c durin.Client) []any {
	return []any{c.Name, durationOrNull(c.TTL), int64(c.Rate.N), c.Rate.Period.Microseconds(), string(c.Policy), int64(c.MaxTokens),
		c.Sliding.Microseconds(), durationOrNull(c.MaxLife), c.Rotate.Microseconds(), flag(c.NoPassword), flag(c.Cookie), c.Description, c.Created.UnixMicro()}
}

const (
	clientFields  = "name, ttl, rate_n, rate_period, policy, max_tokens, sliding, max_life, rotate, no_password, cookie, description, created"
	clientNamed   = "SELECT " + clientColumns + " FROM durin_client c WHERE c.name = ?"
	clientTaken   = "SELECT 1 FROM durin_client WHERE name = ? OR id = ?"
	clientRenamed = "SELECT 1 FROM durin_client WHERE name = ? AND id <> ?"
)

// CreateClient implements durin.Store.
func (s *Store) CreateClient(ctx context.Context, c durin.Client) (durin.Client, error) {
	c, err := tokenrule.Client(c)
	if err != nil {
		return durin.Client{}, err
	}
	var created durin.Client
	err = s.insert(ctx, "creating a client", func(ctx context.Context, t session) (err error) {
		if created, err = t.createClient(ctx, c); err == nil && c.ID != 0 {
			err = t.advanceIDs(ctx, "durin_client")
		}
		return err
	}, clientTaken, c.Name, c.ID)
	return created, err
}

// createClient inserts c. If it has an id of its own, ids must be advanced before
// the next one without.
func (t session) createClient(ctx context.Context, c durin.Client) (durin.Client, error) {
	fields, values := clientFields, clientValues(c)
	if c.ID != 0 {
		fields, values = fields+", id", append(values, c.ID)
	}
	if err := t.exec(ctx, insertInto("durin_client", fields), values...); err != nil {
		return durin.Client{}, asInsert(err)
	}
	return t.client(ctx, clientNamed, c.Name)
}

// UpdateClient implements durin.Store. Change runs on no transaction: when the
// client was changed meanwhile, all is done again.
func (s *Store) UpdateClient(ctx context.Context, name string, now time.Time, change func(*durin.Client) error) (durin.Client, error) {
	for {
		old, err := s.ClientByName(ctx, name)
		if err != nil {
			return durin.Client{}, err
		}
		changed := old
		if err := change(&changed); err != nil {
			return durin.Client{}, err
		}
		changed.ID, changed.Created = old.ID, old.Created
		if changed, err = tokenrule.Client(changed); err != nil {
			return durin.Client{}, err
		}
		err = s.insert(ctx, "changing a client", func(ctx context.Context, t session) error {
			return t.replaceClient(ctx, old, changed, now)
		}, clientRenamed, changed.Name, old.ID)
		if errors.Is(err, errChanged) {
			continue
		}
		if err != nil {
			return durin.Client{}, err
		}
		return changed, nil
	}
}

// errChanged tells that a row is not as it was read.
var errChanged = errors.New("sqlstore: changed meanwhile by somebody else")

func (t session) replaceClient(ctx context.Context, old, changed durin.Client, now time.Time) error {
	present, err := t.client(ctx, clientNamed+t.forUpdate, old.Name)
	if err != nil {
		return err
	}
	if present != old {
		return errChanged
	}
	if err := t.exec(ctx, updateSet("durin_client", clientFields)+" WHERE id = ?", append(clientValues(changed), old.ID)...); err != nil {
		return asInsert(err)
	}
	return t.noteClient(ctx, old.ID, now, false)
}

// DeleteClient implements durin.Store. With the client's row all its tokens are
// out of use at once; they are then deleted in batches, so that nobody waits for
// long. What is left of them when that is interrupted goes with the next Prune.
func (s *Store) DeleteClient(ctx context.Context, name string, now time.Time) (durin.Client, error) {
	if !tokenrule.IsText(name) {
		return durin.Client{}, fmt.Errorf("sqlstore: %w", errNoClient)
	}
	var deleted durin.Client
	err := s.write(ctx, "deleting a client", func(ctx context.Context, t session) (err error) {
		if deleted, err = t.client(ctx, clientNamed+t.forUpdate, name); err != nil {
			return err
		}
		if err := t.exec(ctx, "DELETE FROM durin_client WHERE id = ?", deleted.ID); err != nil {
			return err
		}
		if err := t.noteGone(ctx, goneClient, deleted.ID, now); err != nil {
			return err
		}
		return t.noteClient(ctx, deleted.ID, now, true)
	})
	if err != nil {
		return durin.Client{}, err
	}
	for more := true; more && err == nil; {
		more, err = s.dropOrphans(ctx, deleted.ID)
	}
	return deleted, nil
}

// ClientByName implements durin.Store.
func (s *Store) ClientByName(ctx context.Context, name string) (c durin.Client, err error) {
	if !tokenrule.IsText(name) {
		return durin.Client{}, fmt.Errorf("sqlstore: %w", errNoClient)
	}
	err = s.read(ctx, "reading a client", func(ctx context.Context, t session) error {
		c, err = t.client(ctx, clientNamed, name)
		return err
	})
	return c, err
}

// Clients implements durin.Store.
func (s *Store) Clients(ctx context.Context) (all []durin.Client, err error) {
	err = s.read(ctx, "reading the clients", func(ctx context.Context, t session) error {
		all = nil
		return t.each(ctx, func(rows *sql.Rows) error {
			var row clientRow
			err := rows.Scan(row.targets(nil)...)
			all = append(all, row.client())
			return err
		}, "SELECT "+clientColumns+" FROM durin_client c ORDER BY c.name")
	})
	return all, err
}

var errNoClient = fmt.Errorf("client: %w", durin.ErrNotFound)

// client is the one row of query.
func (t session) client(ctx context.Context, query string, args ...any) (durin.Client, error) {
	var row clientRow
	err := t.row(ctx, query, args...).Scan(row.targets(nil)...)
	if errors.Is(err, sql.ErrNoRows) {
		return durin.Client{}, errNoClient
	}
	return row.client(), err
}
