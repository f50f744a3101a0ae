package serve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections bounds how many are open on a listener. When there are as many,
// one on which nothing is under way makes room, the longest idle first; if all
// are busy, new ones wait in the system's queue until one ends.
type connections struct {
	net.Listener
	limit int
	log   *slog.Logger
	begun time.Time

	mu   sync.Mutex
	open map[*connection]struct{}
	// changed has an element after a connection has ended, or become idle
	// while room is waited for.
	changed chan struct{}
	waiting atomic.Bool
	closed  chan struct{}
	once    sync.Once
	warned  time.Time
}

// fullEvery is how often it is logged that no more connections are taken.
const fullEvery = time.Minute

func newConnections(line net.Listener, limit int, log *slog.Logger) *connections {
	return &connections{
		Listener: line, limit: limit, log: log, begun: time.Now(),
		open: map[*connection]struct{}{}, changed: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// A connection knows since when it has been idle.
type connection struct {
	net.Conn
	of    *connections
	begun time.Time
	// idle is the nanosecond since of.begun at which the last request ended;
	// zero while one is under way, and fresh until the first has been read.
	idle atomic.Int64
	once sync.Once
}

const fresh = -1

// Accept implements net.Listener. One connection above the limit is accepted, and
// waits here.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.waitForRoom()
	counted := &connection{Conn: conn, of: c, begun: time.Now()}
	counted.idle.Store(fresh)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[counted] = struct{}{}
	return counted, nil
}

// waitForRoom ends when the listener is closed, too: what was accepted is served.
func (c *connections) waitForRoom() {
	if c.hasRoom() {
		return
	}
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	for !c.hasRoom() {
		select {
		case <-c.changed:
		case <-c.closed:
			return
		}
	}
}

func (c *connections) tell() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// hasRoom makes room for one more where it can.
func (c *connections) hasRoom() bool {
	c.mu.Lock()
	if len(c.open) < c.limit {
		c.mu.Unlock()
		return true
	}
	var oldest *connection
	since := int64(0)
	for conn := range c.open {
		if at := conn.idle.Load(); at > 0 && (oldest == nil || at < since) {
			oldest, since = conn, at
		}
	}
	now := time.Now()
	tell := oldest == nil && now.Sub(c.warned) > fullEvery
	if tell {
		c.warned = now
	}
	c.mu.Unlock()
	if tell {
		c.log.Warn("all connections are in use: new ones wait until one ends; see max-connections", "max_connections", c.limit)
	}
	if oldest == nil {
		return false
	}
	_ = oldest.Close()
	return true
}

// Close implements net.Listener. Connections stay open.
func (c *connections) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.once.Do(func() {
		c.of.mu.Lock()
		delete(c.of.open, c)
		c.of.mu.Unlock()
		c.of.tell()
	})
	return c.Conn.Close()
}

// noteState is http.Server's ConnState.
func noteState(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	c, ok := conn.(*connection)
	if !ok || state == http.StateNew {
		return
	}
	if state != http.StateIdle {
		c.idle.Store(0)
		return
	}
	c.idle.Store(int64(time.Since(c.of.begun)))
	if c.of.waiting.Load() {
		c.of.tell()
	}
}

// count is how many are open.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// allHeard reports whether every connection has brought a request, but those that
// have not for as long as patience.
func (c *connections) allHeard(patience time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if conn.idle.Load() == fresh && time.Since(conn.begun) < patience {
			return false
		}
	}
	return true
}

// gone waits until no connection is open, within ctx.
func (c *connections) gone(ctx context.Context) {
	for c.count() > 0 {
		select {
		case <-c.changed:
		case <-ctx.Done():
			return
		}
	}
}
