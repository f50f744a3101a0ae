package serve

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
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

// forwarding are the headers that proxies add: behind one on the same host
// everybody seems to be here.
var forwarding = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// isLocal reports a caller on this host who came without a proxy.
func isLocal(r *http.Request) bool {
	for _, name := range forwarding {
		if _, there := r.Header[name]; there {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
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
