package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/node"
)

// Bounds of a connection. A login may wait for its turn to be hashed, a slow
// line for its body; nobody holds a connection for longer.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 60 * time.Second
	writeTimeout  = 90 * time.Second
	idleTimeout   = 120 * time.Second
	maxHeader     = 32 << 10

	// stopTimeout is how long requests may go on after the signal to stop.
	stopTimeout = 20 * time.Second
)

// A Server listens and is about to serve.
type Server struct {
	node  *node.Node
	log   *slog.Logger
	main  *http.Server
	ops   *http.Server // nil: none
	lines map[*http.Server]net.Listener
}

// Listen takes the addresses of the configuration, and writes the main one to
// the address file.
func Listen(ctx context.Context, n *node.Node, log *slog.Logger) (*Server, error) {
	c := n.Config
	s := &Server{node: n, log: log, lines: map[*http.Server]net.Listener{}}
	h, err := Handler(n, log)
	if err != nil {
		return nil, err
	}
	s.main = s.newServer(h)
	if c.TLSCert != "" {
		pair, err := loadPair(c.TLSCert, c.TLSKey, log)
		if err != nil {
			return nil, err
		}
		s.main.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.current}
	}
	if err := s.listen(ctx, s.main, c.Addr); err != nil {
		return nil, err
	}
	if c.OpsAddr != "" {
		s.ops = s.newServer(OpsHandler(n, log))
		if err := s.listen(ctx, s.ops, c.OpsAddr); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if c.AddrFile != "" {
		if err := writeWhole(c.AddrFile, s.Addr()+"\n"); err != nil {
			return nil, errors.Join(fmt.Errorf("addr-file: %w", err), s.close())
		}
	}
	return s, nil
}

func (s *Server) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) listen(ctx context.Context, srv *http.Server, addr string) error {
	line, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	s.lines[srv] = line
	return nil
}

func (s *Server) close() error {
	var faults []error
	for _, line := range s.lines {
		faults = append(faults, line.Close())
	}
	return errors.Join(faults...)
}

// Addr is the main address, with the port that was picked.
func (s *Server) Addr() string { return s.lines[s.main].Addr().String() }

// OpsAddr is the address of /readyz, or empty.
func (s *Server) OpsAddr() string {
	if s.ops == nil {
		return ""
	}
	return s.lines[s.ops].Addr().String()
}

// URL is where the API is, as the world reaches it.
func (s *Server) URL() string {
	c := s.node.Config
	if c.PublicURL != nil {
		return c.PublicURL.String() + c.Mount + "/"
	}
	scheme, addr := "http://", s.Addr()
	if c.TLSCert != "" {
		scheme = "https://"
	}
	if host, port, err := net.SplitHostPort(addr); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			addr = net.JoinHostPort("localhost", port)
		}
	}
	return scheme + addr + c.Mount + "/"
}

// Serve answers requests until ctx ends; those that are under way then are
// answered before it returns.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, len(s.lines))
	for srv, line := range s.lines {
		go func() {
			if srv.TLSConfig != nil {
				failed <- srv.ServeTLS(line, "", "")
			} else {
				failed <- srv.Serve(line)
			}
		}()
	}
	var err error
	select {
	case <-ctx.Done():
		s.log.Info("stopping: requests that are under way are answered first")
	case err = <-failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for srv := range s.lines {
		if stopErr := srv.Shutdown(stopping); stopErr != nil {
			s.log.Warn("requests were cut off", "error", stopErr)
			_ = srv.Close()
		}
	}
	return err
}

// writeWhole writes a file in one piece: nobody reads half an address.
func writeWhole(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".durin-addr-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(text)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	return err
}
