package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/sockets"
)

const (
	maxHeader = 32 << 10

	// opsConnections are at most open on ops-addr.
	opsConnections = 128
)

// A Server listens and is about to serve.
type Server struct {
	node *node.Node
	log  *slog.Logger
	main *http.Server
	ops  *http.Server // nil: none
	// verify is where the proxy asks; nil: on the main address.
	verify *http.Server
	lines  map[*http.Server]*connections
}

// thisHost has no share: a proxy on it may be one that nobody has told us to trust.
var thisHost = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// everybody has no share where only a proxy asks.
var everybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// Listen takes the addresses of the configuration.
func Listen(ctx context.Context, n *node.Node, log *slog.Logger) (*Server, error) {
	return ListenOn(ctx, &sockets.Set{}, n, log)
}

// ListenOn is Listen with sockets that were inherited in the place of addresses.
func ListenOn(ctx context.Context, from *sockets.Set, n *node.Node, log *slog.Logger) (*Server, error) {
	c := n.Config
	s := &Server{node: n, log: log, lines: map[*http.Server]*connections{}}
	h, verify, err := handlers(n, log)
	if err != nil {
		return nil, err
	}
	s.main = s.newServer(h)
	if c.TLSCert != "" {
		pair, err := loadPair(c.TLSCert, c.TLSKey, log)
		if err != nil {
			return nil, err
		}
		s.main.TLSConfig = secured(pair)
		n.Metrics.Certificate(pair.expires)
	}
	line, err := from.Listen(ctx, sockets.Main, c.Addr)
	if err != nil {
		return nil, err
	}
	s.lines[s.main] = newConnections(line, underFileLimit(c.MaxConnections, log), slices.Concat(thisHost, c.TrustedProxies), log)
	if c.OpsAddr != "" {
		s.ops = s.newServer(OpsHandler(n, log))
		if line, err = from.Listen(ctx, sockets.Ops, c.OpsAddr); err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.lines[s.ops] = newConnections(line, opsConnections, nil, log)
	}
	if c.VerifyAddr != "" {
		s.verify = s.newServer(verify)
		if line, err = from.Listen(ctx, sockets.Verify, c.VerifyAddr); err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.lines[s.verify] = newConnections(line, underFileLimit(c.MaxConnections, log), everybody, log)
	}
	return s, nil
}

// WriteAddr writes the main address to the address file, if there is to be one.
// Who waits for it may go on: write every other file before.
func (s *Server) WriteAddr() error {
	path := s.node.Config.AddrFile
	if path == "" {
		return nil
	}
	if err := WriteWhole(path, s.Addr()+"\n"); err != nil {
		return fmt.Errorf("addr-file: %w", errors.Join(err, s.close()))
	}
	return nil
}

func (s *Server) newServer(h http.Handler) *http.Server {
	// A login may wait for its turn to be hashed, a slow line for its body;
	// nobody holds a connection for longer.
	request := s.node.Config.RequestTime
	return &http.Server{
		Handler: s.leaving(receiving(request, h)), ConnState: noteState, ConnContext: withConnection,
		ReadHeaderTimeout: request / 6, ReadTimeout: request, WriteTimeout: request * 3 / 2, IdleTimeout: request * 2,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
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

// VerifyAddr is where the proxy asks, or empty: on the main address.
func (s *Server) VerifyAddr() string {
	if s.verify == nil {
		return ""
	}
	at := s.lines[s.verify].Addr()
	if at.Network() == "unix" {
		return sockets.Unix + at.String()
	}
	return at.String()
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

// WriteWhole writes a file that everybody may read, in one piece: nobody reads
// half an address.
func WriteWhole(path, text string) error {
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
