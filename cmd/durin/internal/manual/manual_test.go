package manual

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func sample() *cobra.Command {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "durin", Short: "Tokens", Long: "First.\n\n.TH is no order here,\n'nor this, nor \\fB that."}
	root.PersistentFlags().String("db", "durin.db", "a `PATH`")
	noun := &cobra.Command{Use: "client", Short: "Clients"}
	verb := &cobra.Command{Use: "create NAME", Short: "Make one", Example: "  durin client create web", Run: run}
	verb.Flags().Bool("json", false, "write JSON")
	noun.AddCommand(verb)
	root.AddCommand(noun, &cobra.Command{Use: "secret", Short: "Hidden", Hidden: true, Run: run})
	return root
}

func TestPages(t *testing.T) {
	pages := Pages(sample(), About{Version: "1.2.3", Date: time.Unix(0, 0)})
	var names []string
	for _, p := range pages {
		names = append(names, p.Name)
	}
	if want := []string{"durin.1", "durin-client.1", "durin-client-create.1"}; !slices.Equal(names, want) {
		t.Fatalf("pages %v, want %v", names, want)
	}
	for _, want := range []string{`.TH "DURIN" 1 "1970\-01\-01" "durin 1.2.3"`, `\&.TH is no order`, `\&'nor this, nor \efB`, ".B \\-\\-db \\fIPATH\\fP\na PATH (default durin.db)", `\fBdurin\-client\fP(1)`} {
		if !strings.Contains(string(pages[0].Text), want) {
			t.Errorf("durin.1 has no %q:\n%s", want, pages[0].Text)
		}
	}
	for _, want := range []string{"  durin client create web", ".SH OPTIONS OF EVERY COMMAND", ".B \\-\\-json\nwrite JSON"} {
		if !strings.Contains(string(pages[2].Text), want) {
			t.Errorf("durin-client-create.1 has no %q:\n%s", want, pages[2].Text)
		}
	}
}

// Only known orders begin a line: what a help text says is never one.
func TestOrders(t *testing.T) {
	known := []string{".TH", ".SH", ".PP", ".TP", ".B", ".BR", ".nf", ".fi"}
	for _, p := range Pages(sample(), About{}) {
		for line := range strings.Lines(string(p.Text)) {
			order, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.HasPrefix(order, ".") && !slices.Contains(known, order) || strings.HasPrefix(line, "'") {
				t.Errorf("%s: %s", p.Name, line)
			}
		}
	}
}
