package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/spf13/cobra"
)

// healthTime bounds the question; an answer takes milliseconds.
const (
	healthTime = 5 * time.Second
	maxHealth  = 4 << 20
)

func (a *app) health() *cobra.Command {
	var ready bool
	var at string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server whether it is well",
		Long: `Ask a running server whether it answers, or with --ready whether it can work:
database, schema and keys. The exit status is 1 when it does not. The address is
that of the settings (DURIN_ADDR, DURIN_OPS_ADDR or the configuration file), on
this machine. It is made for container platforms and supervisors.`,
		Example: `  durin health
  durin health --ready --url http://127.0.0.1:9000`,
		Args: cobra.NoArgs,
		RunE: a.do(func(r *run) error { return r.askHealth(at, ready) }),
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it can work, not only whether it answers")
	cmd.Flags().StringVar(&at, "url", "", "`URL` of the server (default: as the settings say)")
	return cmd
}

func (r *run) askHealth(at string, ready bool) error {
	path := "/healthz"
	if ready {
		path = "/readyz"
	}
	base, status, body, err := r.ask(at, path, nil)
	if err != nil {
		return err
	}
	if r.json && json.Valid(body) {
		if err := r.out.JSONText(body); err != nil {
			return err
		}
	} else {
		r.out.Line("%s %d", base.Path, status)
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s answers %d; durin doctor, or --json, tells more", base, status)
	}
	return nil
}

// ask asks a running server for path, at an address that may be empty, and tells
// where that was. With a body, which is JSON, it is a POST.
// Headers are names and values.
func (r *run) ask(at, path string, body []byte, headers ...string) (base *url.URL, status int, answer []byte, err error) {
	base, err = healthURL(r.config, at, path)
	if err != nil {
		return nil, 0, nil, err
	}
	ctx, cancel := context.WithTimeout(r.ctx, healthTime)
	defer cancel()
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, base.String(), bytes.NewReader(body))
	if err != nil {
		return nil, 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	status, answer, err = send(req)
	if err != nil { // in its own words: those of explained are about the database
		return nil, 0, nil, fmt.Errorf("no answer: %v; see that a server runs there, or name another with --url", err) //nolint:errorlint // see above
	}
	return base, status, answer, nil
}

// healthURL is where to ask: all but /healthz is on the address for operations,
// where there is one.
func healthURL(c *config.Config, at, path string) (*url.URL, error) {
	scheme, addr := "http", c.Addr
	if c.TLSCert != "" {
		scheme = "https"
	}
	if path != "/healthz" && c.OpsAddr != "" {
		scheme, addr = "http", c.OpsAddr
	}
	if at != "" {
		u, err := url.Parse(at)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("--url is not of the form http://HOST:PORT")
		}
		u.Path = strings.TrimSuffix(u.Path, "/") + path
		return u, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if port == "0" {
		return nil, errors.New("the server picks its port itself: tell where it is with --url")
	}
	return &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port), Path: path}, nil
}

// send takes any certificate: those are made out for the server's public name. It is
// this machine's own server that is asked, nothing that it says is trusted, and what
// it is sent is no secret.
func send(req *http.Request) (int, []byte, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} //nolint:gosec // see above
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxHealth))
	return resp.StatusCode, body, err
}
