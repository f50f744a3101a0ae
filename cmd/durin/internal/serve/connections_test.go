package serve

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// bounded serves with at most two connections. /wait is answered when release is
// closed.
func bounded(t *testing.T) (counted *connections, busy chan struct{}, release chan struct{}) {
	t.Helper()
	line, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	busy, release = make(chan struct{}, 8), make(chan struct{})
	srv := &http.Server{ConnState: noteState, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			busy <- struct{}{}
			<-release
		}
	})}
	counted = newConnections(line, 2, slog.New(slog.DiscardHandler))
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
