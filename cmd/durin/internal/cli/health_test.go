package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"ready":false}`, http.StatusServiceUnavailable)
	})
	plain, sealed := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	t.Cleanup(plain.Close)
	t.Cleanup(sealed.Close)
	_, addr, _ := strings.Cut(plain.URL, "//")
	_, port, _ := strings.Cut(addr, ":")
	for _, c := range []struct {
		args    string
		environ []string
		status  int
		says    string
	}{
		{"--url " + plain.URL, nil, 0, "/healthz 200"},
		{"--url " + sealed.URL, nil, 0, "/healthz 200"},
		{"", []string{"DURIN_ADDR=" + addr}, 0, "/healthz 200"},
		{"", []string{"DURIN_ADDR=:" + port}, 0, "/healthz 200"},
		{"", []string{"DURIN_ADDR=0.0.0.0:" + port}, 0, "/healthz 200"},
		{"--ready", []string{"DURIN_OPS_ADDR=" + addr}, 1, "answers 503"},
		{"--ready --json", []string{"DURIN_ADDR=" + addr}, 1, `{"ready":false}`},
		{"", []string{"DURIN_ADDR=127.0.0.1:0"}, 1, "--url"},
	} {
		var out bytes.Buffer
		status := Main(strings.Fields("health "+c.args), World{In: strings.NewReader(""), Out: &out, Err: &out, Environ: c.environ})
		if status != c.status || !strings.Contains(out.String(), c.says) {
			t.Errorf("health %s with %v: status %d, %s", c.args, c.environ, status, out.String())
		}
	}
}
