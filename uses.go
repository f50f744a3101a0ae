package durin

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/browse"
)

// useCount gathers the uses of a session between two flushes.
type useCount struct {
	last      atomic.Int64 // Unix microseconds
	requests  atomic.Int64
	throttled atomic.Int64
	listed    atomic.Bool // the session waits for the next flush
	slides    bool        // each use may move the expiry
}

// uses gathers what checks learn, to be written in batches off their path: when
// sessions were used, the expiries that this moved, and counts by user and by client.
type uses struct {
	store    Store
	now      func() time.Time
	dropped  func([]Digest) // called with sessions whose new expiry is in the store
	byClient *clientTally
	activity activity

	most     int // that wait, see maxWaiting
	mu       sync.Mutex
	list     []*checked     // used since the last flush
	extended map[Digest]Use // expiries moved by use, not written yet
	gathered int            // how many pending has

	flushing sync.Mutex           // holds those below: one flush at a time
	pending  map[Digest]Use       // gathered, not written yet
	counts   map[usageKey]*counts // the same, of usage
	unsure   *unsure[browse.Usage]
}

type usageKey struct {
	day      int64 // since 1970
	userID   string
	clientID int64
}

type counts struct{ requests, throttled int64 }

const (
	// maxWaiting bounds what waits for a flush, of uses, moved expiries and
	// gathered uses together: beyond, uses go unnoted and expiries stay where
	// they are until the store takes writes again. It bounds the counts by user,
	// too.
	maxWaiting = 1 << 20
	// flushBatch is how many rows one write of a flush touches.
	flushBatch = 500
	// useGrain is how exact the instant of the last use is.
	useGrain = int64(100 * time.Millisecond / time.Microsecond)
)

func newUses(s Store, now func() time.Time, dropped func([]Digest), byClient *clientTally) *uses {
	return &uses{store: s, now: now, dropped: dropped, byClient: byClient, most: maxWaiting, extended: map[Digest]Use{}, pending: map[Digest]Use{}, counts: map[usageKey]*counts{}}
}

// note records that c was let through. It takes no lock but for the first
// use since a flush.
func (u *uses) note(c *checked, wall int64) {
	c.use.requests.Add(1)
	if wall-c.use.last.Load() >= useGrain {
		c.use.last.Store(wall)
	}
	if c.use.slides {
		u.slide(c, wall)
	}
	u.add(c)
}

// add puts c on the list of the next flush.
func (u *uses) add(c *checked) {
	if c.use.listed.Load() || !c.use.listed.CompareAndSwap(false, true) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.room() {
		u.list = append(u.list, c)
	} else {
		c.use.listed.Store(false)
	}
}

// room reports whether one more may wait. mu is held.
func (u *uses) room() bool { return len(u.list)+len(u.extended)+u.gathered < u.most }

// slide moves the expiry of a sliding session, once per least interval.
func (u *uses) slide(c *checked, wall int64) {
	now := time.UnixMicro(wall).UTC()
	at := c.session.ExpiryAfter(now)
	next, old := expiresMicro(at), c.expires.Load()
	if next-old < c.session.Client.Sliding.Microseconds() || wall > old {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	use, again := u.extended[c.session.Digest]
	if !again && !u.room() || !c.expires.CompareAndSwap(old, next) {
		return
	}
	if !again { // the store sees that the token was live when the first of them began
		use = Use{Digest: c.session.Digest, At: now}
	}
	use.Extend = at
	u.extended[use.Digest] = use
}

// extend gives s the expiry that a use has moved but no flush has written.
func (u *uses) extend(s *Session) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	use, ok := u.extended[s.Digest]
	if ok {
		s.ExpiresAt = Earliest(use.Extend, s.Ceiling) // which another log-in may have put since
	}
	return ok
}

// flush writes the uses gathered so far; what the store does not take waits for the
// next time.
func (u *uses) flush(ctx context.Context) error {
	u.flushing.Lock()
	defer u.flushing.Unlock()
	u.gather(u.now())
	u.mu.Lock()
	extended := slices.Collect(maps.Values(u.extended))
	u.mu.Unlock()
	for batch := range slices.Chunk(extended, flushBatch) {
		if err := u.store.Touch(ctx, batch); err != nil {
			return unavailable(err)
		}
		u.dropped(u.written(batch))
	}
	for batch := range slices.Chunk(slices.Collect(maps.Values(u.pending)), flushBatch) {
		if err := u.store.Touch(ctx, batch); err != nil {
			return unavailable(err)
		}
		for _, use := range batch {
			delete(u.pending, use.Digest)
		}
		u.mu.Lock()
		u.gathered = len(u.pending)
		u.mu.Unlock()
	}
	return nil
}

