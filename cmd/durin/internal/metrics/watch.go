package metrics

import (
	"database/sql"
	"runtime"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/audit"
	"github.com/durin-go/durin/password"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Sources are the parts of a node. Reading them asks no database.
type Sources struct {
	Guard  *durin.Guard
	Hasher *password.Hasher
	Audit  *audit.Log // nil: there is none
	// Pools are the pools of connections, by their name.
	Pools map[string]*sql.DB
	// Channels tells whether the news of others come through, by the name of
	// the way that they take.
	Channels func() map[string]bool
	// HasKey tells whether there is a key to seal tokens with.
	HasKey func() bool
}

// Watch makes metrics of s, and counts live sessions from now on until Close.
func (m *Metrics) Watch(s Sources) {
	if m == nil {
		return
	}
	m.counting = newSessions(s.Guard)
	m.registry.MustRegister(&guardCollector{s.Guard}, &hasherCollector{s.Hasher}, &stateCollector{s}, m.counting)
	for name, db := range s.Pools {
		m.registry.MustRegister(collectors.NewDBStatsCollector(db, name))
	}
	m.counting.start(countEvery)
}

// Certificate tells when the certificate that is in use runs out.
func (m *Metrics) Certificate(expires func() time.Time) {
	if m == nil {
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "durin_certificate_expiry_timestamp_seconds", Help: "When the TLS certificate that is in use runs out."},
		func() float64 { return float64(expires().Unix()) }))
}

// build says which program runs.
func build(version string) prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "durin_build_info", Help: "The program's version; always 1."}, []string{"version", "goversion", "goarch"})
	g.WithLabelValues(version, runtime.Version(), runtime.GOARCH).Set(1)
	return g
}

// A metric is how a number is told.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("durin_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("durin_"+name, help, labels, nil), prometheus.GaugeValue}
}

func (m metric) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
}

// count is send of a counter.
func (m metric) count(ch chan<- prometheus.Metric, value uint64, labels ...string) {
	m.send(ch, float64(value), labels...)
}

func describe(ch chan<- *prometheus.Desc, all ...metric) {
	for _, m := range all {
		ch <- m.desc
	}
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// stateCollector tells what is there and what is not.
type stateCollector struct{ s Sources }

var (
	channelUp = gauge("channel_up", "1 while endings on other nodes are heard of through that channel. outbox is what counts; the others hasten it.", "channel")
	keyThere  = gauge("key_present", "1 while there is a key to seal tokens with.")
	unaudited = counter("audit_dropped_total", "Entries of the audit log that were lost because the database was away for too long; the log itself says so too.")
)

func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, channelUp, keyThere, unaudited)
}

func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	for name, up := range c.s.Channels() {
		channelUp.send(ch, yes(up), name)
	}
	keyThere.send(ch, yes(c.s.HasKey()))
	if c.s.Audit != nil {
		unaudited.count(ch, c.s.Audit.Dropped())
	}
}

// hasherCollector tells of the hashing of passwords.
type hasherCollector struct{ h *password.Hasher }

var (
	hashesRunning = gauge("password_hashes_running", "Password hashes that are being computed.")
	hashesWaiting = gauge("password_hashes_waiting", "Callers that wait for their turn to have a password hashed.")
	hashesMemory  = gauge("password_memory_bytes", "Memory that running password hashes take.")
	hashWorkers   = gauge("password_workers", "How many password hashes may run at once.")
	hashQueue     = gauge("password_queue_limit", "How many callers may wait; for one more logins are answered with 503.")
	hashBound     = gauge("password_memory_limit_bytes", "Bound of durin_password_memory_bytes.")
	hashed        = counter("password_hashes_total", "Password hashes that got their turn.")
	hashRefused   = counter("password_refused_total", "Callers who found the queue of password hashes full.")
)

func (c *hasherCollector) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, hashesRunning, hashesWaiting, hashesMemory, hashWorkers, hashQueue, hashBound, hashed, hashRefused)
}

func (c *hasherCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.h.Stats()
	hashesRunning.send(ch, float64(s.Running))
	hashesWaiting.send(ch, float64(s.Waiting))
	hashesMemory.send(ch, float64(s.Memory))
	hashWorkers.send(ch, float64(s.Workers))
	hashQueue.send(ch, float64(s.Queue))
	hashBound.send(ch, float64(s.MemoryLimit))
	hashed.count(ch, s.Admitted)
	hashRefused.count(ch, s.Refused)
}
