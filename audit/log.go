package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/keyring"
)

// Options configure a Log. Store is required; the zero value of everything else
// is what most programs want.
type Options struct {
	Store Store
	// Chain names the chain that this process appends to. Several processes
	// may share one; each waits for the others then. Empty: the host's name.
	Chain string
	// Keyring makes the hashes that nobody can make who only has the
	// database. Nil: plain hashes, which find accidents, not attackers; a chain
	// that was written with a key is left alone then, and the rows go to one of
	// the same name with -nokey behind it.
	Keyring *keyring.Ring
	// FlushEvery is how long a row is in memory only. Zero: a second.
	FlushEvery time.Duration
	// Queue bounds the rows that wait in memory while the store takes none;
	// those beyond are counted, and the count is recorded. Zero: 10,000.
	Queue int
	// AnchorEvery is how often the chain takes note of where others stand.
	// Zero: an hour.
	AnchorEvery time.Duration
	// Keep is how long rows are kept, of all chains. Zero: for ever.
	Keep time.Duration
	// KeyClient is the name of the client of API keys, if there are any.
	KeyClient string
	// KnownUser returns the id of the user with that name; durin.ErrNotFound
	// if there is none. The name of a failed login is recorded only if a user
	// has it: people type passwords there. Nil: it is never recorded.
	KnownUser func(ctx context.Context, name string) (id string, err error)
	// Logger hears of trouble. Nil: slog.Default.
	Logger *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

const (
	batchRows  = 250
	wakeRows   = 500 // that are not left waiting for the next flush
	pruneEvery = time.Hour
	pruneRows  = 2000
	// workTimeout bounds one batch.
	workTimeout = 30 * time.Second
)

// A Log records what is done. It is safe for concurrent use; a nil *Log records
// nothing. Make one with New and Close it at the end.
type Log struct {
	opt  Options
	ring atomic.Pointer[keyring.Ring]
	wake chan struct{}
	stop context.CancelFunc
	work sync.WaitGroup

	mu           sync.Mutex
	queue        []Row
	failed       failures
	dropped      int64
	droppedEver  uint64
	droppedSince time.Time

	writing  sync.Mutex // holds what follows: one batch at a time
	batch    []Row      // not written yet
	attempt  Hash       // of the head, if the batch was written after all
	reached  int64      // the Seq that the chain has had
	keys     *keys
	keysOf   *keyring.Ring
	anchored map[string]int64 // the heads of others as last noted
	noted    time.Time        // when that was; at first when the Log was made
	failing  bool
	chain    string          // that attempt and reached are of
	unsigned map[string]bool // the chains that end without a key, as was logged
}

// New returns a Log, or an error that names the option that is wrong. ctx bounds
// nothing but the call.
func New(_ context.Context, o Options) (*Log, error) {
	if o.Store == nil {
		return nil, errors.New("audit: Options.Store is not set")
	}
	if o.Chain == "" {
		o.Chain, _ = os.Hostname()
	}
	if o.Chain == "" {
		o.Chain = "durin"
	}
	if o.Chain != cut(o.Chain, maxID) {
		return nil, fmt.Errorf("audit: Options.Chain is longer than %d bytes, or no text", maxID)
	}
	if o.FlushEvery < 0 || o.Queue < 0 || o.AnchorEvery < 0 || o.Keep < 0 {
		return nil, errors.New("audit: FlushEvery, Queue, AnchorEvery and Keep may not be negative")
	}
	setDefault(&o.FlushEvery, time.Second)
	setDefault(&o.Queue, 10_000)
	setDefault(&o.AnchorEvery, time.Hour)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Log{opt: o, wake: make(chan struct{}, 1), anchored: map[string]int64{}, unsigned: map[string]bool{}}
	l.ring.Store(o.Keyring)
	l.keys, l.keysOf, l.noted = newKeys(o.Keyring), o.Keyring, o.Now()
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.work.Go(func() { l.run(ctx) })
	return l, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// SetKeyring puts another Keyring in the place of Options.Keyring.
func (l *Log) SetKeyring(r *keyring.Ring) {
	if l != nil {
		l.ring.Store(r)
	}
}

// Record takes note of e, in memory: it never waits and never fails. What e does
// not tell of actor and origin, ctx tells.
func (l *Log) Record(ctx context.Context, e Entry) {
	if l == nil {
		return
	}
	if e.At.IsZero() {
		e.At = l.opt.Now()
	}
	if e.Actor == (Actor{}) {
		e.Actor = ActorFrom(ctx)
	}
	if e.Actor == (Actor{}) {
		e.Actor.Kind = Application
	}
	if e.Address == "" && e.Agent == "" && e.RequestID == "" {
		o := durin.OriginFrom(ctx)
		e.Address, e.Agent, e.RequestID = o.Address, o.Agent, o.RequestID
	}
	r := e.row()
	l.mu.Lock()
	if e.Action == LoginFailed {
		l.failed.add(r)
	} else {
		l.add(r)
	}
	full := len(l.queue) >= wakeRows
	l.mu.Unlock()
	if full {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// add puts r into the queue, if there is room. mu is held.
func (l *Log) add(r Row) {
	if len(l.queue) < l.opt.Queue {
		l.queue = append(l.queue, r)
		return
	}
	if l.dropped == 0 {
		l.droppedSince = r.At
	}
	l.dropped++
	l.droppedEver++
}

// Dropped is how many entries found no room in the queue since the Log was made:
// the store did not take them for so long. The log gets a row that says how many.
func (l *Log) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.droppedEver
}

// run writes until ctx ends.
func (l *Log) run(ctx context.Context) {
	flush, anchor, prune := time.NewTicker(l.opt.FlushEvery), time.NewTicker(l.opt.AnchorEvery), time.NewTicker(pruneEvery)
	defer flush.Stop()
	defer anchor.Stop()
	defer prune.Stop()
	for {
		work := l.flush
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
		case <-l.wake:
		case <-anchor.C:
			work = l.note
		case <-prune.C:
			work = l.Prune
		}
		err := work(ctx)
		if ctx.Err() == nil {
			l.tell(err)
		}
	}
}

// tell logs when writing begins to fail, and when it works again.
func (l *Log) tell(err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	switch {
	case err != nil && !l.failing:
		l.opt.Logger.Error("durin: the audit log cannot be written; it waits in memory", "error", err)
	case err == nil && l.failing:
		l.opt.Logger.Info("durin: the audit log is written again")
	}
	l.failing = err != nil
}

// Flush writes what was recorded until now.
func (l *Log) Flush(ctx context.Context) error {
	if l == nil {
		return nil
	}
	return l.flush(ctx)
}

func (l *Log) flush(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	for {
		if err := l.fill(ctx); err != nil {
			return err
		}
		if len(l.batch) == 0 {
			return nil
		}
		if err := l.write(ctx, l.batch); err != nil {
			return err
		}
		l.batch = nil
	}
}

// fill takes the next batch from the queue, unless one waits already.
func (l *Log) fill(ctx context.Context) error {
	if len(l.batch) > 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	failed := l.failed.take()
	l.mu.Unlock()
	rows, err := l.named(ctx, failed)
	l.mu.Lock()
	if err != nil {
		l.failed.giveBack(failed)
		return err
	}
	n := min(len(l.queue), batchRows)
	l.batch = append(slices.Clone(l.queue[:n]), rows...)
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil // what an outage took is given back
	}
	if l.dropped > 0 {
		e := Entry{At: l.opt.Now(), Action: Dropped, Actor: Actor{Kind: System}, Details: map[string]any{
			"rows": l.dropped, "since": l.droppedSince.Format(time.RFC3339),
		}}
		l.batch, l.dropped = append(l.batch, e.row()), 0
	}
	return nil
}

// write appends rows to the chain, with what is to be noted of others.
func (l *Log) write(ctx context.Context, rows []Row) error {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	if ring := l.ring.Load(); ring != l.keysOf {
		l.keys, l.keysOf = newKeys(ring), ring
	}
	heads, err := l.opt.Store.AuditHeads(ctx)
	if err != nil {
		return err
	}
	now := l.opt.Now()
	anchors := l.anchors(heads, now)
	if len(rows)+len(anchors) == 0 {
		return nil
	}
	l.choose(heads)
	reached, fault := l.reached, ""
	err = l.opt.Store.AppendAudit(ctx, l.chain, func(head Head) ([]Row, Head, error) {
		if l.attempt != (Hash{}) && head.Hash == l.attempt { // it was committed, and nobody was told
			reached = head.Seq
			return nil, head, nil
		}
		if l.keys.newest == "" && head.KeyID != "" {
			return nil, head, errKeyed
		}
		all := slices.Concat(anchors, rows)
		head.Chain = l.chain
		fault = l.keys.faultOf(head, l.reached)
		all = l.keys.extend(&head, all, l.reached)
		if len(anchors) > 0 {
			head.Anchored = now
		}
		l.attempt, reached = head.Hash, head.Seq
		return all, head, nil
	})
	if err != nil {
		return err
	}
	l.attempt, l.reached = Hash{}, reached
	l.warn(heads, fault)
	if len(anchors) > 0 {
		l.noted = now
		for _, h := range heads {
			l.anchored[h.Chain] = h.Seq
		}
	}
	return nil
}

// note anchors the other chains when it is time, and writes nothing else.
func (l *Log) note(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if len(l.batch) > 0 {
		return nil
	}
	return l.write(ctx, nil)
}

// Close writes what was recorded, and ends. Its error tells how many rows are
// lost. The Store stays open.
func (l *Log) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.stop()
	l.work.Wait()
	err := l.flush(ctx)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("audit: %d rows could not be written: %w", len(l.batch)+len(l.queue)+int(l.dropped)+l.failed.len(), err)
	}
	return nil
}
