package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// pairCheckEvery is how often the files of a certificate are looked at, while
// there are handshakes.
const pairCheckEvery = 10 * time.Second

// A pair is a certificate in files: when they are replaced, new handshakes get
// the new one.
type pair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	cert    *tls.Certificate
	changed time.Time // the files' last change when they were read
	next    time.Time // when to look again
}

func loadPair(certFile, keyFile string, log *slog.Logger) (*pair, error) {
	p := &pair{certFile: certFile, keyFile: keyFile, log: log}
	return p, p.load()
}

func (p *pair) load() error {
	changed := p.lastChange()
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return fmt.Errorf("tls-cert and tls-key: %w", err)
	}
	p.cert, p.changed = &cert, changed
	switch now, leaf := time.Now(), cert.Leaf; {
	case now.After(leaf.NotAfter):
		p.log.Warn("the certificate has run out: clients refuse the connection; renew it", "file", p.certFile, "until", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		p.log.Warn("the certificate is not good yet: clients refuse the connection; see whether the clock is right", "file", p.certFile, "from", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

func (p *pair) lastChange() time.Time {
	var last time.Time
	for _, name := range []string{p.certFile, p.keyFile} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// expires is the end of the certificate that is in use.
func (p *pair) expires() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cert.Leaf.NotAfter
}

// current is tls.Config's GetCertificate.
func (p *pair) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(pairCheckEvery)
		if !p.lastChange().Equal(p.changed) {
			if err := p.load(); err != nil {
				p.log.Error("the new certificate cannot be used; the old one stays", "error", err)
			} else {
				p.log.Info("a new certificate is in use")
			}
		}
	}
	return p.cert, nil
}
