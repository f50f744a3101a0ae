package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/durin-go/durin/cmd/durin/internal/node"
	"github.com/durin-go/durin/keyring"
)

func TestLimits(t *testing.T) {
	answer, status := "", http.StatusOK
	mux := http.NewServeMux()
	path := filepath.Join(t.TempDir(), "durin.key")
	keys, err := keyring.OpenFile(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/limits", func(w http.ResponseWriter, r *http.Request) {
		if !node.MayLook(keys, r.Header.Get(node.LookHeader), time.Now()) {
			t.Error("the server cannot tell that the command has the key file")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for _, c := range []struct {
		answer, args string
		http, status int
		says         []string
	}{
		{`{"limits":"off","held":[]}`, "", 200, 0, []string{"off"}},
		{`{"limits":"node","held":[{"account":"ada","network":"192.0.2.1/32","known_devices":true,"locks":2,"until":"2026-01-01T00:00:00Z"},{"network":"2001:db8::/64","locks":1,"until":"2026-01-01T00:00:00Z"}],"more":7}`, "", 200, 0,
			[]string{"ada", "192.0.2.1/32, known devices", "every account", "2001:db8::/64", "2026-01-01T00:00:00Z", "7 more"}},
		{`{"limits":"node","held":[{"account":"a\u001b[2J","locks":1,"until":"2026-01-01T00:00:00Z"}]}`, "", 200, 0, []string{`a\x1b[2J`, "everywhere"}},
		{`{"limits":"shared","held":[]}`, "--json", 200, 0, []string{`{"limits":"shared","held":[]}`}},
		{`{"detail":"Not found."}`, "", 404, 1, []string{"answers 404"}},
		{`what`, "", 200, 1, []string{"own machine"}},
	} {
		answer, status = c.answer, c.http
		var out bytes.Buffer
		got := Main(strings.Fields("limits "+c.args+" --url "+server.URL), World{In: strings.NewReader(""), Out: &out, Err: &out, Environ: []string{"DURIN_KEY_FILE=" + path}})
		if got != c.status {
			t.Errorf("%s: status %d", c.answer, got)
		}
		for _, words := range c.says {
			if !strings.Contains(out.String(), words) {
				t.Errorf("%s: no %q in %s", c.answer, words, out.String())
			}
		}
	}
}
