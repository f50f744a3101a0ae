package watchtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// busy is a node that has done a bit of everything, on PostgreSQL and with Redis.
func busy(t *testing.T) (n *node, token string) {
	t.Helper()
	n = newNode(t, servers.PostgreSQL(t).URL)
	cert, key := certificate(t, time.Hour)
	n.serve("--tls-cert", cert, "--tls-key", key, "--redis", "redis://"+servers.Redis(t), "--throttle", "1/m", "--demo")
	token = n.Login("web")
	for range 3 {
		n.check(token)
		n.Ask("GET", "/api/auth/throttled", token, nil)
	}
	n.check("0123456789")
	n.Ask("POST", "/api/auth/login/", "", credentials(userName, "wrong"))
	n.Ask("POST", "/api/auth/login/", "", map[string][]string{"username": {userName}, "password": {password}, "client": {"a-client-that-is-made-up"}})
	n.Ask("POST", "/api/auth/refresh/", token, nil)
	n.Ask("GET", "/a/path/that/is/made/up?token=open-sesame", "", nil)
	n.Ask("BREW", "/api/auth/login/", "", nil)
	n.becomes(above(0), "durin_client_requests_total", "client", "web")
	return n, token
}

// certificate is one for this machine that runs out in a while.
func certificate(t *testing.T, lives time.Duration) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lives), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
