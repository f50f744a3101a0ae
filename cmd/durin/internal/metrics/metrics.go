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
	took     map[string]*prometheus.HistogramVec // by part
	failed   map[string]*prometheus.CounterVec
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
	m := &Metrics{registry: prometheus.NewRegistry(), took: map[string]*prometheus.HistogramVec{}, failed: map[string]*prometheus.CounterVec{}}
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

func (m *Metrics) part(name, took, failed string) {
	m.took[name] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "durin_" + name + "_duration_seconds", Help: took, Buckets: spans}, []string{"call"})
	m.failed[name] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "durin_" + name + "_errors_total", Help: failed}, []string{"call"})
	m.registry.MustRegister(m.took[name], m.failed[name])
}

// Observe notes the beginning of a call of a part; what it returns notes the end.
// There are few calls, and they are not made of data.
func (m *Metrics) Observe(part, call string) func(error) {
	took, failed := m.took[part], m.failed[part]
	if took == nil {
		return func(error) {}
	}
	counter := failed.WithLabelValues(call) // is there from the first call on
	began := time.Now()
	return func(err error) {
		took.WithLabelValues(call).Observe(time.Since(began).Seconds())
		if IsFailure(err) {
			counter.Inc()
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
