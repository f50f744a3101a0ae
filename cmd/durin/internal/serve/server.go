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

	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/cmd/durin/internal/sockets"
	"github.com/durin-go/durin/internal/publicurl"
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
	verify    *http.Server
	listeners map[*http.Server]*connections
}

// A Place is what a server needs of its machine: a certificate and addresses. It is
// taken before anything is made or changed, so that a server which cannot listen
// leaves everything as it was.
type Place struct {
	log  *slog.Logger
	pair *pair // nil: no TLS
	main net.Listener
	ops  net.Listener // nil: none
	// verify is where the proxy asks; nil: on main.
	verify net.Listener
}

// Take takes the certificate and the addresses of the configuration; sockets that
// were inherited stand in the place of addresses.
func Take(ctx context.Context, from *sockets.Set, c *config.Config, log *slog.Logger) (*Place, error) {
	p := &Place{log: log}
	err := errors.Join(hasFolder("pid-file", c.PIDFile), hasFolder("addr-file", c.AddrFile))
	if err != nil {
		return nil, err
	}
	if c.TLSCert != "" {
		if p.pair, err = loadPair(c.TLSCert, c.TLSKey, log); err != nil {
			return nil, err
		}
	}
	if p.main, err = from.Listen(ctx, sockets.Main, c.Addr); err != nil {
		return nil, fmt.Errorf("addr: %w", err)
	}
	if c.OpsAddr != "" {
		if p.ops, err = from.Listen(ctx, sockets.Ops, c.OpsAddr); err != nil {
			return nil, fmt.Errorf("ops-addr: %w", errors.Join(err, p.Close()))
		}
	}
	if c.VerifyAddr != "" {
		if p.verify, err = from.Listen(ctx, sockets.Verify, c.VerifyAddr); err != nil {
			return nil, fmt.Errorf("verify-addr: %w", errors.Join(err, p.Close()))
		}
	}
	return p, nil
}

// hasFolder looks whether a file that a setting names can be made, as far as that
// shows by its folder.
func hasFolder(setting, path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	return nil
}

// Close gives the addresses up.
func (p *Place) Close() error {
	var faults []error
	for _, at := range []net.Listener{p.main, p.ops, p.verify} {
		if at != nil {
			faults = append(faults, at.Close())
		}
	}
	return errors.Join(faults...)
}

// thisHost has no share: a proxy on it may be one that nobody has told us to trust.
var thisHost = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// everybody has no share where only a proxy asks.
var everybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// New returns a Server at a Place, which it closes if it fails.
func New(p *Place, n *node.Node, log *slog.Logger) (*Server, error) {
	c := n.Config
	s := &Server{node: n, log: log, listeners: map[*http.Server]*connections{}}
	h, verify, err := handlers(n, log)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	s.main = s.newServer(h)
	if p.pair != nil {
		s.main.TLSConfig = secured(p.pair)
		n.Metrics.Certificate(p.pair.expires)
	}
	s.listeners[s.main] = newConnections(p.main, underFileLimit(c.MaxConnections, log), slices.Concat(thisHost, c.TrustedProxies), log)
	if p.ops != nil {
		s.ops = s.newServer(OpsHandler(n, log))
		s.listeners[s.ops] = newConnections(p.ops, opsConnections, nil, log)
	}
	if p.verify != nil {
		s.verify = s.newServer(verify)
		s.listeners[s.verify] = newConnections(p.verify, underFileLimit(c.MaxConnections, log), everybody, log)
	}
	return s, nil
}

// Listen is Take and New at the addresses of the node's configuration.
func Listen(ctx context.Context, n *node.Node, log *slog.Logger) (*Server, error) {
	p, err := Take(ctx, &sockets.Set{}, n.Config, log)
	if err != nil {
		return nil, err
	}
	return New(p, n, log)
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
	for _, listener := range s.listeners {
		faults = append(faults, listener.Close())
	}
	return errors.Join(faults...)
}

// Addr is the main address, with the port that was picked.
func (s *Server) Addr() string { return s.listeners[s.main].Addr().String() }

// OpsAddr is the address of /readyz, or empty.
func (s *Server) OpsAddr() string {
	if s.ops == nil {
		return ""
	}
	return s.listeners[s.ops].Addr().String()
}

// VerifyAddr is where the proxy asks, or empty: on the main address.
func (s *Server) VerifyAddr() string {
	if s.verify == nil {
		return ""
	}
	at := s.listeners[s.verify].Addr()
	if at.Network() == "unix" {
		return sockets.Unix + at.String()
	}
	return at.String()
}

// URL is where the API is, as the world reaches it.
func (s *Server) URL() string { return publicurl.Join(s.base(), s.node.Config.Mount+"/") }

// AdminURL is where the administrators' pages are, as the world reaches them.
func (s *Server) AdminURL() string { return publicurl.Join(s.base(), adminPath) }

func (s *Server) base() string {
	c := s.node.Config
	if c.PublicURL != nil {
		return c.PublicURL.String()
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
	return scheme + addr
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
