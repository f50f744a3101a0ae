package watchtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/programtest"
	"github.com/durin-go/durin/cmd/durin/test/servers"
)

// scraped lets a real Prometheus scrape the node and answer all queries.
func scraped(t *testing.T, n *node) {
	dir, port := t.TempDir(), servers.Port(t)
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("global: {scrape_interval: 500ms, evaluation_interval: 500ms}\nrule_files: [%s]\nscrape_configs:\n- job_name: durin\n  static_configs: [{targets: ['%s']}]\n",
		rules, strings.TrimPrefix(n.ops, "http://"))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	var log strings.Builder
	cmd := exec.Command(servers.Program(t, "prometheus", "prometheus"), "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", addr)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &log, &log, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		if _ = cmd.Wait(); t.Failed() {
			t.Logf("Prometheus wrote:\n%s", log.String())
		}
	})
	p := &prometheus{t: t, at: "http://" + addr}
	programtest.Eventually(t, "three scrapes", func() bool { return p.count(`count_over_time(up{job="durin"}[1m]) >= 3`) > 0 })
	for _, q := range panels(t) {
		if p.count(q.expr) == 0 {
			t.Errorf("%s: nothing is found by %s", q.of, q.expr)
		}
	}
	programtest.Eventually(t, "all rules are evaluated", func() bool {
		var all struct {
			Data struct {
				Groups []struct {
					Rules []struct{ Name, Health, LastError string }
				}
			}
		}
		p.get("/api/v1/rules", &all)
		known := 0
		for _, g := range all.Data.Groups {
			for _, r := range g.Rules {
				if r.Health == "err" {
					t.Fatalf("%s: %s", r.Name, r.LastError)
				}
				if r.Health == "ok" {
					known++
				}
			}
		}
		return known == len(alerts(t))
	})
	// The first of the alerts is about the node itself.
	n.Kill()
	programtest.Eventually(t, "it is noticed that the node is down", func() bool { return p.count(alerts(t)[0].expr) > 0 })
}

type prometheus struct {
	t  *testing.T
	at string
}

func (p *prometheus) get(path string, into any) bool {
	res, err := http.Get(p.at + path)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	return json.NewDecoder(res.Body).Decode(into) == nil
}

// count is how many series a query finds.
func (p *prometheus) count(expr string) int {
	p.t.Helper()
	var found struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if p.get("/api/v1/query?query="+url.QueryEscape(expr), &found) && found.Status != "success" {
		p.t.Fatalf("%s: %s", expr, found.Error)
	}
	return len(found.Data.Result)
}
