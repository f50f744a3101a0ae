package doctor

import (
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/database"
)

// soon is how long before its end a certificate is worth a word.
const soon = 14 * 24 * time.Hour

func (e *examination) network() {
	c := e.config
	e.proxies()
	if c.TLSCert != "" && c.TLSKey != "" {
		e.certificate()
		return
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return // the configuration's fault
	}
	addr, err := netip.ParseAddr(host)
	inside := host == "localhost" || err == nil && addr.IsLoopback()
	if !inside && len(c.TrustedProxies) == 0 {
		e.warn("network", "set tls-cert and tls-key, or trusted-proxies if a proxy in front does TLS", "%s is reached without TLS: passwords and tokens can be read on the way", c.Addr)
		return
	}
	e.ok("network", "%s", e.whoListens(c.Addr))
}

// whoListens tells whether somebody listens at the address that is set.
func (e *examination) whoListens(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if port == "0" {
		return "durin serve picks a free port at " + addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	line, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Second)
	if err != nil {
		return "nothing listens on " + addr + " yet: durin serve will"
	}
	_ = line.Close()
	return "something listens on " + addr + ": durin health tells whether that is a durin"
}

// proxies examines whose word about addresses is believed.
func (e *examination) proxies() {
	if everybody := e.config.TrustsEverybody(); len(everybody) > 0 {
		e.warn("network", "name the proxies' own addresses in trusted-proxies", "trusted-proxies holds networks that strangers are in, %v: they choose the address that limits and log see", everybody)
	}
}

func (e *examination) certificate() {
	pair, err := tls.LoadX509KeyPair(e.config.TLSCert, e.config.TLSKey)
	switch {
	case err != nil:
		e.fault("certificate", "change tls-cert and tls-key", "%v", err)
	case pair.Leaf.NotBefore.After(e.now):
		e.fault("certificate", "see whether this machine's clock is right", "it is good from %s on only", pair.Leaf.NotBefore.Format(time.DateOnly))
	case pair.Leaf.NotAfter.Before(e.now):
		e.fault("certificate", "renew it", "it ran out on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	case pair.Leaf.NotAfter.Before(e.now.Add(soon)):
		e.warn("certificate", "renew it", "it runs out on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	default:
		e.ok("certificate", "good until %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
}

// permissions examines who may read a database file, and whether its folder
// takes the files that SQLite makes beside it.
func (e *examination) permissions(target database.Target) {
	if !target.IsFile() {
		return
	}
	if info, err := os.Stat(target.Path); err == nil && info.Mode().Perm()&0o044 != 0 {
		e.warn("database", "chmod 600 "+target.Path, "the file can be read by other users of this machine: password hashes are in it")
	}
	probe, err := os.CreateTemp(filepath.Dir(target.Path), ".durin-doctor-*")
	if err != nil {
		e.fault("database", "give the folder to the user that runs durin", "nothing can be written beside the file: %v", err)
		return
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
}

func faultLines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
