package watchtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/durin-go/durin/cmd/durin/test/servers"
)

const (
	rulesFile     = root + "/deploy/prometheus/alerts.yml"
	ruleTests     = root + "/deploy/prometheus/alerts_test.yml"
	dashboardFile = root + "/deploy/grafana/durin.json"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A query is an expression and what asks it: an alert or a panel.
type query struct{ of, expr string }

var (
	alertLine = regexp.MustCompile(`(?m)^      - alert: (\w+)\n        expr: (.+)$`)
	testedOne = regexp.MustCompile(`(?m)^      - eval_time: \S+\n        alertname: (\w+)\n        exp_alerts:\n          - exp_labels`)
)

func alerts(t *testing.T) []query {
	t.Helper()
	text := read(t, rulesFile)
	var all []query
	for _, m := range alertLine.FindAllStringSubmatch(text, -1) {
		all = append(all, query{m[1], m[2]})
	}
	if len(all) < 10 || len(all) != strings.Count(text, "alert:") {
		t.Fatalf("%d alerts were found", len(all))
	}
	return all
}

// panels are the dashboard's queries, without its variables.
func panels(t *testing.T) []query {
	t.Helper()
	var board struct {
		UID    string
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &board); err != nil {
		t.Fatal(err)
	}
	var all []query
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: its number is taken, or it shows nothing, or stands outside", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all = append(all, query{p.Title, strings.NewReplacer("$instance", ".+", "$__rate_interval", "1m").Replace(target.Expr)})
		}
	}
	if board.UID == "" || len(all) < 30 {
		t.Fatalf("the dashboard has %d queries", len(all))
	}
	return all
}

// TestRules: Prometheus takes the rules, each of them has a test, and these pass.
func TestRules(t *testing.T) {
	promtool := servers.Program(t, "promtool", "prometheus")
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", ruleTests}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	var tested []string
	for _, m := range testedOne.FindAllStringSubmatch(read(t, ruleTests), -1) {
		tested = append(tested, m[1])
	}
	for _, a := range alerts(t) {
		if !slices.Contains(tested, a.of) {
			t.Errorf("%s has no test in which it fires", a.of)
		}
	}
}

// TestQueriesParse: the dashboard's are in Prometheus's language.
func TestQueriesParse(t *testing.T) {
	promtool := servers.Program(t, "promtool", "prometheus")
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, q := range panels(t) {
		text, _ := json.Marshal(q.expr)
		rules.WriteString("  - {record: x, expr: " + string(text) + "}\n")
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	// Duplicates are no fault here: all of them have one name.
	out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", "--lint=none", file).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var (
	inQuotes  = regexp.MustCompile(`"[^"]*"`)
	selection = regexp.MustCompile(`([a-z_:]+)\{([^}]*)\}`)
	matcher   = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
	listing   = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right) ?\([^)]*\)`)
	spanOf    = regexp.MustCompile(`\[[^\]]*\]`)
	word      = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*(\(| \()?`)
)

// metricsIn are the names of metrics in a query.
func metricsIn(expr string) []string {
	expr = inQuotes.ReplaceAllString(expr, "")
	expr = selection.ReplaceAllString(expr, "$1")
	expr = spanOf.ReplaceAllString(listing.ReplaceAllString(expr, ""), "")
	var names []string
	for _, m := range word.FindAllString(expr, -1) {
		if name := strings.TrimSpace(m); !strings.HasSuffix(name, "(") && !slices.Contains([]string{"and", "or", "unless", "bool", "offset", "by", "sum", "max", "min", "count", "without"}, name) {
			names = append(names, name)
		}
	}
	return names
}

func TestMetricsIn(t *testing.T) {
	got := metricsIn(`histogram_quantile(0.99, sum by (route, le) (rate(a_b{x=~"c|d_e",y="f"}[5m]))) / on(z) max(g_h) - time() > 14 * 86400`)
	if !slices.Equal(got, []string{"a_b", "g_h"}) {
		t.Errorf("%q", got)
	}
}

// lacks tells what a query names that a scrape has not: metrics, and values of
// labels.
func (s scrape) lacks(expr string) []string {
	var lacking []string
	for _, name := range metricsIn(expr) {
		if _, there := s.sum(name); !there && name != "up" { // that one is Prometheus's own
			lacking = append(lacking, name)
		}
	}
	for _, m := range selection.FindAllStringSubmatch(expr, -1) {
		for _, pair := range matcher.FindAllStringSubmatch(m[2], -1) {
			label, kind, text := pair[1], pair[2], pair[3]
			if label == "job" || label == "instance" {
				continue // Prometheus adds them
			}
			values := []string{text}
			if strings.HasSuffix(kind, "~") {
				values = strings.Split(text, "|")
			}
			for _, value := range values {
				if _, there := s.sum(m[1], label, value); !there {
					lacking = append(lacking, m[1]+"{"+label+"="+value+"}")
				}
			}
		}
	}
	return lacking
}

// TestEveryMetricIsThere: what the alerts and the dashboard name is in a scrape of
// the program, with the values of labels that they select by; and no metric of
// ours is left out of the page about them.
func TestEveryMetricIsThere(t *testing.T) {
	t.Parallel()
	n, token := busy(t)
	s := n.scrape()
	for _, q := range slices.Concat(alerts(t), panels(t)) {
		for _, what := range s.lacks(q.expr) {
			t.Errorf("%s: there is no %s", q.of, what)
		}
	}
	s.telltale(t, token)
	s.explained(t)
	t.Run("Prometheus", func(t *testing.T) { scraped(t, n) })
}

// labels that there may be.
var labels = []string{"call", "cause", "channel", "client", "code", "db_name", "goarch", "goversion", "kind", "le", "quantile", "result", "route", "version"}

// telltale: no label tells of a user, a token, an address, or anything else that a
// caller has sent.
func (s scrape) telltale(t *testing.T, token string) {
	t.Helper()
	series := map[string]int{}
	for _, one := range s.samples {
		series[one.name]++
		for label, value := range one.labels {
			if !slices.Contains(labels, label) {
				t.Errorf("%s has the label %s", one.name, label)
			}
			for _, secret := range []string{userName, token, "0123456789", "made", "sesame", "BREW", "127.0.0.1"} {
				if strings.Contains(value, secret) {
					t.Errorf("%s tells %s=%s", one.name, label, value)
				}
			}
		}
	}
	for name, count := range series {
		if bound := 1000; count > bound {
			t.Errorf("%s has %d series", name, count)
		}
	}
}
