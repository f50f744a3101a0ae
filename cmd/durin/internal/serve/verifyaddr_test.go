package serve

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyAddr: rules are believed on the proxy's own address and nowhere else. A
// socket that a process has left behind is taken over; one that is in use is not.
func TestVerifyAddr(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "verify.sock")
	left, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip("no sockets of the file system:", err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = left.Close()
	for _, at := range []string{"127.0.0.1:0", "unix:" + socket} {
		n, log, _ := newNode(t, "--verify-addr", at, "--trusted-proxies", "127.0.0.1")
		s, err := Listen(t.Context(), n, log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx) }()
		main := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		proxy := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if path, isUnix := strings.CutPrefix(s.VerifyAddr(), "unix:"); isUnix {
				return (&net.Dialer{}).DialContext(ctx, "unix", path)
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", s.VerifyAddr())
		}}}
		ask := func(c *http.Client, path, from string) int {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if from != "" {
				r.Header.Set("X-Forwarded-For", from)
			}
			res, err := c.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			return res.StatusCode
		}
		for path, want := range map[string][2]int{ // at the main address, and at the proxy's
			"/api/auth/verify":                 {404, 401},
			"/api/auth/verify?optional=1":      {404, 200},
			"/api/auth/verify-headers/a":       {404, 401},
			"/api/auth/sessions/":              {401, 404},
			"/account/":                        {200, 404},
			"/healthz":                         {200, 200},
			"/api/auth/verify?scope=a:1/s":     {404, 500},
			"/readyz":                          {200, 404},
			"/api/auth/verify?nosuch=1&allow=": {404, 500},
		} {
			if got := [2]int{ask(main, path, ""), ask(proxy, path, "")}; got != want {
				t.Errorf("%s, %s: %v, want %v", at, path, got, want)
			}
		}
		for i, want := range []int{200, 429, 200} { // callers count by what the proxy says
			from := []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"}[i]
			if got := ask(proxy, "/api/auth/verify?optional=1&throttle=a:1/h", from); got != want {
				t.Errorf("%s, caller %s: %d, want %d", at, from, got, want)
			}
		}
		if strings.HasPrefix(at, "unix:") {
			if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
				t.Errorf("the socket: %v %v", info, err)
			}
			again, log, _ := newNode(t, "--verify-addr", at)
			if _, err := Listen(t.Context(), again, log); err == nil {
				t.Error("a socket that is in use is taken away")
			}
		}
		stop()
		<-ended
	}
}
