package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"
)

const (
	// stopTimeout is how long requests may go on after the server has stopped
	// taking new ones.
	stopTimeout = 20 * time.Second
	// handOverIdle is how long connections are kept that bring no request,
	// after another process has taken over.
	handOverIdle = 5 * time.Second
	// firstRequest is how long after a connection was made its first request is
	// waited for. http.Server ends as late; it answers none, though, that it has
	// read after its Shutdown.
	firstRequest = 5 * time.Second
	// begins is how long a request that was read takes to begin.
	begins = 10 * time.Millisecond
)

// ErrHandedOver is the cause with which the context of Serve ends when another
// process takes new connections on the same sockets.
var ErrHandedOver = errors.New("another process has taken over")

// leaving tells the clients of a server that is about to stop to close their
// connections after this answer: whoever only ever hears of it by a closed
// connection may have sent a request meanwhile, and that would fail.
func (s *Server) leaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.node.Leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Serve answers requests until ctx ends; those that are under way then are
// answered before it returns.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, len(s.listeners))
	for srv, listener := range s.listeners {
		go func() { failed <- serveOn(srv, listener) }()
	}
	var err error
	select {
	case <-ctx.Done():
		s.leave(ctx)
	case err = <-failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for srv := range s.listeners {
		if stopErr := srv.Shutdown(stopping); stopErr != nil {
			s.log.Warn("requests were cut off", "error", stopErr)
			_ = srv.Close()
		}
	}
	return err
}

func serveOn(srv *http.Server, listener *connections) error {
	if srv.TLSConfig != nil {
		return srv.ServeTLS(listener, "", "")
	}
	return srv.Serve(listener)
}

// leave gives everybody time to go elsewhere: /readyz says so to those who
// choose between servers, and each answer to those who keep connections.
func (s *Server) leave(ctx context.Context) {
	s.node.Leaving.Store(true)
	wait := s.node.Config.DrainTime
	if errors.Is(context.Cause(ctx), ErrHandedOver) {
		s.log.Info("another process has taken over: connections that are open here are served to their end")
		_ = s.close()
		s.wait(max(wait, handOverIdle), true)
		return
	}
	if wait > 0 {
		s.log.Info("stopping: /readyz says so from now on, requests are answered for a while yet", "drain_time", wait)
		s.wait(wait, false)
	}
	s.log.Info("stopping: requests that are under way are answered first")
	_ = s.close()
	s.hearOut()
}

// hearOut waits for the first requests of connections that were just made:
// whoever has made one has sent it, or is about to.
func (s *Server) hearOut() {
	open := 0
	for _, listener := range s.listeners {
		open += listener.count()
		for !listener.allAsked(firstRequest) {
			time.Sleep(begins)
		}
	}
	if open > 0 {
		time.Sleep(begins)
	}
}

// wait waits for a time, or, where that is enough, until no connection is open.
func (s *Server) wait(d time.Duration, untilGone bool) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if untilGone {
		for _, listener := range s.listeners {
			listener.gone(ctx)
		}
		return
	}
	<-ctx.Done()
}

// secured is TLS as it is served: HTTP/2 is offered by http.Server.
func secured(p *pair) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.current}
}
