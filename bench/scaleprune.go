package main

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/durin-go/durin/bench/internal/dataset"
	"github.com/durin-go/durin/bench/internal/measure"
)

// A pruning is what became of the expired tokens.
type pruning struct {
	tokens        int
	took, longest time.Duration // longest is of one transaction
	transactions  int
	checks        []time.Duration // meanwhile
}

// prune deletes the expired tokens in the portions that a Guard takes, while
// tokens are checked without a cache.
func (d *scaled) prune(ctx context.Context) error {
	const portion = 1000
	seen := &transactions{}
	store, done, err := d.again(ctx, seen)
	if err != nil {
		return err
	}
	defer done()
	defer func() { _ = store.Close() }()
	checking, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() {
		for checking.Err() == nil {
			d.turn++
			start := time.Now()
			if _, err := d.off.Verify(checking, dataset.Token(d.live(d.turn))); err == nil {
				d.pruned.checks = append(d.pruned.checks, time.Since(start))
			}
		}
	})
	start := time.Now()
	for n := portion; n == portion && err == nil; {
		n, err = store.Prune(ctx, time.Now().Add(-24*time.Hour), portion)
		d.pruned.tokens += n
	}
	d.pruned.took = time.Since(start)
	stop()
	beside.Wait()
	d.pruned.longest, d.pruned.transactions = seen.longest, seen.count
	if err == nil && d.pruned.tokens != dataset.Expired(d.n) {
		err = fmt.Errorf("%d were pruned of %d", d.pruned.tokens, dataset.Expired(d.n))
	}
	return err
}

func pruneLines(all []*scaled) [][]string {
	lines := [][]string{{"expired tokens that are pruned"}, {"pruning, a token"}, {"its longest transaction, ms"}, {"check, not cached, meanwhile"}}
	for _, d := range all {
		p := d.pruned
		for i, cell := range []string{
			thousands(p.tokens),
			measure.Short(float64(p.took.Microseconds()) / float64(p.tokens)),
			measure.Short(float64(p.longest.Microseconds()) / 1e3),
			measure.Short(quantile(p.checks, 0.5)) + " / " + measure.Short(quantile(p.checks, 0.99)),
		} {
			lines[i] = append(lines[i], cell)
		}
	}
	for i := range lines {
		lines[i] = append(lines[i], "")
	}
	return lines
}

// transactions are how many there were on a handle, and the time of the longest.
type transactions struct {
	mu      sync.Mutex
	count   int
	longest time.Duration
}

func (t *transactions) ended(begun time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	t.longest = max(t.longest, time.Since(begun))
}

// A connector opens connections whose transactions are seen.
type connector struct {
	name   string
	driver driver.Driver
	seen   *transactions
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.name)
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: conn, seen: c.seen}, nil
}

type watchedConn struct {
	driver.Conn
	seen  *transactions
	begun time.Time // of a transaction that began with a statement
}

func (c *watchedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return watchedTx{tx, c.seen, time.Now()}, err
}

func (c *watchedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *watchedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	switch {
	case strings.HasPrefix(query, "BEGIN"):
		c.begun = time.Now()
	case query == "COMMIT":
		c.seen.ended(c.begun)
	}
	return result, err
}

type watchedTx struct {
	driver.Tx
	seen  *transactions
	begun time.Time
}

func (t watchedTx) Commit() error {
	defer t.seen.ended(t.begun)
	return t.Tx.Commit()
}
