package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/config"
	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/spf13/pflag"
)

// newNode is a node on a fresh file, with the settings given as flags.
func newNode(t testing.TB, args ...string) (*node.Node, *slog.Logger, *bytes.Buffer) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Bind(flags, config.Common)
	config.Bind(flags, config.Serving)
	if err := flags.Parse(append([]string{"--db", filepath.Join(t.TempDir(), "durin.db"), "--addr", "127.0.0.1:0"}, args...)); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	log := slog.New(slog.NewTextHandler(&written, nil))
	n, err := node.Open(t.Context(), node.Options{Config: c, Purpose: node.Serve, Keys: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(context.Background()) })
	return n, log, &written
}

func TestPanicIsAnswered(t *testing.T) {
	n, log, written := newNode(t, "--access-log")
	h := middleware(n, log, func(string) named {
		return named{unnamed, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("at the disco") })}
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/?token=open-sesame", nil))
	if w.Code != 500 || w.Body.String() != `{"detail":"Something went wrong on our side."}` {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if !strings.Contains(written.String(), "at the disco") || strings.Contains(written.String(), "open-sesame") {
		t.Errorf("the log: %s", written)
	}
}

func TestRequestID(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, test := range []struct {
		peer, given string
		kept        bool
	}{
		{"192.0.2.1:99", "abc-1", true}, {"198.51.100.1:99", "abc-1", false}, {"192.0.2.1:99", "a b", false},
		{"192.0.2.1:99", strings.Repeat("a", 65), false}, {"192.0.2.1:99", "", false}, {"@", "abc-1", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = test.peer
		r.Header.Set("X-Request-Id", test.given)
		if got := requestID(r, proxies); (got == test.given) != test.kept || got == "" {
			t.Errorf("%s, %q: %q", test.peer, test.given, got)
		}
	}
}

func TestIsLocal(t *testing.T) {
	ask := func(peer, host string, headers ...string) bool {
		r := httptest.NewRequest("GET", "/readyz", nil)
		r.RemoteAddr, r.Host = peer, host
		for _, name := range headers {
			r.Header[name] = []string{""}
		}
		return isLocal(r)
	}
	for peer, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "192.0.2.1:1": false, "": false, "@": false} {
		if ask(peer, "localhost:8000") != want {
			t.Errorf("%q: %v", peer, !want)
		}
	}
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8000": true, "LOCALHOST.": true, "durin.localhost": true, "127.0.0.1:8000": true, "127.1.2.3": true, "[::1]:8000": true, "[::1]": true, "::1": true,
		"": false, "evil.example.org": false, "localhost.example.org": false, "notlocalhost": false, "192.0.2.1": false, "127.0.0.1.example.org": false, "0.0.0.0": false,
	} {
		if ask("127.0.0.1:1", host) != want {
			t.Errorf("Host %q: %v", host, !want)
		}
	}
	for _, name := range []string{
		"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Uri", "X-Forwarded-Prefix",
		"X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Uri", "True-Client-Ip", "Cf-Connecting-Ip", "X-Envoy-External-Address", "X-Varnish",
	} {
		if ask("127.0.0.1:1", "localhost", name) {
			t.Errorf("with %s", name)
		}
	}
	r := httptest.NewRequest("GET", "http://127.0.0.1:8000/metrics", nil)
	r.RemoteAddr = "127.0.0.1:1"
	if r.Proto, r.ProtoMinor = "HTTP/1.0", 0; isLocal(r) {
		t.Error("over HTTP/1.0, as nginx asks with a bare proxy_pass")
	}
}

