package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// served counts requests. Its counters are there before the first request, so
// that one costs two look-ups and no allocation.
type served struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	routes   map[string]*route
}

// A route is the counters of one.
type route struct {
	byClass [6]prometheus.Counter // 1xx to 5xx, from 1 on
	took    prometheus.Observer
}

func newServed(r *prometheus.Registry) *served {
	s := &served{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "durin_http_requests_total", Help: "Requests, by route and by class of the status."}, []string{"route", "code"}),
		took:     prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "durin_http_duration_seconds", Help: "How long requests took, by route.", Buckets: spans}, []string{"route"}),
		routes:   map[string]*route{},
	}
	r.MustRegister(s.requests, s.took)
	return s
}

// Routes tells the names of all routes. Call it before the first request.
func (m *Metrics) Routes(names ...string) {
	if m == nil {
		return
	}
	for _, name := range names {
		if m.http.routes[name] != nil {
			continue
		}
		r := &route{took: m.http.took.WithLabelValues(name)}
		for class := 1; class < len(r.byClass); class++ {
			r.byClass[class] = m.http.requests.WithLabelValues(name, strconv.Itoa(class)+"xx")
		}
		m.http.routes[name] = r
	}
}

// Served counts an answered request. A route that Routes was not told of is not
// counted.
func (m *Metrics) Served(name string, status int, took time.Duration) {
	if m == nil {
		return
	}
	r := m.http.routes[name]
	if r == nil {
		return
	}
	if class := status / 100; class > 0 && class < len(r.byClass) {
		r.byClass[class].Inc()
	}
	r.took.Observe(took.Seconds())
}
