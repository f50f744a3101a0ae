package durin

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/browse"
)

// activity gathers counts for a Browser, to be written in batches.
type activity struct {
	refused, failed atomic.Int64 // since the last flush

	mu   sync.Mutex
	rows map[activityKey]*browse.Activity // not written yet

	flushing sync.Mutex // one flush at a time, which holds unsure
	unsure   *unsure[browse.Activity]
}

type activityKey struct {
	day      int64 // since 1970
	clientID int64
}

// row is where the counts of a day and client are added up. mu is held.
func (a *activity) row(now time.Time, clientID int64) *browse.Activity {
	key := activityKey{now.Unix() / 86400, clientID}
	if a.rows == nil {
		a.rows = map[activityKey]*browse.Activity{}
	}
	if a.rows[key] == nil {
		a.rows[key] = &browse.Activity{Day: time.Unix(key.day*86400, 0).UTC(), ClientID: clientID}
	}
	return a.rows[key]
}

func (a *activity) login(now time.Time, clientID int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.row(now, clientID).Logins++
}

// used adds what was written of the usage by user.
func (a *activity) used(usage []browse.Usage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range usage {
		row := a.row(u.Day, u.ClientID)
		row.Requests += u.Requests
		row.Throttled += u.Throttled
	}
}

// note counts a request whose token was refused.
func (a *activity) note(err error) {
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		a.refused.Add(1)
	}
}

// take empties the counts.
func (a *activity) take(now time.Time) []browse.Activity {
	refused, failed := a.refused.Swap(0), a.failed.Swap(0)
	a.mu.Lock()
	defer a.mu.Unlock()
	if refused > 0 || failed > 0 {
		row := a.row(now, 0)
		row.Refused += refused
		row.Failed += failed
	}
	rows := make([]browse.Activity, 0, len(a.rows))
	for _, row := range a.rows {
		rows = append(rows, *row)
	}
	clear(a.rows)
	return rows
}

// flushActivity writes the counts by client, where the store keeps them.
func (g *Guard) flushActivity(ctx context.Context) error {
	a := &g.activity
	a.flushing.Lock()
	defer a.flushing.Unlock()
	b, err := g.browser()
	if err != nil {
		a.take(g.now())
		return nil
	}
	for {
		if a.unsure == nil {
			rows := a.take(g.now())
			if len(rows) == 0 {
				return nil
			}
			a.unsure = newUnsure(g.now(), rows)
		}
		if err := b.AddActivity(ctx, a.unsure.batch, a.unsure.rows); err != nil {
			return unavailable(err)
		}
		a.unsure = nil
	}
}
