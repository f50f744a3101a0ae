package serve

import (
	"context"
	"io"
	"net"
	"testing"
)

// http.Server drops a request that it reads after its Shutdown: what somebody has
// connected for is heard before.
func TestStopAnswersWhoHasJustConnected(t *testing.T) {
	n, log, _ := newNode(t, "--addr", "127.0.0.1:0")
	s, err := Listen(t.Context(), n, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	silent, begun := dial(t, s.Addr()), dial(t, s.Addr())
	_, _ = io.WriteString(begun, "GET /healthz HTTP/1.1\r\n")
	other := dial(t, s.Addr())
	other.ask("/healthz")
	other.answered() // so both were accepted
	stop()
	for closed := false; !closed; { // it has heard of the end when it listens no more
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr())
		if closed = err != nil; !closed {
			_ = c.Close()
		}
	}
	_, _ = io.WriteString(begun, "Host: x\r\n\r\n")
	begun.answered()
	silent.ask("/healthz")
	silent.answered()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
