package metrics

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// countEvery is how often sessions are counted at the most.
	countEvery = 30 * time.Second
	// countShare is which part of the time counting may take.
	countShare = 100
	// countMost is the highest number that is told of a client: an index is
	// read up to there.
	countMost = 1_000_000
	// countClients is how many clients have a number of their own.
	countClients = 100
)

// sessions counts live sessions off the path of everything else: a round waits
// for a hundred times as long as the one before it took.
type sessions struct {
	guard *durin.Guard
	most  int
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu      sync.Mutex
	counts  map[string]int // by client; nil: not counted yet
	counted time.Time
}

func newSessions(g *durin.Guard) *sessions { return &sessions{guard: g, most: countMost} }

// start counts now and at intervals.
func (s *sessions) start(every time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			s.round(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(max(every, countShare*time.Since(began))):
			}
		}
	})
}

func (s *sessions) close() {
	if s.stop != nil {
		s.stop()
	}
	s.done.Wait()
}

// round counts once. When it fails the numbers of before stay, with their age.
func (s *sessions) round(ctx context.Context) {
	clients, err := s.guard.Clients(ctx)
	if err != nil {
		return
	}
	counts := map[string]int{}
	for i, c := range clients {
		n, err := s.guard.CountSessions(ctx, browse.Filter{Client: c.Name, State: browse.Live}, s.most)
		if err != nil {
			return
		}
		if i >= countClients {
			c.Name = others
		}
		counts[c.Name] += n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts, s.counted = counts, time.Now()
}

var (
	live        = gauge("sessions_live", "Live sessions in the database, by client, counted at intervals; 1e6 is a million or more.", "client")
	liveCounted = gauge("sessions_counted_timestamp_seconds", "When sessions were counted.")
)

// Describe implements prometheus.Collector.
func (s *sessions) Describe(ch chan<- *prometheus.Desc) { describe(ch, live, liveCounted) }

// Collect implements prometheus.Collector.
func (s *sessions) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	counts, counted := maps.Clone(s.counts), s.counted
	s.mu.Unlock()
	if counted.IsZero() {
		return
	}
	for name, n := range counts {
		live.send(ch, float64(n), name)
	}
	liveCounted.send(ch, float64(counted.UnixMilli())/1000)
}
