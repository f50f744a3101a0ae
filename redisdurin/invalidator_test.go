package redisdurin_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/redisdurin"
)

// ear collects what a node hears.
type ear struct {
	mu   sync.Mutex
	got  []nodes.Ending
	gaps int
}

func (e *ear) hear(endings []nodes.Ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if endings == nil {
		e.gaps++
	}
	e.got = append(e.got, endings...)
}

func (e *ear) state() (got []nodes.Ending, gaps int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got), e.gaps
}

// listen runs Listen as a Guard does, again and again, until the test ends.
func listen(t *testing.T, i *redisdurin.Invalidator) *ear {
	t.Helper()
	e := &ear{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = i.Listen(ctx, e.hear)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	waitFor(t, "the subscription", func() bool { _, gaps := e.state(); return gaps > 0 && i.Connected() })
	return e
}

func TestEndingsTravel(t *testing.T) {
	at, channel := address(t), unique(t)
	a := redisdurin.NewInvalidator(connect(t, at), redisdurin.InvalidatorOptions{Channel: channel, Logger: quiet})
	e := listen(t, redisdurin.NewInvalidator(connect(t, at), redisdurin.InvalidatorOptions{Channel: channel, Logger: quiet}))
	want := []nodes.Ending{{Digest: durin.Digest{1, 2, 3}, Gone: true}, {ClientID: 1 << 40}, {}}
	if err := a.Announce(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the endings", func() bool { got, _ := e.state(); return slices.Equal(got, want) })
}

func TestAStrangeMessageIsAGap(t *testing.T) {
	at, channel := address(t), unique(t)
	client := connect(t, at)
	e := listen(t, redisdurin.NewInvalidator(connect(t, at), redisdurin.InvalidatorOptions{Channel: channel, Logger: quiet}))
	_, before := e.state()
	for _, message := range []string{"", "\x02", "\x01short", strings.Repeat("x", 42)} {
		if err := client.Do(t.Context(), client.B().Publish().Channel(channel).Message(message).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "four gaps", func() bool { _, gaps := e.state(); return gaps == before+4 })
}

// relay stands before Redis: its connections can be cut, or go silent.
type relay struct {
	l      net.Listener
	to     string
	mu     sync.Mutex
	silent bool
	heal   *sync.Cond // silent has ended
	conns  []net.Conn
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{l: l, to: to}
	r.heal = sync.NewCond(&r.mu)
	t.Cleanup(func() { _ = l.Close(); r.hush(false); r.cut() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", r.to)
			if err != nil {
				_ = from.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, from, to)
			r.mu.Unlock()
			go r.copy(to, from)
			go r.copy(from, to)
		}
	}()
	return r
}

func (r *relay) copy(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			_ = to.Close()
			return
		}
		r.mu.Lock()
		for r.silent { // as a network that lost its way: late, not torn
			r.heal.Wait()
		}
		r.mu.Unlock()
		_, _ = to.Write(buf[:n])
	}
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

func (r *relay) hush(silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = silent
	r.heal.Broadcast()
}

func TestLostConnectionsAreGaps(t *testing.T) {
	at, channel := address(t), unique(t)
	r := newRelay(t, at)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{r.l.Addr().String()}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	speaker := redisdurin.NewInvalidator(connect(t, at), redisdurin.InvalidatorOptions{Channel: channel, Logger: quiet})
	e := listen(t, redisdurin.NewInvalidator(client, redisdurin.InvalidatorOptions{Channel: channel, Logger: quiet, Heartbeat: 100 * time.Millisecond}))
	for name, lose := range map[string]func(){
		"cut": r.cut,
		"half open": func() {
			r.hush(true)
			time.AfterFunc(time.Second, func() { r.hush(false) })
		},
	} {
		_, before := e.state()
		lose()
		waitFor(t, name+": the gap to be reported", func() bool { _, gaps := e.state(); return gaps > before })
		waitFor(t, name+": news to come through again", func() bool {
			_ = speaker.Announce(t.Context(), []nodes.Ending{{ClientID: 7}})
			got, _ := e.state()
			return len(got) > 0 && got[len(got)-1].ClientID == 7
		})
		e.mu.Lock()
		e.got = nil
		e.mu.Unlock()
	}
}
