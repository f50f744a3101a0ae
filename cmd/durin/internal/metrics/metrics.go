// Package metrics is what the program tells Prometheus of itself.
//
// Labels have few values, all known beforehand but the names of clients, and of
// those there are at most a hundred. No label is made of what a caller sends: no
// user, no token, no address, no path.
package metrics

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/durin-go/durin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of a scrape: at most so many at a time, and for so long.
const (
	scrapes       = 4
	scrapeTimeout = 10 * time.Second
)

// spans are the upper bounds of the buckets of durations, in seconds: from a query
// in memory to what a time-out ends.
var spans = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Metrics are those of one node. A nil *Metrics counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	parts    map[string]*part
	http     *served
	counting *sessions // nil: not begun
}

// The parts that a node asks, and is observed asking.
const (
	Database = "database"
	Redis    = "redis"
	Password = "password"
)

// New returns the metrics of a program of that version, so far without a source.
// Redis says that there will be one.
func New(version string, withRedis bool) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), parts: map[string]*part{}}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build(version),
	)
	m.part(Database, "Calls of the database, by what they do, waiting for a connection and repetitions included.",
		"Calls of the database that failed, by what they do.")
	m.part(Password, "Checks of passwords at logins, waiting for a turn included.",
		"Checks of passwords that could not be made: refused for want of a turn, or by a failure.")
	if withRedis {
		m.part(Redis, "Commands to Redis.", "Commands to Redis that failed.")
	}
	m.http = newServed(m.registry)
	return m
}

// A part is what a node asks.
type part struct {
	took   *prometheus.HistogramVec
	failed *prometheus.CounterVec
	calls  sync.Map // of *call by their words: they are few
}

type call struct {
	took   prometheus.Observer
	failed prometheus.Counter
}

func (m *Metrics) part(name, took, failed string) {
	p := &part{
		took:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "durin_" + name + "_duration_seconds", Help: took, Buckets: spans}, []string{"call"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "durin_" + name + "_errors_total", Help: failed}, []string{"call"}),
	}
	m.parts[name] = p
	m.registry.MustRegister(p.took, p.failed)
}

func (p *part) call(words string) *call {
	if known, ok := p.calls.Load(words); ok {
		return known.(*call)
	}
	fresh, _ := p.calls.LoadOrStore(words, &call{p.took.WithLabelValues(words), p.failed.WithLabelValues(words)})
	return fresh.(*call)
}

// Observe notes the beginning of a call of a part; what it returns notes the end.
// There are few calls, and they are not made of data.
func (m *Metrics) Observe(part, call string) func(error) {
	p := m.parts[part]
	if p == nil {
		return func(error) {}
	}
	c, began := p.call(call), time.Now()
	return func(err error) {
		c.took.Observe(time.Since(began).Seconds())
		if IsFailure(err) {
			c.failed.Inc()
		}
	}
}

// IsFailure tells what went wrong from what is an answer, and from callers who
// left.
func IsFailure(err error) bool {
	var field *durin.FieldError
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &field) {
		return false
	}
	return durin.AsError(err).Status >= 500
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes, Timeout: scrapeTimeout, EnableOpenMetrics: true})
}

// Close ends what Watch began.
func (m *Metrics) Close() {
	if m != nil && m.counting != nil {
		m.counting.close()
	}
}
