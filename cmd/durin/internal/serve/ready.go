package serve

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/sqlstore"
)

const (
	// readyTimeout bounds one look at the parts.
	readyTimeout = 2 * time.Second
	// readyKept is how long its result is given to others who ask.
	readyKept = 500 * time.Millisecond
	// writeEvery is how often a change of the database is tried.
	writeEvery = 5 * time.Second
)

// forwarding are the headers that proxies add, besides all that begin with
// X-Forwarded-: behind one on the same host everybody seems to be here.
var forwarding = [...]string{
	"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Original-Uri", "X-Original-Url", "X-Original-Host",
	"X-Proxyuser-Ip", "X-Envoy-External-Address", "X-Envoy-Original-Path", "X-Arr-Log-Id", "X-Varnish", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context",
	"True-Client-Ip", "Cf-Connecting-Ip", "Cf-Ray", "Fastly-Client-Ip", "Cdn-Loop", "Client-Ip", "Proxy-Connection", "X-Forwarded", "Forwarded-For",
}

// isLocal reports a caller on this host who came without a proxy, as far as that can
// be told: proxies on this host pass on the Host of their callers, which names this
// server for the world, or another host. One that does neither is told by its HTTP/1.0,
// which nginx speaks unless it is configured.
func isLocal(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return false
	}
	for _, name := range forwarding {
		if _, there := r.Header[name]; there {
			return false
		}
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && isLoopbackName(r.Host)
}

// isLoopbackName reports a Host that names this host only, with or without a port.
func isLoopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// readiness tells whether the node can do its work, and what each part says. It
// asks the database at most once at a time.
type readiness struct {
	node *node.Node
	now  func() time.Time

	mu    sync.Mutex
	asked time.Time
	last  report

	wrote     time.Time // when a change was tried
	takesNone part      // what came of it; zero: it was made
}

// A report is the body of /readyz.
type report struct {
	Status string          `json:"status"` // "ok" or "unavailable"
	Parts  map[string]part `json:"parts"`
}

// A part is "ok", "warning" or "unavailable".
type part struct {
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func newReadiness(n *node.Node) *readiness { return &readiness{node: n, now: time.Now} }

func (s *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result := s.report(r.Context())
	if s.node.Leaving.Load() {
		result = report{"unavailable", maps.Clone(result.Parts)}
		result.Parts["server"] = part{"unavailable", "it is about to stop"}
	}
	status := http.StatusOK
	if result.Status != "ok" {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "2")
	}
	w.Header().Set("Cache-Control", "no-store")
	durin.WriteJSON(w, status, result)
}

func (s *readiness) report(ctx context.Context) report {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); s.asked.IsZero() || now.Sub(s.asked) > readyKept {
		// One who leaves does not spoil the result for the others.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		s.last, s.asked = s.look(ctx), now
	}
	return s.last
}

// lookShared tells of what hastens or guards, but nothing depends on.
func (s *readiness) lookShared(parts map[string]part) {
	if set, answers := s.node.Shared.Redis(); answers {
		parts["redis"] = part{Status: "ok"}
	} else if set {
		parts["redis"] = part{"warning", "it does not answer: throttles do what redis-away says, endings are heard of by polling"}
	}
	if set, connected := s.node.Shared.Notify(); connected {
		parts["notify"] = part{Status: "ok"}
	} else if set {
		parts["notify"] = part{"warning", "the channel is lost: endings are heard of by polling"}
	}
}

// lookWrites tries a change now and then, and each time while none is taken.
func (s *readiness) lookWrites(ctx context.Context, parts map[string]part) {
	if parts["database"].Status != "ok" {
		s.wrote, parts["writes"] = time.Time{}, part{"unavailable", "cannot be told"}
		return
	}
	if now := s.now(); s.wrote.IsZero() || s.takesNone.Status != "" || now.Sub(s.wrote).Abs() > writeEvery {
		s.wrote, s.takesNone = now, part{}
		switch err := s.node.Store.Writable(ctx, now); {
		case errors.Is(err, context.DeadlineExceeded):
			s.takesNone = part{"warning", "the database does not take changes in time: another program holds its lock, or it is slow"}
		case err != nil:
			s.takesNone = part{"unavailable", "the database takes no changes: its disk is full, or it may only be read"}
		}
	}
	parts["writes"] = s.takesNone
	if s.takesNone.Status == "" {
		parts["writes"] = part{Status: "ok"}
	}
}

// look asks every part. Details never tell what a driver said: it is in the log.
func (s *readiness) look(ctx context.Context) report {
	parts := map[string]part{"database": {Status: "ok"}, "schema": {Status: "ok"}, "key": {Status: "ok"}, "outbox": {Status: "ok"}}
	if err := s.node.Store.Ping(ctx); errors.Is(err, sqlstore.ErrSchema) {
		parts["schema"] = part{"unavailable", "the schema does not fit this program: run durin migrate"}
	} else if err != nil {
		parts["database"] = part{"unavailable", "the database does not answer"}
		parts["schema"] = part{"unavailable", "cannot be told"}
	}
	if _, err := s.node.Store.LastEnding(ctx); err != nil {
		parts["outbox"] = part{"unavailable", "endings of other nodes cannot be read"}
	} else if lag := s.node.Guard.Lag(); lag > node.StaleBound {
		parts["outbox"] = part{"warning", "endings of other nodes were heard of " + lag.Round(time.Second).String() + " ago: cached sessions are trusted for a second only"}
	}
	s.lookWrites(ctx, parts)
	s.lookShared(parts)
	if !s.node.HasKeys() {
		parts["key"] = part{"warning", "there is no key: logins replace tokens instead of showing them again"}
	}
	result := report{"ok", parts}
	for _, p := range parts {
		if p.Status == "unavailable" {
			result.Status = p.Status
		}
	}
	return result
}
