package durin

import (
	"context"
	"time"

	"github.com/durin-go/durin/nodes"
)

// outboxReader follows a nodes.Outbox. Numbers are given before the commit, so that
// one may appear after a higher one: a missing number is waited for as long as
// the longest transaction can take.
type outboxReader struct {
	outbox  nodes.Outbox
	high    int64               // the highest number seen
	missing map[int64]time.Time // below high, and when that was noticed
	swept   time.Time           // when all that is missing was looked for
}

const (
	// longestTransaction is how long a missing number is waited for: stores
	// give their longest calls a minute.
	longestTransaction = 75 * time.Second
	// promptTransaction is how long it is looked for at each poll, and then
	// every sweepEvery: most missing numbers are of what was rolled back, or
	// were never given.
	promptTransaction = 10 * time.Second
	sweepEvery        = 500 * time.Millisecond
	// outboxKept is how long stores keep endings at the least. A reader that
	// was away for longer has to forget everything.
	outboxKept = 15 * time.Minute
	outboxPage = 1000
	// startOverlap is how far back a new reader looks for missing numbers.
	startOverlap = 1024
)

// start begins behind everything that is committed. Nothing is cached yet, so
// that only what is still missing matters.
func (o *outboxReader) start(ctx context.Context, now time.Time) error {
	last, err := o.outbox.LastEnding(ctx)
	if err != nil {
		return err
	}
	o.missing = map[int64]time.Time{}
	rows, err := o.outbox.Endings(ctx, max(0, last-startOverlap), 2*startOverlap)
	if err != nil {
		return err
	}
	o.high = last
	if len(rows) > 0 {
		o.high = rows[0].Seq
	}
	o.note(rows, now)
	if o.high < last {
		o.skipTo(last, now)
	}
	return nil
}

// poll returns the endings that were not there before.
func (o *outboxReader) poll(ctx context.Context, now time.Time) ([]nodes.Ending, error) {
	after := o.from(now)
	var fresh []nodes.Ending
	for {
		rows, err := o.outbox.Endings(ctx, after, outboxPage)
		if err != nil {
			return fresh, err
		}
		fresh = append(fresh, o.note(rows, now)...)
		if len(rows) < outboxPage {
			return fresh, nil
		}
		after = rows[len(rows)-1].Seq
	}
}

// from is the number behind which a poll has to look.
func (o *outboxReader) from(now time.Time) int64 {
	sweep := now.Sub(o.swept) >= sweepEvery
	if sweep {
		o.swept = now
	}
	after := o.high
	for seq, since := range o.missing {
		switch age := now.Sub(since); {
		case age > longestTransaction:
			delete(o.missing, seq) // rolled back, or never given
		case sweep || age <= promptTransaction:
			after = min(after, seq-1)
		}
	}
	return after
}

// note records rows, in order of Seq, and returns the new ones.
func (o *outboxReader) note(rows []nodes.Ending, now time.Time) []nodes.Ending {
	var fresh []nodes.Ending
	for _, e := range rows {
		switch {
		case e.Seq > o.high:
			o.skipTo(e.Seq, now)
			delete(o.missing, e.Seq)
			fresh = append(fresh, e)
		default:
			if _, ok := o.missing[e.Seq]; ok {
				delete(o.missing, e.Seq)
				fresh = append(fresh, e)
			}
		}
	}
	return fresh
}

// skipTo takes the numbers up to seq for missing.
func (o *outboxReader) skipTo(seq int64, now time.Time) {
	const bound = 1 << 14 // of numbers to wait for
	for n := max(o.high+1, seq-bound); n <= seq; n++ {
		o.missing[n] = now
	}
	o.high = seq
}

// follow reads the outbox until ctx ends. Each success tells how far this node
// has heard of everything.
func (g *Guard) follow(ctx context.Context, o *outboxReader) {
	tick := time.NewTicker(g.opt.PollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-g.pollNow:
		}
		g.pollOutbox(ctx, o)
	}
}

func (g *Guard) pollOutbox(ctx context.Context, o *outboxReader) {
	began := g.now()
	if g.deaf.Load() {
		g.hearAgain(ctx, o, began)
		return
	}
	fresh, err := o.poll(ctx, began)
	g.heard(fresh)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		g.lost(err)
		return
	}
	mono := g.mono(began)
	if away := mono - g.confirmed.Load(); away > int64(outboxKept/2) {
		g.forgetAll()
	}
	g.confirmed.Store(mono)
}

// hearAgain begins anew after an outage, and forgets what was cached before: it
// may be another server that answers now, which has taken over without the last
// rows and gives their numbers again.
func (g *Guard) hearAgain(ctx context.Context, o *outboxReader, now time.Time) {
	if err := o.start(ctx, now); err != nil {
		return
	}
	g.forgetAll()
	g.confirmed.Store(g.mono(now))
	g.deaf.Store(false)
	g.log.Info("durin: endings on other nodes are heard of again")
}

// Lag is for how long this node has not heard of endings on others: about
// Options.PollEvery while all is well, and always zero where the Store is no
// Outbox. Beyond Options.StaleBound cached sessions are read anew.
func (g *Guard) Lag() time.Duration {
	return max(0, time.Duration(g.monoNow()-g.confirmed.Load()))
}

// lost notes that endings on other nodes cannot be heard of now.
func (g *Guard) lost(err error) {
	if g.deaf.CompareAndSwap(false, true) {
		g.log.Error("durin: endings on other nodes cannot be heard of: cached sessions are trusted for a short while only", "bound", g.opt.StaleBound, "error", err)
	}
}
