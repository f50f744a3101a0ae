package serve

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// bounded serves with at most two connections. /wait is answered when release is
// closed.
func bounded(t *testing.T) (counted *connections, busy chan struct{}, release chan struct{}) {
	t.Helper()
	return boundedBy(t, 2, everybody)
}

// boundedBy is bounded with as many connections, and peers without a share.
func boundedBy(t *testing.T, limit int, exempt []netip.Prefix) (counted *connections, busy chan struct{}, release chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	busy, release = make(chan struct{}, 64), make(chan struct{})
	srv := &http.Server{ConnState: noteState, ConnContext: withConnection, Handler: receiving(time.Minute, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			busy <- struct{}{}
			<-release
		case "/read":
			busy <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body)
		}
	}))}
	counted = newConnections(listener, limit, exempt, slog.New(slog.DiscardHandler))
	go func() { _ = srv.Serve(counted) }()
	t.Cleanup(func() { _ = srv.Close() })
	return counted, busy, release
}

func (c *connections) idle() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if conn.idle.Load() > 0 {
			n++
		}
	}
	return n
}

type dialed struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, addr string) *dialed {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &dialed{conn, t, bufio.NewReader(conn)}
}

// dialFrom is dial from another address of this host.
func dialFrom(t *testing.T, from, addr string) *dialed {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", addr)
	if err != nil {
		t.Skipf("there is no %s on this system: %v", from, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &dialed{conn, t, bufio.NewReader(conn)}
}

// begin sends a request without the end of its body.
func (d *dialed) begin() {
	_, _ = io.WriteString(d, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
}

func (d *dialed) cut() bool {
	_, err := d.r.ReadByte()
	return err != nil
}

func (d *dialed) ask(path string) {
	_, _ = io.WriteString(d, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
}

func (d *dialed) answered() {
	d.t.Helper()
	res, err := http.ReadResponse(d.r, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("no answer: %v", err)
	}
	_ = res.Body.Close()
}

// The connection that has been idle for longest makes room.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	counted, _, _ := bounded(t)
	addr := counted.Addr().String()
	first, second := dial(t, addr), dial(t, addr)
	for i, c := range []*dialed{first, second} {
		c.ask("/")
		c.answered()
		for counted.idle() <= i { // it is told after the answer
			time.Sleep(time.Millisecond)
		}
	}
	third := dial(t, addr)
	third.ask("/")
	third.answered()
	if _, err := first.r.ReadByte(); err == nil {
		t.Error("the one that was idle for longest is open yet")
	}
	second.ask("/")
	second.answered()
}

// Where all are busy, a new one waits until one is idle or ends.
func TestConnectionsWait(t *testing.T) {
	counted, busy, release := bounded(t)
	addr := counted.Addr().String()
	first, second := dial(t, addr), dial(t, addr)
	for _, c := range []*dialed{first, second} {
		c.ask("/wait")
		<-busy
	}
	third := dial(t, addr)
	third.ask("/")
	_ = third.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := third.r.Peek(1); err == nil {
		t.Fatal("a third connection is served")
	}
	close(release)
	first.answered()
	second.answered()
	_ = third.SetReadDeadline(time.Now().Add(30 * time.Second))
	third.answered()
}

// TestSlowBodiesMakeRoom: who holds all connections with requests that do not come to
// an end loses the oldest of them to whoever else comes; those that are being answered
// stay.
func TestSlowBodiesMakeRoom(t *testing.T) {
	counted, busy, release := boundedBy(t, 8, nil)
	addr := counted.Addr().String()
	working := dial(t, addr)
	working.ask("/wait")
	<-busy
	var slow []*dialed
	for range 7 {
		d := dial(t, addr)
		d.begin()
		<-busy
		slow = append(slow, d)
	}
	for i, from := range []string{"127.0.0.2", "127.0.0.3"} {
		user := dialFrom(t, from, addr)
		user.ask("/wait")
		<-busy
		if !slow[i].cut() {
			t.Errorf("user %d is served, and slow body %d is open yet", i, i)
		}
	}
	if n := counted.count(); n > 8 {
		t.Errorf("%d connections, of 8", n)
	}
	close(release)
	working.answered()
}

// TestNothingDeliveredMakesRoom: neither do connections on which nothing came, or half
// a header.
func TestNothingDeliveredMakesRoom(t *testing.T) {
	counted, _, _ := boundedBy(t, 2, nil)
	addr := counted.Addr().String()
	silent, half := dial(t, addr), dial(t, addr)
	_, _ = io.WriteString(half, "GET / HTTP/1.1\r\nHost:")
	for counted.count() < 2 {
		time.Sleep(time.Millisecond)
	}
	for _, gone := range []*dialed{silent, half} {
		user := dialFrom(t, "127.0.0.2", addr)
		user.ask("/")
		user.answered()
		_ = user.Close()
		_ = gone
	}
	if !silent.cut() {
		t.Error("a connection on which nothing came is open yet")
	}
}

// TestShareOfANetwork: a network that has its share, when there is no room, takes no
// more from others: its own connections make room, or the new one is cut.
func TestShareOfANetwork(t *testing.T) {
	counted, busy, release := boundedBy(t, 8, nil)
	addr := counted.Addr().String()
	for range 7 { // all being answered
		dial(t, addr).ask("/wait")
		<-busy
	}
	user := dialFrom(t, "127.0.0.2", addr)
	user.begin()
	<-busy
	greedy := dial(t, addr)
	greedy.ask("/")
	if !greedy.cut() {
		t.Error("a network with seven of eight gets another")
	}
	_, _ = io.WriteString(user, strings.Repeat("x", 97))
	user.answered()
	close(release)
}

// TestProxiesHaveNoShare: behind a trusted proxy everybody is one peer.
func TestProxiesHaveNoShare(t *testing.T) {
	counted, busy, release := boundedBy(t, 8, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	addr := counted.Addr().String()
	for range 7 {
		dial(t, addr).ask("/wait")
		<-busy
	}
	slow := dialFrom(t, "127.0.0.2", addr)
	slow.begin()
	<-busy
	behind := dial(t, addr)
	behind.ask("/wait")
	<-busy
	if !slow.cut() {
		t.Error("what owes a request does not make room for a proxy")
	}
	close(release)
	behind.answered()
}

// TestLeastRate: a body that trickles is cut long before the time for a whole request;
// what comes after one that is whole has its own time.
func TestLeastRate(t *testing.T) {
	ended := make(chan error, 8)
	serving := func(request time.Duration) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{ConnState: noteState, ConnContext: withConnection, Handler: receiving(request, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			ended <- err
		}))}
		go func() { _ = srv.Serve(newConnections(listener, 8, nil, slog.New(slog.DiscardHandler))) }()
		t.Cleanup(func() { _ = srv.Close() })
		return listener.Addr().String()
	}
	trickle := dial(t, serving(time.Second))
	trickle.begin()
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a body that does not come ends with %v", err)
	}
	whole := dial(t, serving(time.Hour))
	for range 2 {
		whole.begin()
		_, _ = io.WriteString(whole, strings.Repeat("x", 97))
		whole.answered()
		if err := <-ended; err != nil {
			t.Errorf("a body that comes ends with %v", err)
		}
	}
}
