package nodestest

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
	"github.com/durin-go/durin/nodes"
	"github.com/durin-go/durin/pgxdurin"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestMain(m *testing.M) { programtest.Main(m) }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// An ear collects what a node hears.
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
func listen(t *testing.T, i *pgxdurin.Invalidator) *ear {
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
	programtest.Eventually(t, "the channel is there", i.Connected)
	return e
}

func pool(t *testing.T, at string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// through is the URL of a database that is reached at another address.
func through(t *testing.T, at, addr string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	return u.String()
}

func hostOf(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestNotifyCarriesEndings(t *testing.T) {
	db := servers.PostgreSQL(t).URL
	many := make([]nodes.Ending, 1000) // more than one notification holds
	for i := range many {
		many[i] = nodes.Ending{Digest: durin.Digest{1, byte(i), byte(i >> 8)}, Gone: true}
	}
	for _, mode := range []string{"", "&default_query_exec_mode=exec", "&default_query_exec_mode=simple_protocol"} {
		speaker := pgxdurin.NewInvalidator(pool(t, db+mode), pgxdurin.InvalidatorOptions{Logger: quiet})
		e := listen(t, pgxdurin.NewInvalidator(pool(t, db+mode), pgxdurin.InvalidatorOptions{Logger: quiet}))
		want := append([]nodes.Ending{{Digest: durin.Digest{1, 2, 3}}, {ClientID: 1 << 40, Gone: true}, {}}, many...)
		if err := speaker.Announce(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		programtest.Eventually(t, "all is heard", func() bool { got, _ := e.state(); return slices.Equal(got, want) })
	}
	other := listen(t, pgxdurin.NewInvalidator(pool(t, db), pgxdurin.InvalidatorOptions{Channel: `other "channel"`, Logger: quiet}))
	if got, _ := other.state(); len(got) > 0 {
		t.Errorf("another channel hears %v", got)
	}
}

func TestStrangeNotificationsAreGaps(t *testing.T) {
	p := pool(t, servers.PostgreSQL(t).URL)
	e := listen(t, pgxdurin.NewInvalidator(p, pgxdurin.InvalidatorOptions{Logger: quiet}))
	_, before := e.state()
	for _, message := range []string{"", "no base64!", "Ag=="} {
		if _, err := p.Exec(t.Context(), "SELECT pg_notify('durin_endings', $1)", message); err != nil {
			t.Fatal(err)
		}
	}
	programtest.Eventually(t, "three gaps", func() bool { _, gaps := e.state(); return gaps == before+3 })
}

// Whatever happens to the connections, the listener tells the gap, and hears
// again afterwards.
func TestLostNotifyConnectionsAreGaps(t *testing.T) {
	db := servers.PostgreSQL(t).URL
	r := newRelay(t, hostOf(t, db))
	speaker := pgxdurin.NewInvalidator(pool(t, db), pgxdurin.InvalidatorOptions{Logger: quiet})
	listener := pgxdurin.NewInvalidator(pool(t, through(t, db, r.addr)), pgxdurin.InvalidatorOptions{Logger: quiet, Heartbeat: 200 * time.Millisecond})
	e := listen(t, listener)
	for i, f := range []fault{refused, held, dropped, halfClosed} {
		_, before := e.state()
		r.bring(f)
		programtest.Eventually(t, f.String()+" is noticed", func() bool { return !listener.Connected() })
		r.bring(none)
		programtest.Eventually(t, "the gap is told after "+f.String(), func() bool { _, gaps := e.state(); return gaps > before && listener.Connected() })
		news := nodes.Ending{ClientID: int64(i + 1)}
		if err := speaker.Announce(t.Context(), []nodes.Ending{news}); err != nil {
			t.Fatal(err)
		}
		programtest.Eventually(t, "news after "+f.String(), func() bool { got, _ := e.state(); return slices.Contains(got, news) })
	}
}
