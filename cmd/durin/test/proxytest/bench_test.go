package proxytest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// A course is a request that is sent again and again on some connections.
type course struct {
	name, addr string
	request    []byte
	perSecond  []float64
	p99        []time.Duration
}

func request(method, path, addr, body string, headers ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, addr)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return []byte(b.String() + "\r\n" + body)
}

// run sends requests on conns connections for a while.
func (c *course) run(conns int, long time.Duration) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	began := time.Now()
	for range conns {
		all.Go(func() {
			own, err := c.send(began.Add(long))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
			if err != nil {
				failed = err
			}
		})
	}
	all.Wait()
	if failed != nil || len(took) == 0 {
		return fmt.Errorf("%s: %d answers, %w", c.name, len(took), failed)
	}
	slices.Sort(took)
	c.perSecond = append(c.perSecond, float64(len(took))/time.Since(began).Seconds())
	c.p99 = append(c.p99, took[len(took)*99/100])
	return nil
}

func (c *course) send(end time.Time) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReaderSize(conn, 4096)
	var took []time.Duration
	for now := time.Now(); now.Before(end); {
		if _, err := conn.Write(c.request); err != nil {
			return took, err
		}
		if err := readAnswer(r); err != nil {
			return took, err
		}
		then := now
		now = time.Now()
		took = append(took, now.Sub(then))
	}
	return took, nil
}

// readAnswer reads one answer of a known length; only 200 is fine.
func readAnswer(r *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.Contains(line, []byte(" 200 ")) {
			return fmt.Errorf("answered %s", bytes.TrimSpace(line))
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err := r.Discard(length)
	return err
}

func median[T float64 | time.Duration](of []T) T {
	of = slices.Clone(of)
	slices.Sort(of)
	return of[len(of)/2]
}

// BenchmarkBeside compares forward authentication and introspection, with a warm
// cache, with bare handlers, and a route of nginx that asks with one that does
// not, turn by turn. The ratios are what counts.
func BenchmarkBeside(b *testing.B) {
	w := newWorld(b)
	secret, _, err := w.guard.CreateResourceServer(b.Context(), "bench", durin.Never)
	if err != nil {
		b.Fatal(err)
	}
	token := w.token("web")
	bare := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.ReadAll(r.Body)
		}
		out.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(out, "ok")
	}))
	b.Cleanup(bare.Close)
	w.app = bare
	w.run(servers.Program(b, "nginx", "nginx-light"), nginxFiles, func(text string) string {
		text = strings.Replace(text, "http {", "http { access_log off; keepalive_requests 1000000000; "+nginxTemp(), 1)
		text = strings.Replace(text, "keepalive 32;", "keepalive 128; keepalive_requests 1000000000;", 2)
		text = strings.ReplaceAll(text, "allow=web,browser&throttle=burst:50/s", "")
		return strings.Replace(text, "location / {", `location /bare/ { proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; }`+"\n location / {", 1)
	}, nginxArgs("nginx.conf"))
	form := "token=" + token
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("bench:"+secret.Reveal()))
	auth := []string{"Authorization", "Token " + token}
	asForm := []string{"Content-Type", "application/x-www-form-urlencoded", "Authorization", basic}
	courses := []*course{
		{name: "bare-GET", addr: host(bare), request: request("GET", "/", host(bare), "", auth...)},
		{name: "verify", addr: host(w.durin), request: request("GET", "/api/auth/verify", host(w.durin), "", auth...)},
		{name: "verify-rules", addr: host(w.durin), request: request("GET", "/api/auth/verify?allow=web,cli&throttle=a:1000000/s", host(w.durin), "", auth...)},
		{name: "bare-POST", addr: host(bare), request: request("POST", "/", host(bare), form, asForm...)},
		{name: "introspect", addr: host(w.durin), request: request("POST", "/api/auth/introspect", host(w.durin), form, asForm...)},
		{name: "nginx-bare", addr: w.proxy, request: request("GET", "/bare/", w.proxy, "", auth...)},
		{name: "nginx-asking", addr: w.proxy, request: request("GET", "/", w.proxy, "", auth...)},
	}
	for _, conns := range []int{8, 100} {
		b.Run(fmt.Sprintf("connections=%d", conns), func(b *testing.B) {
			for _, c := range courses {
				c.perSecond, c.p99 = nil, nil
			}
			for b.Loop() {
				for _, c := range courses {
					if err := c.run(conns, time.Second); err != nil {
						b.Fatal(err)
					}
				}
			}
			rate := map[string]float64{}
			for _, c := range courses {
				rate[c.name] = median(c.perSecond)
				b.ReportMetric(rate[c.name], c.name+"/s")
				b.ReportMetric(float64(median(c.p99).Microseconds())/1000, c.name+"-p99-ms")
			}
			b.ReportMetric(rate["verify"]/rate["bare-GET"], "verify÷bare")
			b.ReportMetric(rate["verify-rules"]/rate["bare-GET"], "verify-rules÷bare")
			b.ReportMetric(rate["introspect"]/rate["bare-POST"], "introspect÷bare")
			b.ReportMetric(rate["nginx-asking"]/rate["nginx-bare"], "nginx-asking÷nginx-bare")
			b.ReportMetric(0, "ns/op")
		})
	}
}
