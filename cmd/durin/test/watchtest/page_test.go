package watchtest

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of metrics anew")

const page = root + "/docs/metrics.md"

// table is a row for each of our metrics.
func (s scrape) table() string {
	var names []string
	for name := range s.types {
		if strings.HasPrefix(name, "durin_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| metric | kind | labels | meaning |\n|---|---|---|---|\n")
	for _, name := range names {
		b.WriteString("| `" + name + "` | " + s.types[name] + " | " + s.labels(name) + " | " + s.help[name] + " |\n")
	}
	return b.String()
}

// labels lists those of a metric; where values are few and always the same, these
// too.
func (s scrape) labels(name string) string {
	values := map[string][]string{}
	for _, one := range s.samples {
		if one.name != name && (s.types[name] != "histogram" || one.name != name+"_count") {
			continue
		}
		for label, value := range one.labels {
			if !slices.Contains(values[label], value) {
				values[label] = append(values[label], value)
			}
		}
	}
	var all []string
	for label, some := range values {
		text := "`" + label + "`"
		if slices.Contains([]string{"result", "cause", "kind"}, label) {
			slices.Sort(some)
			text += ": " + strings.Join(some, ", ")
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// explained: the page has a row for each metric, as the program tells it.
func (s scrape) explained(t *testing.T) {
	t.Helper()
	text := read(t, page)
	const from, to = "<!-- metrics -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(text, from)
	found, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	want := s.table()
	if found == want {
		return
	}
	if !*update {
		t.Errorf("docs/metrics.md is not what the program tells: go test ./test/watchtest -run EveryMetric -update writes it. It would be:\n%s", want)
		return
	}
	if err := os.WriteFile(page, []byte(before+from+want+to+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
