package serve

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// leastRate is how many bytes of a body have to come in each second, once a sixth of
// the time for the whole request has gone by.
const leastRate = 500

type connectionKey struct{}

// withConnection is http.Server's ConnContext.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, conn)
}

// receiving watches how requests come in: connections know which of them owe
// something, and bodies come at a least rate, within the time for a whole request.
func receiving(request time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		d := &delivery{of: c}
		defer d.answered()
		if r.Body == nil || r.Body == http.NoBody {
			d.whole()
		} else {
			r.Body = &slowBody{ReadCloser: r.Body, delivery: d, control: http.NewResponseController(w), began: time.Now(), request: request}
		}
		next.ServeHTTP(w, r)
	})
}

// A delivery is a request on its way in.
type delivery struct {
	of   *connection
	once sync.Once
	done bool
}

func (d *delivery) whole() {
	d.once.Do(func() {
		d.done = true
		d.of.working.Add(1)
	})
}

func (d *delivery) answered() {
	d.once.Do(func() {})
	if d.done {
		d.of.working.Add(-1)
	}
}

// A slowBody ends with an error when it comes too slowly.
type slowBody struct {
	io.ReadCloser
	delivery *delivery
	control  *http.ResponseController
	began    time.Time
	request  time.Duration
	read     int64
}

func (b *slowBody) Read(p []byte) (int, error) {
	due := min(b.request, b.request/6+time.Duration(b.read)*time.Second/leastRate)
	_ = b.control.SetReadDeadline(b.began.Add(due)) // where it cannot be set, the whole request has its time
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if err != nil {
		_ = b.control.SetReadDeadline(b.began.Add(b.request))
	}
	if err == io.EOF {
		b.delivery.whole()
	}
	return n, err
}
