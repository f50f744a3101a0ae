package serve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/durin-go/durin/internal/networks"
)

// connections bounds how many are open on a listener. When there are as many, one
// makes room: one on which nothing is under way, the longest idle first, or else one
// that has not delivered a request yet, the oldest first. If on all of them requests
// are being answered, new ones wait in the system's queue until one ends.
//
// When it is full a network has a share: whoever has as much gets room from its own
// connections only, or none.
type connections struct {
	net.Listener
	limit  int
	exempt []netip.Prefix // networks without a share: proxies, behind which everybody is
	log    *slog.Logger
	begun  time.Time

	mu   sync.Mutex
	open map[*connection]struct{}
	// from counts the connections of each network.
	from map[netip.Prefix]int
	// changed has an element after a connection has ended, or become idle
	// while room is waited for.
	changed chan struct{}
	waiting atomic.Bool
	closed  chan struct{}
	once    sync.Once
	warned  time.Time
}

// networkShare is which part of all connections one network may have when there is
// no room for others.
const networkShare = 8

// fullEvery is how often it is logged that no more connections are taken.
const fullEvery = time.Minute

func newConnections(listener net.Listener, limit int, exempt []netip.Prefix, log *slog.Logger) *connections {
	return &connections{
		Listener: listener, limit: limit, exempt: exempt, log: log, begun: time.Now(), from: map[netip.Prefix]int{},
		open: map[*connection]struct{}{}, changed: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// A connection knows since when it has been idle, or has owed a request.
type connection struct {
	net.Conn
	of    *connections
	from  netip.Prefix // not valid: without a share
	begun time.Time
	// working is how many requests that were read to their end are being
	// answered.
	working atomic.Int32
	// since is the nanosecond since of.begun from which on it owes the rest of a
	// request.
	since atomic.Int64
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
	from := c.network(conn)
	if !c.waitForRoom(from) {
		_ = conn.Close()
		return c.Accept()
	}
	counted := &connection{Conn: conn, of: c, from: from, begun: time.Now()}
	counted.idle.Store(fresh)
	counted.since.Store(int64(time.Since(c.begun)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[counted] = struct{}{}
	c.from[from]++
	return counted, nil
}

// network is where conn comes from; not valid for peers without a share.
func (c *connections) network(conn net.Conn) netip.Prefix {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}
	}
	addr := peer.Addr().Unmap()
	for _, p := range c.exempt {
		if p.Contains(addr) {
			return netip.Prefix{}
		}
	}
	return networks.Of(addr)
}

// waitForRoom waits for room for a connection from a network, and reports whether it
// is to have it. It ends when the listener is closed, too: what was accepted is
// served.
func (c *connections) waitForRoom(from netip.Prefix) bool {
	if room, wait := c.room(from); !wait {
		return room
	}
	c.waiting.Store(true)
	defer c.waiting.Store(false)
	for {
		if room, wait := c.room(from); !wait {
			return room
		}
		select {
		case <-c.changed:
		case <-c.closed:
			return true
		}
	}
}

func (c *connections) notify() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// room makes room for one more where it can: else the new one is to wait, or, where
// its network has its share, to go.
func (c *connections) room(from netip.Prefix) (room, wait bool) {
	c.mu.Lock()
	if len(c.open) < c.limit {
		c.mu.Unlock()
		return true, false
	}
	share := max(1, c.limit/networkShare)
	greedy := from.IsValid() && c.from[from] >= share
	victim := c.victim(func(conn *connection) bool { return !greedy || conn.from == from })
	now := time.Now()
	report := victim == nil && now.Sub(c.warned) > fullEvery
	if report {
		c.warned = now
	}
	c.mu.Unlock()
	if report {
		c.log.Warn("all connections are in use: new ones wait until one ends, or are cut where their network has its share; see max-connections", "max_connections", c.limit, "share", share)
	}
	if victim == nil {
		return false, !greedy
	}
	_ = victim.Close()
	return true, false
}

// victim is the connection that can best be missed, of those that may be taken: the
// longest idle one, or the one that has owed a request for longest. Nil: there is
// none.
func (c *connections) victim(may func(*connection) bool) *connection {
	var idle, owing *connection
	idleAt, owesAt := int64(0), int64(0)
	for conn := range c.open {
		if !may(conn) {
			continue
		}
		if at := conn.idle.Load(); at > 0 {
			if idle == nil || at < idleAt {
				idle, idleAt = conn, at
			}
		} else if at := conn.since.Load(); conn.working.Load() == 0 && (owing == nil || at < owesAt) {
			owing, owesAt = conn, at
		}
	}
	if idle != nil {
		return idle
	}
	return owing
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
		if c.of.from[c.from]--; c.of.from[c.from] <= 0 {
			delete(c.of.from, c.from)
		}
		c.of.mu.Unlock()
		c.of.notify()
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
		c.since.Store(int64(time.Since(c.of.begun)))
		c.idle.Store(0)
		return
	}
	c.idle.Store(int64(time.Since(c.of.begun)))
	if c.of.waiting.Load() {
		c.of.notify()
	}
}

// count is how many are open.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// allAsked reports whether every connection has brought a request, but those that
// have not for as long as patience.
func (c *connections) allAsked(patience time.Duration) bool {
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
