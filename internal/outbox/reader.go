// Package outbox reads the table in which the nodes of one installation write what
// they have ended.
package outbox

import (
	"context"
	"time"

	"github.com/durin-go/durin/nodes"
)

// A Reader follows a nodes.Outbox. Rows get their numbers before they are committed,
// so a number may appear after a higher one: the Reader waits for a missing number as
// long as the longest transaction can take. It is for one goroutine.
type Reader struct {
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
	// Kept is how long stores keep endings at the least. Whoever has not read for
	// longer has to forget everything.
	Kept = 15 * time.Minute
	page = 1000
	// startOverlap is how far back a new reader looks for missing numbers.
	startOverlap = 1024
)

// New returns a Reader of o; call Start before Poll.
func New(o nodes.Outbox) *Reader { return &Reader{outbox: o} }

// Start begins behind everything that is committed, so the caller may have nothing
// cached from before. It may be called again to begin anew.
func (o *Reader) Start(ctx context.Context, now time.Time) error {
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

// Poll returns the endings that appeared since the last call, also those that it
// read before an error.
func (o *Reader) Poll(ctx context.Context, now time.Time) ([]nodes.Ending, error) {
	after := o.from(now)
	var fresh []nodes.Ending
	for {
		rows, err := o.outbox.Endings(ctx, after, page)
		if err != nil {
			return fresh, err
		}
		fresh = append(fresh, o.note(rows, now)...)
		if len(rows) < page {
			return fresh, nil
		}
		after = rows[len(rows)-1].Seq
	}
}

// from is the number behind which a poll has to look.
func (o *Reader) from(now time.Time) int64 {
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
func (o *Reader) note(rows []nodes.Ending, now time.Time) []nodes.Ending {
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
func (o *Reader) skipTo(seq int64, now time.Time) {
	const bound = 1 << 14 // of numbers to wait for
	for n := max(o.high+1, seq-bound); n <= seq; n++ {
		o.missing[n] = now
	}
	o.high = seq
}
