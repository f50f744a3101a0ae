package nodestest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A fault is what a relay does to what passes.
type fault int

const (
	none fault = iota
	// held: nothing passes until it heals; then everything does, late.
	held
	// dropped: what is said is lost, in both directions; nobody is told.
	dropped
	// halfClosed: the server's side is closed, and the client is not told.
	halfClosed
	// slow: every piece takes slowness longer.
	slow
	// refused: connections are cut, and new ones end at once.
	refused
)

const slowness = 300 * time.Millisecond

func (f fault) String() string {
	return [...]string{"none", "held", "dropped", "half closed", "slow", "refused"}[f]
}

// A relay stands before a server, and brings faults.
type relay struct {
	addr string
	to   string
	l    net.Listener

	mu    sync.Mutex
	now   fault
	heal  *sync.Cond
	pairs map[*pair]bool
}

// A pair is a client's connection and the one that it goes on with.
type pair struct {
	client, server net.Conn
	spoilt         bool // something of it is lost
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String(), to: to, l: l, pairs: map[*pair]bool{}}
	r.heal = sync.NewCond(&r.mu)
	go r.accept()
	t.Cleanup(func() { _ = l.Close(); r.bring(refused) })
	return r
}

func (r *relay) accept() {
	for {
		client, err := r.l.Accept()
		if err != nil {
			return
		}
		go r.join(client)
	}
}

func (r *relay) join(client net.Conn) {
	r.mu.Lock()
	for r.now == held {
		r.heal.Wait()
	}
	refuse := r.now == refused
	r.mu.Unlock()
	if refuse {
		_ = client.Close()
		return
	}
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		_ = client.Close()
		return
	}
	p := &pair{client: client, server: server}
	r.mu.Lock()
	r.pairs[p] = true
	r.mu.Unlock()
	go r.copy(p, server, client)
	r.copy(p, client, server)
}

func (r *relay) copy(p *pair, to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !r.passes(p) {
			if err != nil {
				return // nobody is told; healing closes the rest
			}
			continue
		}
		if err != nil {
			r.close(p)
			return
		}
		_, _ = to.Write(buf[:n])
	}
}

// passes waits as the fault wants, and reports whether what was read goes on.
func (r *relay) passes(p *pair) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.now == held && !p.spoilt {
		r.heal.Wait()
	}
	if r.now == slow {
		r.mu.Unlock()
		time.Sleep(slowness)
		r.mu.Lock()
	}
	if r.now == dropped || r.now == halfClosed {
		p.spoilt = true
	}
	return !p.spoilt
}

func (r *relay) close(p *pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pairs, p)
	_ = p.client.Close()
	_ = p.server.Close()
}

// bring lets a fault happen; none heals it.
func (r *relay) bring(f fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = f
	for p := range r.pairs {
		switch {
		case f == halfClosed:
			p.spoilt = true
			_ = p.server.Close()
		case f == refused, p.spoilt:
			_ = p.client.Close()
			_ = p.server.Close()
			delete(r.pairs, p)
		}
	}
	r.heal.Broadcast()
}