// waiting is how many uses and moved expiries are not written.
func (u *uses) waiting() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.list) + len(u.extended) + u.gathered
}

// written forgets the moved expiries that are in the store now.
func (u *uses) written(batch []Use) []Digest {
	u.mu.Lock()
	defer u.mu.Unlock()
	digests := make([]Digest, len(batch))
	for i, use := range batch {
		digests[i] = use.Digest
		if now := u.extended[use.Digest]; now.Extend.Equal(use.Extend) {
			delete(u.extended, use.Digest)
		}
	}
	return digests
}

// gather takes over what the list holds.
func (u *uses) gather(now time.Time) {
	u.mu.Lock()
	list := u.list
	u.list = nil
	u.gathered += len(list) // until they are: several may be of one session
	u.mu.Unlock()
	day := now.Unix() / 86400
	requests := map[string]uint64{} // by client
	for _, c := range list {
		c.use.listed.Store(false) // uses from here on list it again
		s := &c.session
		digest := s.Digest
		if s.ReplacedBy != nil {
			digest = *s.ReplacedBy
		}
		use := u.pending[digest]
		if at := time.UnixMicro(c.use.last.Load()).UTC(); at.After(use.At) {
			use.Digest, use.At = digest, at
			u.pending[digest] = use
		}
		key := usageKey{day, s.UserID, s.Client.ID}
		n := c.use.requests.Swap(0)
		u.count(key, n, c.use.throttled.Swap(0))
		requests[s.Client.Name] += uint64(n)
	}
	u.mu.Lock()
	u.gathered = len(u.pending)
	u.mu.Unlock()
	for name, n := range requests {
		u.byClient.add(name, ClientStats{Requests: n})
	}
}

// flushCounts writes all counts.
func (u *uses) flushCounts(ctx context.Context) error {
	return errors.Join(u.flushUsage(ctx), u.flushActivity(ctx))
}

// An unsure batch of counts is one that was given to the store, which has not said
// that it has them: it is given the same ones until it does.
type unsure[T any] struct {
	batch browse.Batch
	rows  []T
}

func newUnsure[T any](now time.Time, rows []T) *unsure[T] {
	u := &unsure[T]{batch: browse.Batch{At: now}, rows: rows}
	_, _ = rand.Read(u.batch.ID[:]) // never fails
	return u
}

// flushUsage writes the counts by user and client.
func (u *uses) flushUsage(ctx context.Context) error {
	u.flushing.Lock()
	defer u.flushing.Unlock()
	u.gather(u.now())
	for {
		if u.unsure == nil {
			if u.unsure = u.someCounts(u.now()); u.unsure == nil {
				return nil
			}
		}
		if err := u.store.AddUsage(ctx, u.unsure.batch, u.unsure.rows); err != nil {
			return unavailable(err)
		}
		u.activity.used(u.unsure.rows)
		u.unsure = nil
	}
}

// someCounts takes counts to be written together; nil: there are none.
func (u *uses) someCounts(now time.Time) *unsure[browse.Usage] {
	if len(u.counts) == 0 {
		return nil
	}
	rows := make([]browse.Usage, 0, min(len(u.counts), flushBatch))
	for k, n := range u.counts {
		rows = append(rows, browse.Usage{Day: time.Unix(k.day*86400, 0).UTC(), UserID: k.userID, ClientID: k.clientID, Requests: n.requests, Throttled: n.throttled})
		delete(u.counts, k)
		if len(rows) == flushBatch {
			break
		}
	}
	return newUnsure(now, rows)
}

// count adds to the counts of a user and client. Where there is no room, they count
// for the client alone.
func (u *uses) count(key usageKey, requests, throttled int64) {
	n := u.counts[key]
	if n == nil {
		if len(u.counts) >= u.most {
			day := time.Unix(key.day*86400, 0).UTC()
			u.activity.used([]browse.Usage{{Day: day, ClientID: key.clientID, Requests: requests, Throttled: throttled}})
			return
		}
		n = &counts{}
		u.counts[key] = n
	}
	n.requests += requests
	n.throttled += throttled
}

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
func (u *uses) flushActivity(ctx context.Context) error {
	a := &u.activity
	a.flushing.Lock()
	defer a.flushing.Unlock()
	b, ok := u.store.(Browser)
	if !ok {
		a.take(u.now())
		return nil
	}
	for {
		if a.unsure == nil {
			rows := a.take(u.now())
			if len(rows) == 0 {
				return nil
			}
			a.unsure = newUnsure(u.now(), rows)
		}
		if err := b.AddActivity(ctx, a.unsure.batch, a.unsure.rows); err != nil {
			return unavailable(err)
		}
		a.unsure = nil
	}
}