// TestOpsThroughAProxy: without ops-addr, what is for callers on this host is not
// for those whose proxy is on this host and adds nothing.
func TestOpsThroughAProxy(t *testing.T) {
	n, log, _ := newNode(t)
	h, err := Handler(n, log)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/readyz", "/readyz?for=checks", "/metrics", "/limits", "/limits/lift"} {
		for host, proxied := range map[string]bool{"auth.example.org": true, "evil.example.org:8000": true, "192.0.2.1": true, "127.0.0.1:8000": false} {
			r := httptest.NewRequest("GET", path, nil)
			r.RemoteAddr, r.Host = "127.0.0.1:999", host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if here := w.Code != 404; proxied && here || !proxied && !here && path != "/limits" && path != "/metrics" {
				t.Errorf("%s for %s: %d", path, host, w.Code)
			}
		}
	}
}

func TestReadinessAsksOnceInAWhile(t *testing.T) {
	n, _, _ := newNode(t)
	s := newReadiness(n)
	now := time.Now()
	s.now = func() time.Time { return now }
	if got := s.report(t.Context()); got.Status != "ok" {
		t.Fatalf("%+v", got)
	}
	if err := n.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Database.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.report(t.Context()); got.Status != "ok" {
		t.Errorf("asked again at once: %+v", got)
	}
	now = now.Add(time.Second)
	got := s.report(t.Context())
	if got.Status != "unavailable" || got.Parts["database"].Status != "unavailable" || got.Parts["outbox"].Status != "unavailable" {
		t.Errorf("%+v", got)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := x509.NewCertPool()
	pool.AddCert(writePair(t, cert, key, 1))
	n, log, _ := newNode(t, "--tls-cert", cert, "--tls-key", key)
	s, err := Listen(t.Context(), n, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	res, err := client.Get("https://" + s.Addr() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 || res.ProtoMajor != 2 || !strings.HasPrefix(s.URL(), "https://") {
		t.Errorf("%s over %s, %s", res.Status, res.Proto, s.URL())
	}
	if _, err := tls.Dial("tcp", s.Addr(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPairFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, cert, key, 1)
	p, err := loadPair(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		p.next = time.Time{}
		c, err := p.current(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.Int64()
	}
	if serial() != 1 {
		t.Error("not the first one")
	}
	writePair(t, cert, key, 2)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	if serial() != 2 {
		t.Error("the new one is not in use")
	}
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if serial() != 2 {
		t.Error("the old one is not kept")
	}
	if _, err := loadPair(cert, key, nil); err == nil {
		t.Error("nonsense is loaded at the start")
	}
}

// writePair writes a certificate for 127.0.0.1 that signs itself.
func writePair(t *testing.T, certFile, keyFile string, serial int64) *x509.Certificate {
	t.Helper()
	return writePairAt(t, certFile, keyFile, serial, time.Now())
}

// writePairAt writes one that is good for an hour before and after an instant.
func writePairAt(t *testing.T, certFile, keyFile string, serial int64, at time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestListenTellsWhatIsWrong(t *testing.T) {
	for want, args := range map[string][]string{
		"cannot listen on":     {"--addr", "192.0.2.1:1"},
		"addr-file":            {"--addr-file", filepath.Join(t.TempDir(), "nowhere", "addr")},
		"tls-cert and tls-key": {"--tls-cert", "missing", "--tls-key", "missing"},
	} {
		n, log, _ := newNode(t, args...)
		s, err := Listen(t.Context(), n, log)
		if err == nil {
			err = s.WriteAddr()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// A certificate that no client takes is told when it is read.
func TestCertificateOutOfTime(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for want, shift := range map[string]time.Duration{"the certificate has run out": -24 * time.Hour, "the certificate is not good yet": 24 * time.Hour, "": 0} {
		writePairAt(t, certFile, keyFile, 1, time.Now().Add(shift))
		var told strings.Builder
		if _, err := loadPair(certFile, keyFile, slog.New(slog.NewTextHandler(&told, nil))); err != nil {
			t.Fatal(err)
		}
		if want == "" && told.Len() > 0 || !strings.Contains(told.String(), want) {
			t.Errorf("%v: %q", shift, &told)
		}
	}
}
